"""Tells which words of the rules a text in another language than English says. Knows no rules."""

import re
import tomllib
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from moderation.normalise.confusables import plain, visible
from moderation.normalise.language import ENGLISH, is_latin
from moderation.normalise.normalise import normal_form, words
from moderation.normalise.vocabulary import Vocabulary

_LISTS = Path(__file__).with_name("languages.toml")
_EVERYWHERE, _NOT_IN = "everywhere", "not_in"
_ENGLISH_AROUND = 2  # English words around a word that make it English; one is enough in front of it
_LONG = 4  # letters of such a word
_WORDS = re.compile(r"[^\W_]+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
# Letters apart ("n u d e") or signs inside a word ("n4ked") disguise a word.
_DISGUISED = re.compile(r"(?:(?<!\w)\w\W+){2}\w(?!\w)|[^\W\d_][\d@$!|*]+[^\W\d_]")
# A Vietnamese word without its accents may be an English word of the rules: "cúm" is flu. It is one syllable.
_VIETNAMESE, _SYLLABLE = "vi", re.compile(r"[b-df-hj-np-tv-z]{0,3}[aeiouy]{1,3}(?:ch?|m|n[gh]?|p|t)?")


def is_said(word: str, language: str, typed: str, vocabulary: Vocabulary, around: Sequence[str] = ()) -> bool:
    """Returns whether a text of `language` says a word that was found in its canonical form. `around`: the words next to it.

    Phrases and words of other scripts are always said. So are disguised words of English: a text may have an English part.
    """
    if language == ENGLISH or " " in word or not word.isascii():
        return True
    if word in _not_in(language):
        return _is_english_at(word, around, vocabulary)
    of = _languages_of(word)
    if language in of or _EVERYWHERE in of:
        return True
    if of:
        return False
    shown, as_typed, is_disguised = _as_shown(typed)
    if is_disguised or word in as_typed:
        return True
    return word in _apart(shown, language, vocabulary)


def _is_english_at(word: str, around: Sequence[str], vocabulary: Vocabulary) -> bool:
    is_english = [len(each) >= _LONG and each != word and each in vocabulary.english for each in around]
    at = around.index(word) if word in around else 0
    return sum(is_english) >= _ENGLISH_AROUND or (at > 0 and is_english[at - 1])


@lru_cache(maxsize=8)
def _as_shown(typed: str) -> tuple[str, frozenset[str], bool]:
    """Returns the text as a reader sees it, its words, and whether signs disguise one."""
    shown = visible(typed).casefold()
    return shown, frozenset(_WORDS.findall(shown)), _DISGUISED.search(shown) is not None


@lru_cache(maxsize=8)
def _apart(shown: str, language: str, vocabulary: Vocabulary) -> frozenset[str]:
    """Returns the words of the parts of a text that may be English, each read without the rest. Of other scripts, that is all
    that is Latin. Of Latin script, it is each word by itself: neighbours that make one ("nu de") are words of that language.
    """
    chunks = shown.split()
    if not is_latin(shown):
        return frozenset(words(normal_form(" ".join(filter(_has_latin, chunks)), vocabulary).text))
    found: set[str] = set()
    for chunk in set(chunks):
        core = _EDGES.sub("", chunk)
        said = set(words(normal_form(chunk, vocabulary).text))
        said.discard(core[::-1])  # "Dekan" is a dean, and no model reads backwards
        bare = plain(core)
        if language == _VIETNAMESE and _SYLLABLE.fullmatch(bare):
            said.discard(bare)
        found |= said
    return frozenset(found)


def _has_latin(chunk: str) -> bool:
    return any(unicodedata.name(letter, "").startswith("LATIN") for letter in chunk)


@cache
def _languages_of(word: str) -> Collection[str]:
    """Returns the languages of a word that is not English; none if it is, or belongs to many."""
    return {language for language, listed in _lists().items() if any(_fits(word, each) for each in listed)}


def _fits(word: str, listed: str) -> bool:
    return word.startswith(listed[:-1]) if listed.endswith("*") else word == listed


def _not_in(language: str) -> Collection[str]:
    return _document()[_NOT_IN].get(language, "").split()


@cache
def _lists() -> dict[str, list[str]]:
    return {language: text.split() for language, text in _document().items() if language != _NOT_IN}


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(_LISTS.read_text(encoding="utf-8"))
