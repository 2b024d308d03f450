"""Files of the owner: TOML, and the error raised if the rules, golden prompts or real persons can't be used."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from msgspec import ValidationError

from startup import StartError, printable

_KINDS = {"array": "a list", "object": "a table", "str": "text", "date": "a date such as 2026-11-01"}


@dataclass(eq=False)
class FileBroken(StartError):
    what: ClassVar[str]
    """The name of the file's purpose; the error's sentence begins with it."""
    key: ClassVar[str] = ""
    """The setting that names the file; empty: none does."""

    file: str
    where: str  # "line 3", "rule 'gore'", "rule 4"; empty: the whole file
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        remedy = f" - {self.remedy}" if self.remedy else ""
        return printable(f"{self.what} in {self.file} can't be used: {where}{self.problem}{remedy}.")

    @classmethod
    def read(cls, path: Path) -> str:
        """Returns the text of the file. Raises this error."""
        named = f"{cls.key} names it" if cls.key else ""
        try:
            return path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise cls(str(path), "", error.strerror or str(error), named) from error
        except UnicodeDecodeError as error:
            raise cls(str(path), line_of(error), NOT_UTF8, "save the file as UTF-8") from error
        except ValueError as error:  # a NUL in the path
            raise cls(str(path), "", str(error), named) from error


NOT_UTF8 = "not UTF-8 text"


def line_of(error: UnicodeDecodeError) -> str:
    """Returns the place of the first byte that is not UTF-8, as "line 3"."""
    line = error.object[: error.start].count(b"\n") + 1
    return f"line {line}"


@dataclass(eq=False)
class NotToml(Exception):
    where: str  # "line 3"
    problem: str


def shown(value: object) -> str:
    """Returns a value of a file for a sentence. Python writes no number of more than 4,300 digits."""
    try:
        return repr(value)
    except ValueError:
        return "a number with too many digits"


_TOO_LONG = re.compile(r"[0-9_]{1000}")


def parse_toml(text: str) -> dict[str, Any]:
    """Parses TOML. Raises NotToml, also where Python's parser raises errors of other classes."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).partition(" (at ")
        where = place.removesuffix(")").split(", col")[0]
        if not where.startswith("line"):  # "end of document"
            where = f"line {len(text.splitlines())}"
        raise NotToml(where, problem) from error
    except ValueError as error:  # Python converts no number of more than 4,300 digits
        found = _TOO_LONG.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        raise NotToml(f"line {line}", "a number has too many digits") from error
    except RecursionError as error:
        raise NotToml(_deepest_line(text), "lists or tables are nested too deeply") from error


def _deepest_line(text: str) -> str:
    """Returns the line where the most brackets are open."""
    depth, most, deepest = 0, 0, 1
    for number, line in enumerate(text.splitlines(), start=1):
        for each in line:
            depth += (each in "[{") - (each in "]}")
            if depth > most:
                most, deepest = depth, number
    return f"line {deepest}"


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
