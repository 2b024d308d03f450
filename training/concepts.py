"""What the model is taught to draw: the concepts of concepts.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("concepts.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    name: str
    pictures: tuple[str, ...]  # names in the archive, the usual one first
    words: tuple[str, ...]  # what people call it, the usual one first
    colour: str | None  # the usual picture's own colour, if it has one
    is_common: bool  # among the words a newcomer types first


def load(path: Path = PATH) -> list[Concept]:
    """All concepts, the common ones first."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        _parse(name, row, is_common=group == "common")
        for group in ("common", "other")
        for name, row in document[group].items()
    ]


def _parse(name: str, row: dict[str, Any], *, is_common: bool) -> Concept:
    return Concept(
        name=name,
        pictures=tuple(row.get("pictures", [name])),
        words=tuple(row.get("words", [name])),
        colour=row.get("colour"),
        is_common=is_common,
    )
