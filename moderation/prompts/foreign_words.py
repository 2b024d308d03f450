"""Tells which words of the rules a text in another language than English says. Knows no rules."""

import re
import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path

from moderation.normalise.language import ENGLISH

_LISTS = Path(__file__).with_name("languages.toml")
_WORDS = re.compile(r"\w+")
# Letters apart ("n u d e") or signs inside a word ("n4ked") disguise a word. Without them, a word that was not typed comes from
# accents that canonical text has lost, or from neighbours read as one.
_DISGUISED = re.compile(r"(?:(?<!\w)\w\W+){2}\w(?!\w)|[^\W\d_][\d@$!|*]+[^\W\d_]")


def is_said(word: str, language: str, typed: str) -> bool:
    """Returns whether a text of `language` says a word that was found in its canonical form. Phrases and words of other scripts
    are always said.
    """
    if language == ENGLISH or " " in word or not word.isascii():
        return True
    if of := _languages_of(word):
        return language in of
    return word in _WORDS.findall(typed.casefold()) or _DISGUISED.search(typed) is not None


@cache
def _languages_of(word: str) -> Collection[str]:
    """Returns the languages of a word that is not English; none if it is, or belongs to many."""
    return {language for language, listed in _lists().items() if any(_fits(word, each) for each in listed)}


def _fits(word: str, listed: str) -> bool:
    return word.startswith(listed[:-1]) if listed.endswith("*") else word == listed


@cache
def _lists() -> dict[str, list[str]]:
    document = tomllib.loads(_LISTS.read_text(encoding="utf-8"))
    return {language: text.split() for language, text in document.items()}
