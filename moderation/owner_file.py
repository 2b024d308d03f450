"""A file of the owner (rules, golden prompts, real persons), and the error raised if it can't be used."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from msgspec import ValidationError

from startup import StartError

_KINDS = {"array": "a list", "object": "a table", "str": "text", "date": "a date such as 2026-11-01"}


@dataclass(eq=False)
class FileBroken(StartError):
    what: ClassVar[str]
    """The name of the file's purpose; the error's sentence begins with it."""

    file: str
    where: str  # "line 3", "rule 'gore'", "rule 4"; empty: the whole file
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        remedy = f" - {self.remedy}" if self.remedy else ""
        return f"{self.what} in {self.file} can't be used: {where}{self.problem}{remedy}."

    @classmethod
    def read(cls, path: Path) -> str:
        """Returns the text of the file. Raises this error."""
        try:
            return path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise cls(str(path), "", error.strerror or str(error), "") from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise cls(str(path), f"line {line}", "not UTF-8 text", "save the file as UTF-8") from error


def problem_of(error: ValidationError) -> str:
    """Rewrites msgspec's message for an owner, without the place of the error."""
    message = str(error).partition(" - at ")[0]
    if found := re.match(r"Expected `(\w+)`", message):
        return f"it must be {_KINDS.get(found[1], found[1])}"
    if found := re.fullmatch(r"Object (missing required|contains unknown) field `(.+)`", message):
        return (
            f"{found[2]!r} is missing"
            if found[1].startswith("missing")
            else f"{found[2]!r} is not known here"
        )
    return message
