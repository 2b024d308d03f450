"""Examines the device and the models in a separate process, and defines the findings as plain values. Imports no torch.

If a model crashes that process, the crash becomes one sentence in the report and the examination still ends normally.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from generation.abilities import Abilities
from generation.request import ModelEntry

COMMAND = (sys.executable, "-m", "generation.worker.diagnostics")
_PROJECT = Path(__file__).resolve().parent.parent


class Card(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    name: str
    kind: str  # "cuda" or "cpu"
    free: int  # bytes of free device memory
    total: int
    dtype: str  # the dtype for models whose entry names none
    has_bfloat16: bool
    compiler: str  # the compiler that torch.compile would use; empty: not available
    torch: str
    diffusers: str


class ModelReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Test results of one model. Times are device seconds. `why_not` is a sentence; it is empty if the model works."""

    name: str
    why_not: str = ""
    pipeline: str = ""  # the diffusers class
    is_batched: bool = True  # False: draws whole pictures one after the other
    loading: float = 0.0
    steps: dict[int, float] = {}  # number of rows -> seconds of one step
    fixed: float = 0.0  # of the straight line fitted to `steps`: a step without rows
    a_row: float = 0.0  # and each row
    knee: int = 0  # useful rows in one step; 0: unknown
    decoding: float = 0.0  # one picture, including the upscaling that its entry sets
    order: float = 0.0  # four pictures with default settings, alone on the device
    abilities: Abilities | None = None  # None for a model that does not work
    note: str = ""  # parts of the test that were left out, and the reason


class Fetching(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Files of a model are being fetched from a hub. Comes every few seconds."""

    name: str
    done: int  # bytes
    total: int


Finding = Card | Fetching | ModelReport
encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Finding).decode
_Entries = tuple[ModelEntry, ...]
decode_entries = msgspec.json.Decoder(_Entries).decode


def examine(entries: Sequence[ModelEntry]) -> Iterator[Finding]:
    """Yields the card, then a report for every model in order, as soon as each is known; before it the progress of its download.

    If the process dies, the models without a report get a report that says so.
    """
    left: list[str] = [entry.name for entry in entries]
    # Without the first variable, transformers warns that torchvision is missing; nothing here needs torchvision. The token is
    # removed because a model must not read it.
    environment = {**os.environ, "TRANSFORMERS_VERBOSITY": "error"}
    environment.pop("DISCORD_TOKEN", None)
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_PROJECT, env=environment
    )
    assert process.stdin is not None and process.stdout is not None
    with process:
        process.stdin.write(encode(tuple(entries)) + b"\n")
        process.stdin.close()
        for line in process.stdout:
            finding = _decode(line)
            if isinstance(finding, ModelReport):
                left.remove(finding.name)
            yield finding
    for name in left:
        yield ModelReport(
            name=name, why_not=f"The process that tried it died (exit code {process.returncode})."
        )
