"""Pictures that are decoded together are transferred to the host together."""

import numpy as np
import pytest
import torch

from generation.worker.output.decode import Arriving, Finisher, NotFinite, to_bytes


def test_pictures_that_cross_together_are_each_what_it_is_alone() -> None:
    pictures = torch.rand((3, 3, 8, 6), generator=torch.Generator().manual_seed(1))
    together = Arriving(to_bytes(pictures)).each()
    assert len(together) == 3
    for one, picture in zip(together, pictures, strict=True):
        assert np.array_equal(one.wait(), Arriving(to_bytes(picture)).wait())
        assert one.picture().size == (6, 8)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_numbers_that_are_no_colours_are_no_picture(broken: float) -> None:
    pictures = list(torch.rand((2, 3, 8, 6), generator=torch.Generator().manual_seed(1)))
    pictures[1][0, 3, 2] = broken
    good, bad = Finisher(torch.device("cpu")).finish(pictures)
    assert good.picture().size == (6, 8)
    with pytest.raises(NotFinite):
        bad.picture()
