"""Phrases around words that have a harmless and a harmful meaning, and descriptions of poses.

A hash of its text puts each phrase into one of two halves. Training and rules may use the first half. The second half only
judges: its results are not read phrase by phrase while training or rules change.
"""

import random
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from moderation.verdict import Category

_HARMLESS = Path(__file__).with_name("two_lives.txt")
_HARMFUL = Path(__file__).with_name("two_lives_harmful.txt")
_POSES = Path(__file__).with_name("poses.txt")
_SEED = 11


class Half(StrEnum):
    MEND = "to mend by"
    JUDGE = "to judge by"


def half_of(phrase: str) -> Half:
    return Half.MEND if sha256(phrase.encode()).digest()[0] % 2 else Half.JUDGE


def harmless(half: Half) -> list[str]:
    """Returns the harmless phrases of one half."""
    return [line for line in _lines(_HARMLESS) if half_of(line) is half]


def harmful(half: Half) -> list[tuple[Category, str]]:
    """Returns phrases with the same words in their harmful meaning."""
    pairs = (line.split("|", 1) for line in _lines(_HARMFUL))
    return [(Category(category), phrase) for category, phrase in pairs if half_of(phrase) is half]


def poses(number: int) -> list[str]:
    """Returns different descriptions of poses. Every call returns the same ones."""
    parts = {name: words.split(";") for name, words in (line.split(": ", 1) for line in _lines(_POSES))}
    chance = random.Random(_SEED)
    found: dict[str, None] = {}
    while len(found) < number:
        found[_pose(parts, chance)] = None
    return list(found)


def _pose(parts: dict[str, list[str]], chance: random.Random) -> str:
    clauses = [_clause(parts, chance) for _ in range(chance.choice((1, 2, 2, 3)))]
    joint = chance.choice((", ", " and ", ", "))
    if chance.random() < 0.3:
        return joint.join(clauses)
    start = f"{chance.choice(parts['whos'])} {chance.choice(parts['stands'])}"
    return f"{start}{chance.choice((' with ', ', '))}{joint.join(clauses)}"


def _clause(parts: dict[str, list[str]], chance: random.Random) -> str:
    def one(name: str) -> str:
        return chance.choice(parts[name])

    kind = chance.random()
    if kind < 0.4:
        return f"{one('sides')} {one('limbs')} {one('limbs_are')}"
    if kind < 0.7:
        return f"{one('trunks')} {one('trunks_are')}"
    other = f"{one('sides')} {one('limbs')}" if chance.random() < 0.5 else one("trunks")
    return f"{one('sides')} {one('limbs')} {one('touches')} {other}"


def _lines(file: Path) -> Iterator[str]:
    return (
        line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    )
