"""Texts in, one verdict out: every field by itself and all together; the stricter wins. Knows neither files nor Discord."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from moderation.markup import decoded, sides
from moderation.normal_form import normal_form, words
from moderation.phrases import Found
from moderation.rules import Part, Reads, Rule, Rules
from moderation.verdict import ALLOWED, Category, Ruling, Verdict, stricter

NEGATIVE = "negative"  # fields whose name begins so say what the picture shall not show
FLAG_SCORE = 0.5
REFUSE_SCORE = 1.0


class Classifier(Protocol):
    """A learned second opinion."""

    def score(self, text: str) -> Mapping[Category, float]:
        """How likely canonical text is to be refused for each category, 0 to 1. A few milliseconds at most."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What a classifier's score amounts to."""

    flag: float = 0.7
    refuse: float = 0.9
    beside_minors: float = 0.5  # sexual or nude, in a text that names a minor


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read one field, or several in a row."""

    field: str
    is_asked: bool  # or asked to be left out
    text: str
    words: list[str]


class Screen:
    def __init__(
        self, rules: Rules, classifier: Classifier | None = None, thresholds: Thresholds | None = None
    ) -> None:
        self._rules = rules
        self._classifier = classifier
        self._thresholds = thresholds or Thresholds()

    def check(self, texts: Mapping[str, str], *, age_restricted: bool = False) -> Verdict:
        """The verdict on one request: field name -> text, as "prompt", "negative", "style".

        Only what a member wrote belongs here: a server's own negative prompt ("nsfw, nude") would stand beside the
        member's "a child with a kite" and be refused.
        """
        readings = [reading for name, text in texts.items() for reading in self._read(name, text)]
        readings += _in_a_row(readings)
        verdicts = [*self._by_rules(readings, age_restricted), *self._learned(readings)]
        return reduce(stricter, verdicts, _allowed(readings))

    def _read(self, name: str, text: str) -> Iterator[_Reading]:
        asked, left_out = sides(decoded(text))
        if name.startswith(NEGATIVE):
            asked, left_out = left_out, asked
        for part, is_asked in ((asked, True), (left_out, False)):
            if part.strip():
                form = normal_form(part, self._rules.vocabulary)
                for reading in (form.text, *form.views):
                    yield _Reading(name, is_asked, reading, words(reading))

    def _by_rules(self, readings: list[_Reading], age_restricted: bool) -> Iterator[Verdict]:
        found: dict[Rule, dict[Part, list[tuple[_Reading, Found]]]] = {}
        for reading in readings:
            for rule, parts in self._rules.found(reading.words).items():
                if rule.reads is Reads.EVERYWHERE or (rule.reads is Reads.PROMPT) == reading.is_asked:
                    for part, hits in parts.items():
                        found.setdefault(rule, {}).setdefault(part, []).extend((reading, hit) for hit in hits)
        for rule, parts in found.items():
            hits, beside = parts.get(Part.ANY, []), parts.get(Part.WITH, [])
            if not hits or (rule.with_any_of and not beside):
                continue
            # "child, nudity" as things to leave out is care, not an evasion, while nothing of it is asked for.
            if rule.reads is Reads.EVERYWHERE and not any(
                reading.is_asked for reading, _ in (*hits, *beside)
            ):
                continue
            ruling = rule.ruling_in(age_restricted=age_restricted)
            if ruling is Ruling.ALLOW:
                continue
            deciding = [*hits, *beside]
            where = _nearest([reading for reading, _ in hits], [reading for reading, _ in beside])
            yield Verdict(
                ruling=ruling,
                category=rule.category,
                rule=rule.name,
                words=tuple(dict.fromkeys(hit.words for _, hit in deciding)),
                score=REFUSE_SCORE if ruling is Ruling.REFUSE else FLAG_SCORE,
                field="+".join(dict.fromkeys(reading.field for reading in where)),
                normal_form=" / ".join(dict.fromkeys(reading.text for reading in where)),
            )

    def _learned(self, readings: list[_Reading]) -> Iterator[Verdict]:
        if self._classifier is None:
            return
        names_minor = any(
            rule.category is Category.MINORS and parts.get(Part.ANY)
            for reading in readings
            for rule, parts in self._rules.found(reading.words).items()
        )
        for reading in readings:
            if not reading.is_asked:
                continue
            for category, score in self._classifier.score(reading.text).items():
                ruling = self._ruling(category, score, names_minor)
                if ruling is not Ruling.ALLOW:
                    yield Verdict(
                        ruling=ruling,
                        category=category,
                        rule="classifier",
                        score=score,
                        field=reading.field,
                        normal_form=reading.text,
                    )

    def _ruling(self, category: Category, score: float, names_minor: bool) -> Ruling:
        is_sexual = category in (Category.SEXUAL, Category.NUDITY, Category.MINORS)
        if score >= self._thresholds.refuse or (
            is_sexual and names_minor and score >= self._thresholds.beside_minors
        ):
            return Ruling.REFUSE
        return Ruling.FLAG if score >= self._thresholds.flag else Ruling.ALLOW


def _in_a_row(readings: list[_Reading]) -> list[_Reading]:
    """All that is asked for, one field behind the other: a phrase may begin in the prompt and end in a parameter."""
    first: dict[str, _Reading] = {}
    for reading in readings:
        if reading.is_asked:
            first.setdefault(reading.field, reading)
    if len(first) < 2:
        return []
    row = list(first.values())
    return [
        _Reading(
            "+".join(first),
            True,
            " ".join(reading.text for reading in row),
            [word for reading in row for word in reading.words],
        )
    ]


def _nearest(hits: list[_Reading], beside: list[_Reading]) -> list[_Reading]:
    """One reading that holds both if there is one, else one of each."""
    if not beside:
        return hits[:1]
    both = next((reading for reading in hits if reading in beside), None)
    return [both] if both else [hits[0], beside[0]]


def _allowed(readings: list[_Reading]) -> Verdict:
    if not readings:
        return ALLOWED
    return Verdict(ruling=Ruling.ALLOW, field=readings[0].field, normal_form=readings[0].text)
