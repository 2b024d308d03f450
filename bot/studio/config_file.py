"""Adds a model to a config.toml. What the file holds stays as it is, comments included; the result is read before it replaces the
file.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path

from bot.studio.settings import BUNDLED, PROJECT, Settings, SettingsBroken, load
from generation import ModelEntry
from startup import StartError

EXAMPLE = PROJECT / "config.example.toml"


@dataclass(eq=False)
class NotAdded(StartError):
    """The file can't be changed so; it is as it was."""

    path: Path
    reason: str
    by_hand: str  # what the owner can add instead

    def __str__(self) -> str:
        return f"{self.path} was not changed: {self.reason}. Add this by hand:\n\n{self.by_hand}"


@dataclass(eq=False)
class NameTaken(StartError):
    path: Path
    name: str
    differing: tuple[str, ...]  # keys

    def __str__(self) -> str:
        keys = ", ".join(f"`{key}`" for key in self.differing)
        return (
            f"{self.path} has a model {self.name!r} already, which differs in {keys}. "
            "Nothing was changed: rename that model, or delete its table."
        )


def demand_free(path: Path, entry: ModelEntry) -> bool:
    """Returns whether the file has this very model already. Raises NameTaken if it has another one of that name."""
    if not path.exists():
        return False
    there = next((each for each in load(path, {}).models if each.name == entry.name), None)
    if there is None:
        return False
    names = [each.name for each in fields(ModelEntry)]
    differing = tuple(name for name in names if getattr(there, name) != getattr(entry, name))
    if differing:
        raise NameTaken(path, entry.name, differing)
    return True


def add_model(path: Path, entry: ModelEntry, block: str, *, is_default: bool, is_trial: bool = False) -> bool:
    """Adds a model, and makes it the default if `is_default`. A file that is missing is made from config.example.toml.

    `is_trial`: everything but the change itself. Returns whether the file was changed, or would be. Raises SettingsBroken,
    NameTaken, NotAdded.
    """
    has_model = demand_free(path, entry)
    source = path if path.exists() else EXAMPLE
    before = load(source, {})
    wanted = before if has_model else replace(before, models=(*before.models, entry))
    if is_default:
        wanted = replace(wanted, generation=replace(wanted.generation, default_model=entry.name))
    if wanted == before and source == path:
        return False
    text = source.read_bytes().decode("utf-8-sig")
    newline = "\r\n" if "\r\n" in text else "\n"
    added = "" if has_model else block
    if not has_model and not re.search(r"^\s*\[\[\s*models\s*\]\]", text, re.MULTILINE):
        # Without any table the bundled model is there by itself.
        added = f"{block_of(BUNDLED)}\n{added}"
    by_hand = added
    if re.search(r"^\s*models\s*=", text, re.MULTILINE):
        by_hand = f"# First write each model of the list `models` as a table like this one.\n{block}"
    if is_default:
        text = _with_default(text, entry.name, newline)
        by_hand = f"{by_hand}\n# in [generation]:\n{_default_line(entry.name)}\n".lstrip()
    if added:
        text = f"{text.rstrip()}{newline * 2 if text.strip() else ''}{added.replace(chr(10), newline)}"
    _replace_file(path, text, wanted, by_hand, is_trial=is_trial)
    return True


def _default_line(name: str) -> str:
    return f"default_model = {json.dumps(name)}"


def _with_default(text: str, name: str, newline: str) -> str:
    """Returns the text with another `default_model`; unchanged where it is written in an unusual way."""
    line = _default_line(name)
    text = text if text.endswith("\n") or not text else text + newline
    table = re.search(r"^[ \t]*\[[ \t]*generation[ \t]*\][^\n]*\n", text, re.MULTILINE)
    if table is None:
        return f"{text.rstrip()}{newline * 2 if text.strip() else ''}[generation]{newline}{line}{newline}"
    end = re.compile(r"^\s*\[", re.MULTILINE).search(text, table.end())
    section = text[table.end() : end.start() if end else len(text)]
    changed, count = re.subn(
        r"^[ \t]*default_model[ \t]*=[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*')",
        lambda _: line,
        section,
        count=1,
        flags=re.MULTILINE,
    )
    if not count:
        changed = f"{line}{newline}{section}"
    return text[: table.end()] + changed + text[table.end() + len(section) :]


def _replace_file(path: Path, text: str, wanted: Settings, by_hand: str, *, is_trial: bool) -> None:
    """Writes the text beside the file, reads it as settings, and moves it there unless `is_trial`. Raises NotAdded.

    `by_hand`: for NotAdded.
    """
    target = path.resolve()  # a link stays one
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise NotAdded(path, f"{target.parent}: {error.strerror}", by_hand) from error
    made = Path(name)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            is_as_wanted = load(made, {}) == wanted
        except SettingsBroken as broken:
            raise NotAdded(path, broken.reason, by_hand) from broken
        if not is_as_wanted:
            raise NotAdded(path, "its tables are written in a way that this command can't extend", by_hand)
        if is_trial:
            return
        if target.exists():
            shutil.copymode(target, made)
            owner = target.stat()
            with contextlib.suppress(OSError):
                os.chown(made, owner.st_uid, owner.st_gid)
        else:
            made.chmod(0o644)
        made.replace(target)
    except OSError as error:
        raise NotAdded(path, error.strerror or str(error), by_hand) from error
    finally:
        made.unlink(missing_ok=True)


def block_of(entry: ModelEntry) -> str:
    """Returns the table of an entry, without the keys that have their default. Texts, numbers and booleans alone."""
    lines = ["[[models]]"]
    for each in fields(ModelEntry):
        value = getattr(entry, each.name)
        usual = each.default if each.default_factory is MISSING else each.default_factory()
        if value != usual:
            lines.append(f"{each.name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
