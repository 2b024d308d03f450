"""Reads the headers of safetensors files, and says what a file is that is none. Imports no torch, so the bot can report errors at
start.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

NEEDS_FULL = "Download the model again, or point `source` at a complete folder in diffusers' layout."
NEEDS_SAFETENSORS = "Download the model's *.safetensors files, or convert it with `save_pretrained(…, safe_serialization=True)`."
_NEEDS_LFS = "Run `git lfs pull` in the folder, or download the file itself."
_MAX_HEADER = 100_000_000
"""Bytes. The safetensors library refuses longer headers too."""
_MOST_DIMENSIONS = 8  # models have five at most; the product of thousands would take minutes


@dataclass(eq=False)
class BrokenModelFolder(Exception):
    source: str
    reason: str  # a sentence: the problem
    advice: str  # a sentence: the remedy

    def __str__(self) -> str:
        return f"{self.source}: {self.reason} {self.advice}"


class _Tensor(msgspec.Struct):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorHeader:
    """The header of a safetensors or GGUF file."""

    shapes: dict[str, tuple[int, ...]]  # by name of the tensor
    dtypes: dict[str, str]  # "F32", "F16", "BF16", "F8_E4M3", "I64", ...; of GGUF also "Q8_0", "Q4_K", ...
    metadata: dict[str, str]  # what the program that wrote the file says about it
    bytes: int  # of all tensors


def read_shapes(source: str, file: Path) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors in a safetensors file, by name. Raises BrokenModelFolder if the file is not complete."""
    return read_header(source, file).shapes


def read_header(source: str, file: Path) -> TensorHeader:
    """Reads the header of a safetensors file. Raises BrokenModelFolder if the file is not complete.

    The file has eight bytes of length, a JSON header of that length, then tensors up to the largest offset in the header. See
    https://github.com/huggingface/safetensors#format
    """
    name = f"{file.parent.name}/{file.name}"
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            start = stream.read(8)
            length = int.from_bytes(start, "little")
            if length > size - 8 or length > _MAX_HEADER:
                refuse_other_kinds(source, name, start + stream.read(120))
                if size - 8 >= length:
                    raise BrokenModelFolder(source, f"{name} is no safetensors file.", NEEDS_FULL)
            if size < 8 or length > size - 8:
                raise BrokenModelFolder(
                    source, f"{name} is cut off in its header ({size} bytes).", NEEDS_FULL
                )
            header = stream.read(length)
    except OSError as error:
        raise unreadable(source, name, file, error) from None
    try:
        entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(entries.pop("__metadata__", msgspec.Raw(b"{}")), type=dict[str, str])
        tensors = {name: msgspec.json.decode(entry, type=_Tensor) for name, entry in entries.items()}
        if any(len(tensor.shape) > _MOST_DIMENSIONS for tensor in tensors.values()):
            raise ValueError
    except (ValueError, RecursionError):
        raise BrokenModelFolder(source, f"{name} is no safetensors file.", NEEDS_FULL) from None
    taken = max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
    expected = 8 + length + taken
    if size != expected:
        reason = f"{name} has {size} bytes where its header says {expected}."
        raise BrokenModelFolder(source, reason, NEEDS_FULL)
    return TensorHeader(
        shapes={name: tensor.shape for name, tensor in tensors.items()},
        dtypes={name: tensor.dtype for name, tensor in tensors.items()},
        metadata=metadata,
        bytes=taken,
    )


def unreadable(source: str, name: str, file: Path, error: OSError) -> BrokenModelFolder:
    """Returns the error for a file that can't be opened. The hub's cache consists of links to files in another folder."""
    if isinstance(error, FileNotFoundError) and file.is_symlink():
        return BrokenModelFolder(
            source, f"{name} is a link to a file that is gone: {file.readlink()}.", NEEDS_FULL
        )
    if isinstance(error, FileNotFoundError):
        return BrokenModelFolder(source, f"{name} is missing.", NEEDS_FULL)
    advice = "Let the bot's user read the file."
    return BrokenModelFolder(source, f"{name} can't be read: {error.strerror or error}.", advice)


def is_lfs_pointer(start: bytes) -> bool:
    """Returns whether a file is a Git LFS pointer, by its first bytes."""
    return start.startswith(b"version https://git-lfs.github.com/spec/")


def lfs_pointer(source: str, name: str) -> BrokenModelFolder:
    return BrokenModelFolder(
        source, f"{name} is a Git LFS pointer: the file itself was never fetched.", _NEEDS_LFS
    )


def refuse_other_kinds(source: str, name: str, start: bytes) -> None:
    """Raises BrokenModelFolder for kinds of files that are often found under the name of another. `start`: its first bytes."""
    if is_lfs_pointer(start):
        raise lfs_pointer(source, name)
    # torch.save writes a zip archive with a pickle inside; before version 1.6 it wrote the pickle alone.
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        reason = f"{name} is a pickle under another name; such files may run code when they are read."
        raise BrokenModelFolder(source, reason, NEEDS_SAFETENSORS)
    if start.startswith(b"GGUF"):
        advice = "Name it *.gguf, and set `source` to it, with `base`."
        raise BrokenModelFolder(source, f"{name} is a GGUF file under another name.", advice)
    if start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        reason = f"{name} is a web page, perhaps the form where its site asks for a password."
        raise BrokenModelFolder(source, reason, NEEDS_FULL)
