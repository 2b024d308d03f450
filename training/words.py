"""Builds a model's tables of words: `python -m training.words models/bundled/words --concepts FILE`.

The names and keywords of emoji in eleven languages come from Unicode's CLDR (npm `cldr-annotations-full` and
`cldr-annotations-derived-full`, licence Unicode-3.0) through `npm pack`. phrases.toml holds the other words. Each phrase of a
language belongs to one concept, at most. The names of the drawings come from emojibase-data, as in training.archive.
"""

import argparse
import gzip
import json
import tarfile
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from generation.captions.spelling import bare_emoji, phrase_of
from training import archive
from training.scenes import concepts
from training.scenes.concepts import Concept
from training.scenes.wordings import WORDINGS

PHRASES: Final = Path(concepts.__file__).with_name("phrases.toml")
CLDR: Final = ("cldr-annotations-full@48.2.0", "cldr-annotations-derived-full@48.2.0")
SHARED: Final = 2
"""The most concepts that share a keyword. A keyword of more says little."""

SCENES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # the plain grounds that stand for it, and the concepts that stand for the scene alone
    "night": (("dark blue", "black", "purple"), ("moon", "star")),
    "snow": (("light blue", "white"), ("snowflake", "snowman")),
    "space": (("black", "dark blue", "purple"), ("galaxy", "planet", "star")),
    "sea": (("blue", "dark blue"), ("fish", "octopus")),
    "water": (("blue", "light blue"), ("wave", "boat")),
    "forest": (("green",), ("tree", "pine tree")),
    "sunset": (("orange", "pink"), ("sunset", "sun")),
    "desert": (("yellow", "orange"), ("desert", "cactus")),
    "sky": (("light blue", "blue"), ("cloud",)),
    "room": (("brown", "gray"), ("sofa", "chair")),
    "city": (("gray", "dark blue"), ("city",)),
    "fire": (("red", "orange"), ("fire",)),
    "dark": (("black", "dark blue"), ("ghost",)),
}
EMOJI_SCENES: Final[dict[str, str]] = {
    **dict.fromkeys("❄☃🌨⛄⛷🏔", "snow"),
    **dict.fromkeys("🌙🌃🌛🌜🌠🌟✨", "night"),
    **dict.fromkeys("🌌", "space"),
    **dict.fromkeys("🌊", "water"),
    **dict.fromkeys("🔥🌋", "fire"),
    **dict.fromkeys("🌅🌄🌇🌆", "sunset"),
    **dict.fromkeys("🌲🌳🌿🏞", "forest"),
    **dict.fromkeys("🏜🏖🏝", "desert"),
    **dict.fromkeys("☁🌤⛅", "sky"),
    **dict.fromkeys("🏙", "city"),
}
"""Emoji that stand for a scene beside another emoji."""
JOINER: Final = "\u200d"
UNLIKE: Final = frozenset("🛢🛟🚃🚨🚄🛺⛓")
"""Emoji whose name ends with the name of another thing."""
FACES: Final = frozenset({"cat", "monkey", "woman", "man", "person"})


@dataclass(frozen=True, slots=True)
class Cldr:
    """One language's names and keywords, by emoji."""

    names: Mapping[str, str]
    keywords: Mapping[str, tuple[str, ...]]


def read_cldr(tarballs: Iterable[Path], language: str) -> Cldr:
    names: dict[str, str] = {}
    keywords: dict[str, tuple[str, ...]] = {}
    for tarball in tarballs:
        with tarfile.open(tarball) as opened:
            path = next(name for name in opened.getnames() if name.endswith(f"/{language}/annotations.json"))
            member = opened.extractfile(path)
            assert member is not None
            document: dict[str, Any] = json.load(member)
        (inner,) = document.values()
        for emoji, row in inner["annotations"].items():
            key = bare_emoji(emoji)
            if row.get("tts"):
                names.setdefault(key, phrase_of(row["tts"][0]))
            keywords.setdefault(key, tuple(phrase_of(each) for each in row.get("default", [])))
    return Cldr(names, keywords)


def name_table(
    taught: list[Concept],
    emoji: Mapping[str, tuple[str, ...]],
    cldr: Cldr,
    own: Mapping[str, str],
    language: str,
) -> tuple[dict[str, int], dict[str, int]]:
    """Returns names and associations: phrase -> the concept's number. `emoji`: of each concept; `own`: from phrases.toml."""
    numbers = {concept.name: number for number, concept in enumerate(taught)}
    names: dict[str, int] = {}
    if language == "en":
        for concept in taught:
            names.setdefault(phrase_of(concept.name), numbers[concept.name])
        for concept in taught:
            for word in concept.words:
                names.setdefault(phrase_of(word), numbers[concept.name])
    # The usual drawing of every concept comes before our words, and these before a further drawing of another concept.
    for place in range(max(map(len, emoji.values()))):
        for concept in taught:
            for each in emoji[concept.name][place : place + 1]:
                if name := cldr.names.get(each):
                    names.setdefault(name, numbers[concept.name])
        if place == 0:
            for phrase, name in own.items():
                if name in numbers:
                    names.setdefault(phrase, numbers[name])
    shared: dict[str, set[int]] = defaultdict(set)
    heads: dict[str, set[int]] = defaultdict(set)
    for concept in taught:
        for place, each in enumerate(emoji[concept.name]):
            parts = cldr.names.get(each, "").split()
            for keyword in cldr.keywords.get(each, ()):
                shared[keyword].add(numbers[concept.name])
                if place == 0 and keyword in parts:
                    heads[keyword].add(numbers[concept.name])
    common = {numbers[concept.name] for concept in taught if concept.is_common}
    associations: dict[str, int] = {}
    for keyword, those in shared.items():
        if len(keyword) < 2 and language not in ("ja", "zh", "ko"):
            continue
        head = heads[keyword]
        chosen = head if len(head) == 1 else head & common
        if len(chosen) == 1 and keyword not in names and language != "en":
            names[keyword] = min(chosen)
        elif len(chosen) == 1 or len(those) <= SHARED:
            associations[keyword] = min(chosen if len(chosen) == 1 else (those & common or those))
    return names, {keyword: number for keyword, number in associations.items() if keyword not in names}


