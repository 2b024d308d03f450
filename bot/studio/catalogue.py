"""The models that `python main.py fetch` knows: models/catalogue.toml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from bot.studio.settings import PROJECT
from generation import LicenceClass, ModelEntry
from moderation import parse_toml

FILE = PROJECT / "models" / "catalogue.toml"

CLASSES: Mapping[LicenceClass, str] = {
    "": "not said",
    "open": "open",
    "use-rules": "open, with rules of use",
    "non-commercial": "not for commercial use",
    "research": "for research alone",
    "revenue-limit": "free below a revenue",
}
"""What the classes of licences are called on the terminal."""

_HUB_LICENCE = re.compile(r"^hub_licence = .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    entry: ModelEntry
    block: str  # its table, as it is written into config.toml
    hub_licence: str  # the hub's name of the licence


@cache
def known_models() -> Mapping[str, KnownModel]:
    text = FILE.read_text(encoding="utf-8")
    blocks = [f"[[models]]{block.rstrip()}\n" for block in text.split("\n[[models]]")[1:]]
    known: dict[str, KnownModel] = {}
    for block in blocks:
        (values,) = parse_toml(block)["models"]
        hub_licence = values.pop("hub_licence")
        entry = msgspec.convert(values, ModelEntry)
        known[entry.name] = KnownModel(
            entry=entry, block=_HUB_LICENCE.sub("", block), hub_licence=hub_licence
        )
    return known
