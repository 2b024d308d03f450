"""Reads the weights in ncnn's two files: a text of layers and one binary.

Supports only plain convolutional networks: Convolution and PReLU. Layers without weights are skipped. For the formats see
https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_MAGIC = "7767517"
_HALF = 0x01306B47  # tag before float16 weights; the tag before float32 is 0
_WITHOUT_WEIGHTS = {"Input", "Split", "Concat", "BinaryOp", "Eltwise", "Interp", "PixelShuffle", "ReLU"}


@dataclass(eq=False)
class WeightsUnreadable(Exception):
    """The files are damaged, or contain a layer that this reader does not know."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One layer's weights in float32, in the order of the forward pass."""

    weight: Tensor  # convolution: (out, in, side, side); PReLU: (channels,)
    bias: Tensor | None


def read_layers(param: Path, binary: Path) -> list[Layer]:
    """Returns all layers with weights. Raises WeightsUnreadable, OSError."""
    content = binary.read_bytes()
    layers: list[Layer] = []
    at = 0

    def floats(count: int, dtype: type[np.generic] = np.float32) -> Tensor:
        nonlocal at
        if at + count * np.dtype(dtype).itemsize > len(content):
            raise WeightsUnreadable(binary, f"ends inside layer {len(layers)}")
        values = np.frombuffer(content, dtype, count, at).astype(np.float32)
        at += -(-values.size * np.dtype(dtype).itemsize // 4) * 4  # every array starts at a multiple of four
        return torch.from_numpy(values)

    for kind, options in _described(param):
        if kind == "PReLU":
            layers.append(Layer(weight=floats(options[0]), bias=None))
        elif kind == "Convolution":
            outputs, side, count = options[0], options[1], options[6]
            tag = int.from_bytes(content[at : at + 4], "little")
            if tag not in (0, _HALF):
                raise WeightsUnreadable(binary, f"storage {tag:#x} of layer {len(layers)} is unknown")
            at += 4
            weight = floats(count, np.float16 if tag == _HALF else np.float32)
            bias = floats(outputs) if options.get(5) else None
            layers.append(Layer(weight=weight.reshape(outputs, -1, side, side), bias=bias))
        elif kind not in _WITHOUT_WEIGHTS:
            raise WeightsUnreadable(param, f"layer type {kind} is unknown")
    if at != len(content):
        raise WeightsUnreadable(binary, f"{len(content) - at} bytes are left over")
    return layers


def _described(param: Path) -> Iterator[tuple[str, dict[int, int]]]:
    """Yields each layer's type and its integer options.

    A line is: type, name, number of inputs, number of outputs, their names, key=value pairs. Array options have keys below
    -23300. They hold activation slopes, which are constants in the networks used here.
    """
    magic, _, *lines = param.read_text("ascii").splitlines()
    if magic != _MAGIC:
        raise WeightsUnreadable(param, "not an ncnn description")
    for line in filter(None, lines):
        kind, _, inputs, outputs, *rest = line.split()
        pairs = (pair.split("=") for pair in rest[int(inputs) + int(outputs) :])
        yield kind, {int(key): int(value) for key, value in pairs if int(key) >= 0 and value.isdecimal()}
