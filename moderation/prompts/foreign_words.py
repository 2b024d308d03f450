"""Tells which words of the rules a text in another language than English says. Knows no rules."""

import re
import tomllib
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from moderation.normalise.confusables import plain, visible
from moderation.normalise.language import ENGLISH, READ, is_latin
from moderation.normalise.normalise import normal_form, phrase, words
from moderation.normalise.vocabulary import Vocabulary, swapped

_LISTS = Path(__file__).with_name("languages.toml")
_EVERYWHERE, _NOT_IN, _TYPED, _ONLY = "everywhere", "not_in", "typed", "only"
_ENGLISH_AROUND = 2  # English words around a word that make it English; one is enough in front of it
_LONG = 4  # letters of such a word
_SHORTEST_GUESS = (
    6  # letters of a word that is looked for behind a disguise, or in a language that is not its own
)
_LONGEST_GUESS = 40
_WORDS = re.compile(r"[^\W_]+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
# Letters apart ("n u d e") or signs inside a word ("n4ked") disguise a word.
_DISGUISED = re.compile(r"(?:(?<!\w)\w\W+){2}\w(?!\w)|[^\W\d_][\d@$!|*]+[^\W\d_]")
# A Vietnamese word without its accents may be an English word of the rules: "cúm" is flu. It is one syllable.
_VIETNAMESE, _SYLLABLE = "vi", re.compile(r"[b-df-hj-np-tv-z]{0,3}[aeiouy]{1,3}(?:ch?|m|n[gh]?|p|t)?")


def is_said(word: str, language: str, typed: str, vocabulary: Vocabulary, around: Sequence[str] = ()) -> bool:
    """Returns whether a text of `language` says a word that was found in its canonical form. `around`: the words next to it.

    Phrases and words of other scripts are always said. So are disguised words of English: a text may have an English part.
    Of some words and phrases the accents decide.
    """
    if forms := _typed_forms().get(word):
        return any(form in _as_shown(typed).text for form in forms)
    if " " in word or not word.isascii():
        return True
    if language == ENGLISH:
        return word not in _only()
    if word in _not_in(language):
        return _is_english_at(word, around, vocabulary)
    of = _languages_of(word)
    if language in of or _EVERYWHERE in of:
        return True
    if of:
        # Small languages are often taken for others; their long words mean nothing in these.
        return len(word) >= _SHORTEST_GUESS and READ.isdisjoint(of)
    shown = _as_shown(typed)
    if shown.is_disguised or word in shown.words:
        return True
    return word in _apart(shown.text, language, vocabulary)


def undisguised(typed: str, language: str) -> str:
    """Returns the words of the rules that are disguised in a text of a language that nothing learned reads: letters that are
    swapped, reversed, repeated, apart or replaced by signs. Only long words are looked for, because the other words of the
    language are unknown here.
    """
    if language == ENGLISH or language in READ or not (vocabulary := _vocabulary_of(language)).watched:
        return ""
    shown = plain(visible(typed))
    typed_words = _WORDS.findall(shown)
    long = (word for word in typed_words if _SHORTEST_GUESS <= len(word) <= _LONGEST_GUESS)
    mended = {each for word in long for each in swapped(word)}
    found = vocabulary.watched & {*words(normal_form(shown, vocabulary).text), *mended}
    return " ".join(sorted(found.difference(typed_words)))


@cache
def _vocabulary_of(language: str) -> Vocabulary:
    """Returns the long words of the rules of one language alone."""
    stems = {each.removesuffix("*") for each in _lists().get(language, ())}
    return Vocabulary(watched=frozenset(stem for stem in stems if len(stem) >= _SHORTEST_GUESS)).certain


def _is_english_at(word: str, around: Sequence[str], vocabulary: Vocabulary) -> bool:
    is_english = [len(each) >= _LONG and each != word and each in vocabulary.english for each in around]
    at = around.index(word) if word in around else 0
    return sum(is_english) >= _ENGLISH_AROUND or (at > 0 and is_english[at - 1])


@dataclass(frozen=True, slots=True)
class _Shown:
    """A text as a reader sees it."""

    text: str
    words: frozenset[str]
    is_disguised: bool  # by signs


@lru_cache(maxsize=8)
def _as_shown(typed: str) -> _Shown:
    shown = visible(typed).casefold()
    return _Shown(shown, frozenset(_WORDS.findall(shown)), _DISGUISED.search(shown) is not None)


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
def _languages_of(word: str) -> set[str]:
    """Returns the languages of a word that is not English; none if it is, or belongs to many."""
    return {language for language, listed in _lists().items() if any(_fits(word, each) for each in listed)}


def _fits(word: str, listed: str) -> bool:
    return word.startswith(listed[:-1]) if listed.endswith("*") else word == listed


def _not_in(language: str) -> Collection[str]:
    return _document()[_NOT_IN].get(language, "").split()


@cache
def _lists() -> dict[str, list[str]]:
    return {language: text.split() for language, text in _document().items() if isinstance(text, str)}


@cache
def _typed_forms() -> dict[str, set[str]]:
    """Returns the forms with accents by the canonical form."""
    forms: dict[str, set[str]] = {}
    for text in _document()[_TYPED].values():
        for entry in text.split():
            form = visible(entry.replace("_", " ")).casefold()
            forms.setdefault(" ".join(phrase(form)), set()).add(form)
    return forms


@cache
def _only() -> frozenset[str]:
    return frozenset(_document()[_ONLY]["words"].split())


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(_LISTS.read_text(encoding="utf-8"))
