"""Golden prompts: prompts that must always be refused or allowed, as data. They test the filter whenever a rule changes."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import Struct, ValidationError, convert

from moderation.owner_file import FileBroken, problem_of
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


class _Line(Struct):
    prompt: str
    must: Literal["refuse", "allow"]
    negative: str = ""


class GoldenPromptsBroken(FileBroken):
    what = "The list of prompts that must be refused or allowed"
    key = "moderation.must"


def read_golden_prompts(path: Path | None = None) -> tuple[GoldenPrompt, ...]:
    """Reads JSON lines {"prompt": …, "negative": … (optional), "must": "refuse" or "allow"}. Raises GoldenPromptsBroken."""
    return tuple(_read(path or DEFAULT_MUST))


def broken(musts: Iterable[GoldenPrompt], check: Check) -> list[tuple[GoldenPrompt, Verdict]]:
    """Returns the golden prompts with a wrong verdict, each with that verdict."""
    checked = ((must, check(must.texts)) for must in musts)
    return [(must, verdict) for must, verdict in checked if not must.holds(verdict)]


def _read(path: Path) -> Iterable[GoldenPrompt]:
    for number, line in enumerate(GoldenPromptsBroken.read(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            entry = convert(json.loads(line), _Line)
        except (ValueError, RecursionError) as error:
            remedy = 'write {"prompt": "…", "must": "refuse"} or "allow"'
            problem = problem_of(error) if isinstance(error, ValidationError) else f"not valid JSON: {error}"
            raise GoldenPromptsBroken(str(path), f"line {number}", problem, remedy) from error
        yield GoldenPrompt(prompt=entry.prompt, negative=entry.negative, is_refused=entry.must == "refuse")
