"""The filter without what it knows of one language: neither meanings of its words, nor its words in the rules.

The multilingual head is trained on English alone, so nothing has to be trained again. What is left is how the filter reads a
language for which no word was ever written down.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.safety.sets import Row, Shares
from moderation.normalise.language import ENGLISH
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.filter import Classifier, Opinion, PromptFilter
from moderation.prompts.phrases import patterns
from moderation.prompts.rules import Rules, compiled
from moderation.verdict import Ruling


@dataclass(frozen=True, slots=True)
class _WithoutMeanings:
    """A classifier that sees no words of other languages, only the text as it was typed."""

    classifier: Classifier

    def read(self, text: str, typed: str = "", language: str = ENGLISH) -> Opinion:
        return self.classifier.read(text if language == ENGLISH else "", typed, language)


def languages_held_out(rules: Rules, classifier: Classifier, rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the shares of each language, judged without its words. `rows`: prompts in other languages than English."""
    screen = PromptFilter(english_only(rules), _WithoutMeanings(classifier))
    shares = {
        (kind, done): Shares() for kind in ("unsafe", "safe") for done in ("refused", "refused or flagged")
    }
    for row in rows:
        ruling = screen.check(row.texts).ruling
        for key in (row.language, "all"):
            kind = "unsafe" if row.is_unsafe else "safe"
            shares[kind, "refused"].count(key, ruling is Ruling.REFUSE)
            shares[kind, "refused or flagged"].count(key, ruling is not Ruling.ALLOW)
    return {f"{kind} {done}": share.as_json() for (kind, done), share in shares.items()}


def english_only(rules: Rules) -> Rules:
    """Returns the rules with their English words alone."""
    kept = [
        replace(
            rule,
            any_of=tuple(filter(_is_english, rule.any_of)),
            with_any_of=tuple(filter(_is_english, rule.with_any_of)),
            unless=tuple(filter(_is_english, rule.unless)),
        )
        for rule in rules.rules
    ]
    return compiled(tuple(rule for rule in kept if rule.any_of))


def _is_english(text: str) -> bool:
    """Returns whether a word or phrase of the rules is English. Words as they stand ("=nue") are of other languages."""
    if text.startswith("=") or not text.isascii():
        return False
    return any(word.rstrip("*") in ordinary_words() for pattern in patterns(text) for word in pattern)
