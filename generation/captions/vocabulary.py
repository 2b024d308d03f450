"""A model's tables of words, from the folder `words/` beside its weights. `python -m training.words` writes them."""

import gzip
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import msgspec

FOLDER: Final = "words"
Scenes = Literal["colours", "backdrops"]


class Concept(msgspec.Struct, frozen=True):
    """A thing that the model can draw."""

    name: str
    word: str  # the usual word in captions
    colour: str  # its own; empty: it has several


class SceneWords(msgspec.Struct, frozen=True):
    colours: tuple[str, ...]  # plain grounds that stand for it, the best first
    phrases: tuple[str, ...]  # captions' words for it, around a {}
    alone: tuple[str, ...]  # captions of the scene without a thing
    stand_in: str  # the concept that stands for it on a plain ground


class LanguageWords(msgspec.Struct, frozen=True):
    """One language's phrases. Every phrase is in `phrase_of`'s form."""

    names: dict[str, int]  # -> number of the concept
    associations: dict[str, int]  # the same, for words that only suggest it
    scenes: dict[str, str]
    colours: dict[str, str]
    functions: frozenset[str]  # words without a picture
    relations: frozenset[str]  # words between two things
    places: frozenset[str]  # relations that make a scene of the words behind them
    grounds: frozenset[str]
    flat: frozenset[str]
    small: frozenset[str]
    endings: tuple[str, ...]
    beginnings: tuple[str, ...]
    unknown: frozenset[str]


class _File(msgspec.Struct, frozen=True):
    concepts: tuple[Concept, ...]
    common: frozenset[int]
    emoji: dict[str, int]
    emoji_scenes: dict[str, str]
    scenes: dict[str, SceneWords]
    languages: dict[str, LanguageWords]


class _Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """models/bundled/words/words.toml: what this model does with the tables."""

    scenes: Scenes
    small: bool  # whether it draws small things well
    tries: tuple[str, ...]  # prompts that it draws well
    well_drawn: tuple[str, ...]  # concepts that it draws well


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    concepts: tuple[Concept, ...]
    common: frozenset[int]  # numbers of the concepts that newcomers ask for first
    emoji: Mapping[str, int]
    emoji_scenes: Mapping[str, str]
    scenes: Mapping[str, SceneWords]
    languages: Mapping[str, LanguageWords]
    has_backdrops: bool  # whether the model draws scenes; otherwise a plain ground stands for each
    has_small: bool  # whether "small" is drawn
    tries: tuple[str, ...]
    well_drawn: tuple[Concept, ...]
    by_name: Mapping[str, Concept]
    longest_emoji: int  # characters
    # language -> the first three letters -> names of one word; for inflected words
    stems: Mapping[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[str, Mapping[str, tuple[str, ...]]]
    )


@lru_cache(maxsize=8)
def vocabulary_of(source: str) -> Vocabulary | None:
    """Returns the tables in a model's folder; None when it has none. Raises OSError, ValueError for broken ones."""
    folder = Path(source) / FOLDER
    if not (folder / "tables.json.gz").is_file():
        return None
    file = msgspec.json.decode(gzip.decompress((folder / "tables.json.gz").read_bytes()), type=_File)
    switch = msgspec.convert(tomllib.loads((folder / "words.toml").read_text(encoding="utf-8")), _Switch)
    by_name = {concept.name: concept for concept in file.concepts}
    if missing := [name for name in switch.well_drawn if name not in by_name]:
        raise ValueError(f"words.toml names concepts that the tables lack: {missing}")
    return Vocabulary(
        concepts=file.concepts,
        common=file.common,
        emoji=file.emoji,
        emoji_scenes=file.emoji_scenes,
        scenes=file.scenes,
        languages=file.languages,
        has_backdrops=switch.scenes == "backdrops",
        has_small=switch.small,
        tries=switch.tries,
        well_drawn=tuple(by_name[name] for name in switch.well_drawn),
        by_name=by_name,
        longest_emoji=max(map(len, file.emoji), default=1),
        stems={name: _stems(words) for name, words in file.languages.items()},
    )


def _stems(words: LanguageWords) -> Mapping[str, tuple[str, ...]]:
    stems: dict[str, list[str]] = defaultdict(list)
    for name in words.names:
        if " " not in name:
            stems[name[:3]].append(name)
    return {stem: tuple(names) for stem, names in stems.items()}
