"""`python main.py fetch`: downloads a model of the catalogue and adds it to config.toml."""

import difflib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bot.studio.catalogue import CLASSES, KnownModel, known_models
from bot.studio.config_file import add_model, demand_free
from generation.files.hub import fetch_missing, look_up
from generation.files.hub_cache import gigabytes
from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from startup import StartError

LINE_SECONDS = 5.0
"""The time between two lines about the progress."""


@dataclass(eq=False)
class UnknownName(StartError):
    name: str

    def __str__(self) -> str:
        known = list(known_models())
        near = difflib.get_close_matches(self.name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return (
            f"There is no model {self.name!r} to fetch.{hint} There are: {', '.join(known)} (docs/models.md)."
        )


@dataclass(eq=False)
class LicenceNotAccepted(StartError):
    reason: str  # a sentence
    address: str  # of the licence

    def __str__(self) -> str:
        return f"{self.reason} Read it at {self.address}, and add --accept if you agree. Nothing was changed."


@dataclass(eq=False)
class FetchFailed(StartError):
    reason: str  # a sentence

    may_pass: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.reason} The settings were not changed."


def fetch_model(
    name: str,
    path: Path,
    *,
    is_accepted: bool,
    is_default: bool,
    ask: Callable[[str], bool],
    show: Callable[[str], None],
) -> None:
    """Downloads a model, and then writes its table into the settings at `path`.

    `is_accepted`: the owner agrees to its licence; otherwise `ask` gets the question. Raises StartError. Then the settings are
    unchanged, and the cache keeps the files that are complete, for the next try.
    """
    known = known_models().get(name)
    if known is None:
        raise UnknownName(name)
    entry = known.entry
    has_block = demand_free(path, entry)
    # What can't be written is said before gigabytes are downloaded.
    add_model(path, entry, known.block, is_default=is_default, is_trial=True)
    show(f"{name}: {entry.source}")
    show(f"licence: {entry.licence} ({CLASSES[entry.licence_class]})")
    try:
        is_here = inspect_entry(entry).is_complete
        stated = known.hub_licence if is_here else look_up(entry.source, entry.revision).licence
        if not (is_accepted or has_block):
            _demand_licence(known, stated, ask)
        if is_here:
            show("all files are here")
        else:
            fetch_missing(entry, _shown(name, show))
            show("fetched; each file has the hash that the hub names")
    except BrokenModelFolder as broken:
        raise FetchFailed(str(broken)) from broken
    if add_model(path, entry, known.block, is_default=is_default):
        show(f"added to {path}; the bot reads it at its next start")
    else:
        show(f"{path} has it already")
    if not is_default:
        show(
            f'members choose it with --model {name}; for all orders: default_model = "{name}" in [generation]'
        )


def _demand_licence(known: KnownModel, stated: str, ask: Callable[[str], bool]) -> None:
    """Raises LicenceNotAccepted for a licence that is not open, or not the one that the catalogue knows."""
    entry = known.entry
    address = f"https://huggingface.co/{entry.source}"
    if stated != known.hub_licence:
        reason = (
            f"The hub names the licence {stated or 'of no name'!r} now, in place of {known.hub_licence!r}."
        )
    elif entry.licence_class != "open":
        reason = f"The licence of {entry.name!r} is {CLASSES[entry.licence_class]}."
    else:
        return
    if not ask(f"{reason} Read it at {address}. Do you accept it? [y/N] "):
        raise LicenceNotAccepted(reason, address)


def _shown(name: str, show: Callable[[str], None]) -> Callable[[int, int], None]:
    last = -LINE_SECONDS

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS or done == total:
            last = now
            show(f"fetching {name}: {gigabytes(done)} of {gigabytes(total)}")

    return tell
