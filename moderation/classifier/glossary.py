"""Translates words of other languages to English, word by word, so that one classifier reads all languages."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from moderation.normalise.normalise import phrase, words
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.phrases import Phrasebook

_MEANINGS = Path(__file__).with_name("meanings.txt")
LANGUAGES = frozenset(("de", "fr", "es", "it", "pt", "ru", "zh", "ja"))
_ENGLISH_SHARE = 0.5  # ordinary English words in a text; with fewer it counts as another language
_SENTENCE = 5  # words; a shorter text does not show its language
_SHORTEST_KEPT = 3  # letters; shorter English words in foreign text mean something else, such as "an"


def in_english(text: str) -> str:
    """Returns canonical text with foreign words replaced by their English meaning. Foreign words without a known meaning are
    dropped.

    English text is returned unchanged, except that unknown words in other scripts are dropped.
    """
    tokens = words(text)
    if not tokens:
        return ""
    known = ordinary_words()
    share = sum(token in known or token.isdigit() for token in tokens) / len(tokens)
    if text.isascii() and share >= _ENGLISH_SHARE:
        return text
    longest: dict[int, tuple[int, str]] = {}
    for meaning, found in _book().find(tokens):
        if found.end >= longest.get(found.start, (0, ""))[0]:
            longest[found.start] = (found.end, meaning)
    if text.isascii() and not longest and (len(tokens) < _SENTENCE or share >= _ENGLISH_SHARE / 2):
        return text  # names, and words that are in no list
    return " ".join(_translated(tokens, longest, is_english=share >= _ENGLISH_SHARE))


def _translated(
    tokens: Sequence[str], longest: Mapping[int, tuple[int, str]], *, is_english: bool
) -> Iterator[str]:
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if at in longest and not (is_english and token.isascii()):
            at, meaning = longest[at]
            yield meaning
            continue
        at += 1
        if token.isascii() and (is_english or (len(token) >= _SHORTEST_KEPT and token in ordinary_words())):
            yield token


def meanings() -> list[str]:
    """Returns the English side of the list."""
    return [meaning for meaning, _ in _lines()]


def foreign_words() -> Iterator[str]:
    """Yields the single words of the list in canonical form; the stem of a word like "nackt*"."""
    for _, entries in _lines():
        for entry in entries:
            if len(found := phrase(entry.removesuffix("*"))) == 1:
                yield found[0]


@lru_cache(maxsize=1)
def _book() -> Phrasebook[str]:
    book = Phrasebook[str]()
    for meaning, entries in _lines():
        book.add((f"={entry.replace('_', ' ')}" for entry in entries), meaning)
    return book


def _lines() -> Iterator[tuple[str, list[str]]]:
    for line in _MEANINGS.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            meaning, *languages = line.split("|")
            yield meaning.strip(), " ".join(languages).split()
