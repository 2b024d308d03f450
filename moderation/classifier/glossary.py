"""Words of other languages by their English meaning, word for word, so that one classifier reads them all."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from moderation.normalise.normalise import phrase, words
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.phrases import Phrasebook

_MEANINGS = Path(__file__).with_name("meanings.txt")
_ENGLISH_SHARE = 0.5  # of a text's words that are ordinary English; below, it is read as another language
_SENTENCE = 5  # words; fewer tell nothing about a language
_SHORTEST_KEPT = (
    3  # letters of an English word inside a foreign sentence; "an", "die", "es" mean something else there
)


def in_english(text: str) -> str:
    """Canonical text with foreign words replaced by their English meaning; without those whose meaning is not known.

    English text comes out as it went in, less what is not written in Latin letters.
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
        return text  # names and words that no list holds
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
    """The English side of the list."""
    return [meaning for meaning, _ in _lines()]


def foreign_words() -> Iterator[str]:
    """The single words of the list as they stand in canonical text; of "nackt*" the stem."""
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
