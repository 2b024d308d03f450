"""Prompts that must always be refused or allowed, as data: the filter's own test, run wherever a rule changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from moderation.owner_file import FileBroken
from moderation.verdict import Ruling, Verdict

DEFAULT_MUST = Path(__file__).with_name("must.jsonl")

Check = Callable[[Mapping[str, str]], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenPrompt:
    prompt: str
    negative: str = ""
    is_refused: bool  # otherwise a picture must be made, flagged or not

    @property
    def texts(self) -> dict[str, str]:
        return {"prompt": self.prompt} | ({"negative": self.negative} if self.negative else {})

    def holds(self, verdict: Verdict) -> bool:
        return (verdict.ruling is Ruling.REFUSE) == self.is_refused


class GoldenPromptsBroken(FileBroken):
    what = "The list of prompts that must be refused or allowed"


def read_golden_prompts(path: Path | None = None) -> tuple[GoldenPrompt, ...]:
    """JSON lines {"prompt": …, "negative": … (optional), "must": "refuse" or "allow"}. Raises MustBroken."""
    return tuple(_read(path or DEFAULT_MUST))


def broken(musts: Iterable[GoldenPrompt], check: Check) -> list[tuple[GoldenPrompt, Verdict]]:
    """Those that do not hold, with the verdict that they get instead."""
    checked = ((must, check(must.texts)) for must in musts)
    return [(must, verdict) for must, verdict in checked if not must.holds(verdict)]


def _read(path: Path) -> Iterable[GoldenPrompt]:
    for number, line in enumerate(GoldenPromptsBroken.read(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            entry: object = json.loads(line)
        except ValueError as error:
            raise GoldenPromptsBroken(str(path), f"line {number}", f"not JSON: {error}") from error
        fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        prompt, negative, must = fields.get("prompt"), fields.get("negative", ""), fields.get("must")
        if not isinstance(prompt, str) or not isinstance(negative, str) or must not in ("refuse", "allow"):
            raise GoldenPromptsBroken(
                str(path), f"line {number}", 'write {"prompt": "…", "must": "refuse"} or "allow"'
            )
        yield GoldenPrompt(prompt=prompt, negative=negative, is_refused=must == "refuse")
