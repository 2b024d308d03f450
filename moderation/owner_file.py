"""A file of the owner's (rules, prompts that must come out right, real persons), and what is said where it can't be used."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from startup import StartError


@dataclass(eq=False)
class FileBroken(StartError):
    what: ClassVar[str]
    """Which file it is: the sentence begins with it."""

    file: str
    where: str  # "line 3", "rule 'gore'", "rule 4"; empty: all of it
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        remedy = f" - {self.remedy}" if self.remedy else ""
        return f"{self.what} in {self.file} can't be used: {where}{self.problem}{remedy}."

    @classmethod
    def read(cls, path: Path) -> str:
        """The text of the file. Raises this error."""
        try:
            return path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise cls(str(path), "", error.strerror or str(error), "") from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise cls(str(path), f"line {line}", "not UTF-8 text", "save the file as UTF-8") from error