def phrases(table: Mapping[str, str]) -> dict[str, str]:
    """Turns key -> "a|b" round: phrase -> key."""
    return {phrase: key for key, text in table.items() for phrase in listed(text)}


def listed(text: str) -> Iterator[str]:
    yield from (phrase for each in text.split("|") if (phrase := phrase_of(each)))


def language_table(
    language: str,
    rows: Mapping[str, Any],
    taught: list[Concept],
    emoji: Mapping[str, tuple[str, ...]],
    cldr: Cldr,
) -> dict[str, Any]:
    names, associations = name_table(taught, emoji, cldr, phrases(rows["names"]), language)
    words: dict[str, list[str]] = {
        kind: sorted(set(listed(rows.get(kind, ""))))
        for kind in (
            "functions",
            "relations",
            "places",
            "grounds",
            "flat",
            "small",
            "endings",
            "beginnings",
            "unknown",
        )
    }
    return {
        "names": names,
        "associations": associations,
        "scenes": phrases(rows["scenes"]),
        "colours": phrases(rows["colours"]),
        **words,
    }


def tables(
    taught: list[Concept], drawn: Mapping[str, str], documents: Mapping[str, Any], cldr: Mapping[str, Cldr]
) -> dict[str, Any]:
    """Returns the file's contents. `drawn`: the emoji by the name of a drawing."""
    emoji = {concept.name: tuple(bare_emoji(drawn[each]) for each in concept.pictures) for concept in taught}
    languages = {
        language: language_table(language, rows, taught, emoji, cldr[language])
        for language, rows in documents.items()
    }
    known = {each: number for number, concept in enumerate(taught) for each in emoji[concept.name]}
    english = languages["en"]["names"]
    for each, name in cldr["en"].names.items():
        # Only pictures: letters and signs have names too.
        is_picture = each[:1] > "\u2190"
        if (
            is_picture
            and each not in known
            and (near := _near(each, name, cldr["en"], english, known)) is not None
        ):
            known[each] = near
    present = {concept.name for concept in taught}
    return {
        "concepts": [
            {"name": concept.name, "word": concept.words[0], "colour": concept.colour or ""}
            for concept in taught
        ],
        "common": [number for number, concept in enumerate(taught) if concept.is_common],
        "emoji": known,
        "emoji_scenes": EMOJI_SCENES,
        "scenes": {
            scene: {
                "colours": colours,
                "phrases": WORDINGS[scene].around,
                "alone": WORDINGS[scene].alone,
                "stand_in": next(each for each in stands if each in present),
            }
            for scene, (colours, stands) in SCENES.items()
        },
        "languages": languages,
    }


def _near(
    emoji: str, name: str, cldr: Cldr, english: Mapping[str, int], known: Mapping[str, int]
) -> int | None:
    """Returns the concept that an emoji without a drawing names: by its name, or by the animal or person in it."""
    if JOINER in emoji:
        # A gender or hair changes no concept; a man with a rocket is an astronaut, and no man.
        base = emoji.split(JOINER)[0]
        is_same = emoji[-1] in "♀♂" or "hair" in name.split() or name in english
        return known.get(base) if is_same and name not in english else english.get(name)
    parts = [each for each in name.split() if each in cldr.keywords.get(emoji, ())]
    if name in english or emoji in UNLIKE:
        return english.get(name)
    found = parts if "face" not in name.split() else [each for each in parts if each in FACES]
    heads = [
        english[each]
        for each in (*found[:1], *found[-1:])
        if each in english and (each == name.split()[-1] or each in FACES)
    ]
    return heads[0] if heads else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="writes tables.json.gz there")
    parser.add_argument("--concepts", type=Path, default=concepts.PATH)
    parser.add_argument(
        "--packages", type=Path, help="a folder with the npm packages' tarballs; default: npm pack"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.packages or Path(scratch)
        tarballs = [
            folder / f"{package.replace('@', '-')}.tgz"
            if arguments.packages
            else archive.pack(package, folder)
            for package in (*CLDR, archive.NAMES)
        ]
        documents = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
        cldr = {language: read_cldr(tarballs[:-1], language) for language in documents}
        drawn = {item["name"]: item["emoji"] for item in archive.read_names(tarballs[-1])}
    contents = tables(concepts.load(arguments.concepts), drawn, documents, cldr)
    text = json.dumps(contents, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(text.encode(), 9, mtime=0)
    (arguments.folder / "tables.json.gz").write_bytes(packed)
    names = {language: len(table["names"]) for language, table in contents["languages"].items()}
    print(f"{len(packed) / 1e6:.2f} MB; names: {names}")


if __name__ == "__main__":
    main()
