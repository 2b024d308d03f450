import math
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from generation.worker.upscaling.ncnn import WeightsUnreadable, read_layers
from generation.worker.upscaling.upscale import Kind, Upscaler, weight_files

UNTILED = 10_000  # pixels; a tile larger than any picture here


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)  # on a busy machine two threads wait for each other


def drawing(height: int, width: int) -> Tensor:
    """Returns soft colours with a hard-edged disc, from a fixed seed."""
    noise = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    picture = F.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)[0]
    down, right = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    disc = (down - height / 2) ** 2 + (right - width / 2) ** 2 < (height / 3) ** 2
    picture[:, disc] *= 0.3
    return picture


def smooth(height: int, width: int) -> Tensor:
    corners = 0.25 + torch.rand(1, 3, 2, 2, generator=torch.Generator().manual_seed(1)) / 2
    return F.interpolate(corners, size=(height, width), mode="bilinear", align_corners=True)[0]


def psnr(one: Tensor, other: Tensor) -> float:
    """Returns decibels."""
    return -10 * math.log10(float((one - other).square().mean()) + 1e-12)


@pytest.mark.parametrize("kind", ["animevideov3", "anime", "x4plus"])
def test_the_installed_package_carries_the_weights(kind: Kind) -> None:
    assert all(path.is_file() for path in weight_files(kind))


def test_the_weights_are_read_without_importing_the_package() -> None:
    Upscaler.load("animevideov3")
    assert not [name for name in sys.modules if name.startswith("sr_vulkan")]


@pytest.mark.parametrize("factor", [2, 4])
def test_the_picture_is_exactly_factor_times_as_large(factor: int) -> None:
    large = Upscaler.load("animevideov3", tile=64).enlarge(drawing(70, 33), factor)
    assert large.shape == (3, factor * 70, factor * 33)
    assert large.dtype == torch.float32
    assert torch.equal(large, large.clamp(0, 1))


def test_each_tile_but_the_last_is_told() -> None:
    told: list[tuple[int, int]] = []
    Upscaler.load("animevideov3", tile=64).enlarge(
        drawing(70, 33), 2, lambda done, total: told.append((done, total))
    )
    assert told == [(1, 2)]


def test_another_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="3"):
        Upscaler.load("animevideov3").enlarge(drawing(8, 8), 3)


@pytest.mark.parametrize("size", [(64, 64), (65, 40), (130, 127), (160, 16), (1, 1)])
def test_tiles_of_the_compact_network_join_exactly(size: tuple[int, int]) -> None:
    picture = drawing(*size)
    tiled = Upscaler.load("animevideov3", tile=64).enlarge(picture, 4)
    whole = Upscaler.load("animevideov3", tile=UNTILED).enlarge(picture, 4)
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-4)


def test_tiles_of_the_deep_network_leave_no_seam() -> None:
    picture = drawing(96, 24)
    tiled = Upscaler.load("anime", tile=80).enlarge(picture, 4)
    whole = Upscaler.load("anime", tile=UNTILED).enlarge(picture, 4)
    assert psnr(tiled, whole) > 50
    # A seam would be a row that differs from the next one although the untiled picture has no edge there.
    steps = (tiled.diff(dim=1) - whole.diff(dim=1)).abs().mean(dim=(0, 2))
    assert float(steps.max()) < 1 / 255


@pytest.mark.parametrize("kind", ["animevideov3", "anime", "x4plus"])
def test_a_smooth_picture_stays_what_it_is(kind: Kind) -> None:
    picture = smooth(32, 40)
    large = Upscaler.load(kind).enlarge(picture, 4)
    expected = F.interpolate(picture[None], scale_factor=4, mode="bicubic", align_corners=False)[0].clamp(
        0, 1
    )
    assert psnr(large, expected) > 30


def test_twice_is_the_same_picture_as_four_times() -> None:
    picture = smooth(32, 32)
    upscaler = Upscaler.load("animevideov3")
    twice, four_times = upscaler.enlarge(picture, 2), upscaler.enlarge(picture, 4)
    assert psnr(F.avg_pool2d(four_times[None], 2)[0], twice) > 40


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    param, binary = weight_files("animevideov3")
    broken = tmp_path / "broken.bin"
    for content in (binary.read_bytes()[:-4], binary.read_bytes() + b"\0\0\0\0", b"\x01" * 100):
        broken.write_bytes(content)
        with pytest.raises(WeightsUnreadable):
            read_layers(param, broken)
