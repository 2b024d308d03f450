"""What the device can do, as a process of its own finds it out: plain values, and the way to ask. No torch here.

A model that takes the process down with it is then a sentence, not the end of the examination.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from generation.request import ModelEntry

COMMAND = (sys.executable, "-m", "generation.worker.diagnostics")
_PROJECT = Path(__file__).resolve().parent.parent


class Card(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    name: str
    kind: str  # "cuda" or "cpu"
    free: int  # bytes of its memory
    total: int
    dtype: str  # what models are loaded in where their entry says nothing
    has_bfloat16: bool
    compiler: str  # what torch.compile would use; empty: it can't
    torch: str
    diffusers: str


class ModelReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Seconds of the device. `why_not` is a sentence, empty where the model works."""

    name: str
    why_not: str = ""
    pipeline: str = ""  # diffusers' class
    is_batched: bool = True  # False: it draws whole pictures by itself, one after the other
    loading: float = 0.0
    steps: dict[int, float] = {}  # by rows: one step
    fixed: float = 0.0  # of the line through them: what a step costs before its first row, and each row
    a_row: float = 0.0
    knee: int = 0  # rows worth putting into one step; 0: not known
    decoding: float = 0.0  # one picture, enlarged where its entry says so
    order: float = 0.0  # four pictures as a member gets who says nothing else, alone on the device
    note: str = ""  # what was left out, and why


Finding = Card | ModelReport
encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Finding).decode
_Entries = tuple[ModelEntry, ...]
decode_entries = msgspec.json.Decoder(_Entries).decode


def examine(entries: Sequence[ModelEntry]) -> Iterator[Finding]:
    """The card, then every model in order, as they are found. A process that dies is a report on the model it died of."""
    left: list[str] = [entry.name for entry in entries]
    # transformers misses torchvision aloud, which nothing here needs; a model has no business with the token.
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
