"""Completes a prompt that is being typed with the phrases of a model's tables. What was typed stays as it is."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from generation.captions.reading import HAN
from generation.captions.spelling import WORD, normalised
from generation.captions.vocabulary import Vocabulary

_MOST_WORDS: Final = 4
"""Words of a phrase that may be typed already. The tables' longer phrases are found by their beginning."""
_MOST_SIGNS: Final = 6  # the same of a text without spaces
_ENGLISH: Final = "en"


def completions(typed: str, vocabulary: Vocabulary, language: str) -> list[str]:
    """Returns longer texts that begin with the typed one, the likeliest first. Their last phrase is a thing, or a scene behind
    other words.

    `language`: a key of the tables. English phrases are taken where it has none.
    """
    languages = dict.fromkeys(each for each in (language, _ENGLISH) if each in vocabulary.languages)
    for each in languages:
        found: dict[str, None] = {}
        for start, begun in _begun(typed):
            has_scenes = bool(typed[:start].strip())
            phrases = _continued(begun, vocabulary, each, has_scenes=has_scenes)
            found |= {typed + phrase[len(begun) :]: None for phrase in phrases}
            if begun in vocabulary.languages[each].names:
                break  # the end of a whole name begins no other one
        if found:
            return list(found)
    return []


def openings(vocabulary: Vocabulary, language: str) -> list[str]:
    """Returns prompts that the model draws well, in this language where the tables have it: what it names in one way only."""
    words = vocabulary.languages.get(language)
    if words is None or language == _ENGLISH:
        return list(vocabulary.tries)
    names: dict[int, list[str]] = defaultdict(list)
    for phrase, number in words.names.items():
        names[number].append(phrase)
    numbers = [vocabulary.concepts.index(concept) for concept in vocabulary.well_drawn]
    only = [(names[number][0], number) for number in numbers if len(names[number]) == 1]
    others = [each.names for each in vocabulary.languages.values()]
    # "Basket" is a ball in French and a basket in English.
    return [phrase for phrase, number in only if all(each.get(phrase, number) == number for each in others)]


def _begun(typed: str) -> Iterator[tuple[int, str]]:
    """Yields where a phrase may begin, and its words so far in the tables' spelling: the longest first."""
    words = list(WORD.finditer(typed))
    starts = [word.start() for word in words[-_MOST_WORDS:]]
    if words and HAN.search(words[-1][0]):
        last = words[-1]
        starts += range(max(last.start() + 1, last.end() - _MOST_SIGNS), last.end())
    is_ended = typed != typed.rstrip()
    for start in starts:
        text = typed[start:].strip()
        begun = " ".join(normalised(text).split())
        # An Arabic stretching sign alone is normalised to nothing, with which every phrase begins.
        if begun and all(WORD.fullmatch(word) for word in text.split()):
            yield start, begun + " " * is_ended


def _continued(begun: str, vocabulary: Vocabulary, language: str, *, has_scenes: bool) -> Iterator[str]:
    """Yields the phrases that begin so, one of each concept: usual names, what the model draws well, and short ones first."""
    words = vocabulary.languages[language]
    well_drawn = {concept.name for concept in vocabulary.well_drawn}
    found: dict[str, tuple[bool, bool, int, str]] = {}
    for phrase, number in words.names.items():
        if phrase.startswith(begun) and len(phrase) > len(begun):
            concept = vocabulary.concepts[number]
            is_usual = language != _ENGLISH or phrase == concept.word
            rank = (not is_usual, concept.name not in well_drawn, len(phrase), phrase)
            found[concept.name] = min(rank, found.get(concept.name, rank))
    ranks = sorted(found.values())
    if has_scenes:
        # A scene of one word is no scene behind "a".
        scenes = (each for each in words.scenes if each.startswith(begun) and len(each) > len(begun))
        ranks += sorted((False, False, len(each), each) for each in scenes if " " in each)
    return (phrase for *_, phrase in ranks)
