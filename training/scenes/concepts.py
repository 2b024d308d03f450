"""The concepts that the model is taught to draw, from concepts.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PATH = Path(__file__).with_name("concepts.toml")
GROUPS: Final = ("common", "other", "later", "more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    name: str
    pictures: tuple[str, ...]  # names in the archive, the most usual first
    words: tuple[str, ...]  # words that people use for it, the most usual first
    colour: str | None  # the usual picture's own colour, if it has one
    group: str  # name of its table in the file

    @property
    def is_common(self) -> bool:
        """Returns whether it is among the words that a new member types first."""
        return self.group == "common"


def load(path: Path = PATH) -> list[Concept]:
    """Returns all concepts, group by group."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return [_parse(name, row, group) for group in GROUPS for name, row in document.get(group, {}).items()]


def drawings(taught: list[Concept]) -> list[str]:
    """Returns the archive's names of all their pictures, sorted."""
    return sorted({name for concept in taught for name in concept.pictures})


def _parse(name: str, row: dict[str, Any], group: str) -> Concept:
    return Concept(
        name=name,
        pictures=tuple(row.get("pictures", [name])),
        words=tuple(row.get("words", [name])),
        colour=row.get("colour"),
        group=group,
    )
