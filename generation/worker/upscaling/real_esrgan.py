"""The two networks of Real-ESRGAN, both enlarging four times, built from ncnn's layers.

RRDBNet: Wang et al., "ESRGAN", 2018, https://arxiv.org/abs/1809.00219; the compact one:
https://github.com/xinntao/Real-ESRGAN/blob/master/realesrgan/archs/srvgg_arch.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generation.worker.upscaling.ncnn import Layer

SCALE = 4


def build(layers: Sequence[Layer]) -> nn.Module:
    """The network that these weights belong to: the compact one has PReLU layers, RRDBNet has none.

    Raises RuntimeError when the shapes fit neither.
    """
    is_compact = any(not layer.is_convolution for layer in layers)
    network = Compact(depth=len(layers) // 2 - 1) if is_compact else RRDBNet(blocks=(len(layers) - 6) // 15)
    names = list(_names(network))
    state: dict[str, Tensor] = {}
    for name, layer in zip(names, layers, strict=True):
        state[f"{name}.weight"] = layer.weight
        if layer.bias is not None:
            state[f"{name}.bias"] = layer.bias
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _names(network: nn.Module) -> Iterator[str]:
    """Leaf modules in the order in which they were made, which here is the order of the forward pass."""
    return (name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.PReLU))


class Compact(nn.Module):
    """SRVGGNetCompact: a straight row of convolutions whose pixels are shuffled into a larger picture."""

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
    """Residual in residual dense blocks, then twice doubled."""

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
    """Five convolutions, each of which sees the results of all before it."""

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
