"""The filter's verdicts. The stricter verdict wins. Combining is idempotent, commutative and associative in the ruling."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NewType


class Ruling(IntEnum):
    """A verdict's ruling. Ordered: allow < flag < refuse."""

    ALLOW = 0
    FLAG = 1
    REFUSE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Category(StrEnum):
    NONE = "none"
    SEXUAL = "sexual"
    NUDITY = "nudity"
    MINORS = "minors"
    GORE = "gore"
    HATE = "hate"
    HARASSMENT = "harassment"
    SELF_HARM = "self-harm"
    ILLEGAL = "illegal"
    REAL_PERSON = "real-person"
    SPAM = "spam"


Fingerprint = NewType("Fingerprint", bytes)
"""The perceptual hash of a picture: 32 bytes."""

Scores = Mapping[str, Mapping[Category, float]]
"""The scores of one picture: 0 to 1, by detector and category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    ruling: Ruling
    category: Category = Category.NONE
    rule: str = ""  # the rule's name; empty if no rule fired
    words: tuple[str, ...] = ()  # the deciding words, for moderators only
    score: float = 0.0  # 0 to 1; without a learned score, a rule scores 1 if it refuses, 0.5 if it flags
    field: str = ""  # the field of the text: "prompt", "negative", ...
    normal_form: str = ""  # the text as the rules read it
    likeness: str | None = None  # the job whose removed pictures look like this picture
    language: str = ""  # the ISO 639 code of the text's language; empty for English


WRITTEN = "written:"
"""Begins the word of a verdict that holds a text in a picture."""

ALLOWED = Verdict(ruling=Ruling.ALLOW)


def stricter(first: Verdict, second: Verdict) -> Verdict:
    """Returns the verdict with the higher ruling; if equal, the one with the higher score; then the first."""
    if (second.ruling, second.score) > (first.ruling, first.score):
        return second
    return first
