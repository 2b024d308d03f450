"""Reads the headers of GGUF files, which hold quantised weights. Imports no torch, so the bot can report errors at start."""

import math
from pathlib import Path
from typing import BinaryIO

from generation.files.tensor_file import (
    NEEDS_FULL,
    BrokenModelFolder,
    TensorHeader,
    refuse_other_kinds,
    unreadable,
)

READABLE = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}
"""Types that diffusers reads: number in the file -> name, weights in a block, bytes of a block."""

_OTHERS = {
    9: "Q8_1",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    29: "IQ1_M",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
    40: "NVFP4",
}

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_HEADER = 100_000_000
"""Bytes. The vocabulary of a language model takes 10 MB."""

_SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Kind of a value in the metadata -> its bytes."""
_STRING, _ARRAY = 8, 9
_MOST_DIMENSIONS = 4  # ggml's own limit


class _CutOff(Exception):
    """The file ends inside its header."""


class _Reader:
    """Raises _CutOff at the end of the file, and ValueError for a header that is too long."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.place = 0  # bytes from the start of the file

    def take(self, count: int) -> bytes:
        self.place += count
        if self.place > _MAX_HEADER:
            raise ValueError(self.place)
        taken = self._stream.read(count)
        if len(taken) < count:
            raise _CutOff
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        return self.take(self.number(8)).decode()

    def value(self, kind: int) -> int | str | None:
        """Returns a number's bytes as an unsigned number, a text, or None for a list. Lists of lists are refused: no program
        writes them, and a file could nest them deeper than Python's stack.
        """
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.number(_size(kind))
        of = self.number(4)
        count = self.number(8)
        if of == _STRING:
            for _ in range(count):
                self.text()
        else:
            self.take(count * _size(of))
        return None


def read_gguf_header(source: str, file: Path) -> TensorHeader:
    """Reads the header of a GGUF file. Raises BrokenModelFolder if the file is not complete.

    The file has a mark, a version, metadata, then name, shape, type and place of each tensor, then the tensors. The fastest
    dimension comes first. See https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """
    name = f"{file.parent.name}/{file.name}"
    try:
        with file.open("rb") as stream:
            reader = _Reader(stream)
            try:
                header, start = _read(reader)
            except _CutOff:
                size = file.stat().st_size
                stream.seek(0)
                _check_mark(source, name, stream.read(128))
                reason = f"{name} is cut off in its header ({size} bytes)."
                raise BrokenModelFolder(source, reason, NEEDS_FULL) from None
            except ValueError:
                stream.seek(0)
                _check_mark(source, name, stream.read(128))
                raise BrokenModelFolder(
                    source, f"{name} is no GGUF file of version 2 or 3.", NEEDS_FULL
                ) from None
        size = file.stat().st_size
    except OSError as error:
        raise unreadable(source, name, file, error) from None
    if size < start + header.bytes:
        reason = f"{name} has {size} bytes where its header says {start + header.bytes}."
        raise BrokenModelFolder(source, reason, NEEDS_FULL)
    return header


def _read(reader: _Reader) -> tuple[TensorHeader, int]:
    """Returns the header and the place where the tensors begin."""
    if reader.take(4) != _MAGIC or reader.number(4) not in _VERSIONS:
        raise ValueError
    tensors, values = reader.number(8), reader.number(8)
    metadata: dict[str, str] = {}
    alignment = 32
    for _ in range(values):
        key = reader.text()
        value = reader.value(reader.number(4))
        if isinstance(value, str):
            metadata[key] = value
        elif key == "general.alignment" and value:
            alignment = value
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    end = 0
    for _ in range(tensors):
        name = reader.text()
        if (dimensions := reader.number(4)) > _MOST_DIMENSIONS:
            raise ValueError(dimensions)
        shape = tuple(reader.number(8) for _ in range(dimensions))[::-1]
        number, offset = reader.number(4), reader.number(8)
        # Of a type that can't be read the size does not matter.
        dtype, weights, size = READABLE.get(number, (_OTHERS.get(number, f"number {number}"), 1, 0))
        shapes[name], dtypes[name] = shape, dtype
        end = max(end, offset + math.prod(shape) // weights * size)
    start = -(-reader.place // alignment) * alignment
    return TensorHeader(shapes=shapes, dtypes=dtypes, metadata=metadata, bytes=end), start


def _check_mark(source: str, name: str, start: bytes) -> None:
    """Raises BrokenModelFolder for a file of another kind."""
    if not start.startswith(_MAGIC):
        refuse_other_kinds(source, name, start)
        raise BrokenModelFolder(source, f"{name} is no GGUF file.", NEEDS_FULL)


def _size(kind: int) -> int:
    """Raises ValueError for an unknown kind of value."""
    if kind not in _SCALARS:
        raise ValueError(kind)
    return _SCALARS[kind]
