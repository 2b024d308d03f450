"""The steps of a saturated loop, in simulated time."""

from collections import Counter
from collections.abc import Sequence

import pytest

from benchmarks.shared.inside import play
from benchmarks.shared.orders import MODEL, SIDE, Arrival, order
from benchmarks.simulated import Costs, SimulatedClock, SimulatedModel
from generation.request import ModelEntry
from generation.worker.denoise.batch_state import ROW_COUNTS
from generation.worker.denoise.slots import Slot


class Counting(SimulatedModel):
    """A simulated model that counts the pictures of its steps."""

    def __init__(self) -> None:
        entry = ModelEntry(name=MODEL, source="", licence="none", side=SIDE, multiple=16)
        super().__init__(entry, SimulatedClock(), Costs())
        self.steps = Counter[int]()

    def advance(self, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        self.steps[len(slots)] += 1
        super().advance(slots, sizes=sizes)


@pytest.mark.parametrize(("pinned", "sizes"), [(16, ()), (0, ROW_COUNTS)])
def test_no_step_is_padded_while_there_are_pictures_to_fill_it(pinned: int, sizes: Sequence[int]) -> None:
    model = Counting()
    arrivals = [
        Arrival(at=0.0, scheduler="", request=order(f"{n}", member=n, steps=20, images=4, seed=n))
        for n in range(12)
    ]
    play(model, arrivals, slots=16, clock=model.clock, pinned_rows=pinned, sizes=sizes)
    if pinned:
        assert model.steps == {8: 12 * 4 * 20 // 8}
    else:
        rows = Counter({2 * pictures: times for pictures, times in model.steps.items()})
        assert sum(rows[size] for size in ROW_COUNTS) == rows.total()
        assert rows.total() <= 12 * 4 * 20 // 8
