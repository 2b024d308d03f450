"""The base of all refusals."""

import difflib
from dataclasses import dataclass
from typing import dataclass_transform


@dataclass_transform(eq_default=False)
class Refusal(Exception):
    """Base of the errors that members get as an answer. Every class below it is a dataclass."""

    def __init_subclass__(cls) -> None:
        dataclass(eq=False)(cls)


def is_slip(written: str, known: str) -> bool:
    """Returns whether `written` is a likely misspelling of `known`. Without one, "did you mean" would be mockery."""
    return difflib.SequenceMatcher(None, written.casefold(), known.casefold()).ratio() >= 0.6
