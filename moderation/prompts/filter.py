"""Gives one verdict on a request: reads all fields as one text, by rules and by the learned classifier. The stricter verdict
wins.

Knows neither files nor Discord.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import exp, log
from typing import Protocol

from moderation.normalise.encodings import unencoded
from moderation.normalise.language import ENGLISH, language_of
from moderation.normalise.markup import decoded
from moderation.normalise.normalise import normal_form, words
from moderation.normalise.vocabulary import ordinary_words
from moderation.policy import Policy, standard
from moderation.prompts.ages import ages_alone
from moderation.prompts.foreign_words import is_said, undisguised
from moderation.prompts.phrases import Found
from moderation.prompts.public_figures import Name, PublicFigures, figures
from moderation.prompts.rules import Part, Reads, Rule, Rules
from moderation.verdict import ALLOWED, Category, Ruling, Verdict

NEGATIVE = "negative"  # fields whose names begin with this list content to leave out of the picture
CLASSIFIER = "classifier"  # the rule name of a verdict by the classifier
FIGURES = "public figures"  # the rule name of a verdict because of a name
VIOLENCE = "violence"  # told as a word, where the words around a name say that violence is done to the person
STYLES = "style references"  # the rule name of an allowed text that names authors
FLAG_SCORE = 0.5
REFUSE_SCORE = 1.0
_SCORES = {Ruling.ALLOW: 0.0, Ruling.FLAG: FLAG_SCORE, Ruling.REFUSE: REFUSE_SCORE}
_BY_WORDS = {Ruling.FLAG: 1.5, Ruling.REFUSE: 3.0}  # logits that words add to the learned score
# Thresholds required by law: no policy changes them.
_BESIDE_MINORS = 0.5  # sexual or nude, in a text that names a minor
_BESIDE_NAMES = 0.5  # sexual, nude or gory, in a text that names a real person
_DISGRACE_BESIDE_NAMES = 0.8  # criminal, hateful or humiliating, in the same
_BARE = (Category.SEXUAL, Category.NUDITY)
_DISGRACE = (Category.ILLEGAL, Category.HARASSMENT, Category.HATE)
_PLAIN_ENGLISH = 0.8  # share of ordinary English words
_AROUND = 3  # words on each side of a word that show its language

_WORDS = re.compile(r"[^\W_]+")

_REMEMBERED = 256  # texts whose readings are kept
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="screen")
"""The one thread for all screens, including those of servers' own rules. A shared pool would use any free thread on any core. At
times that is the event loop's core, and the loop would then wait. One thread stays on its core.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    overall: float  # 0 to 1: the probability that a moderator would object
    scores: Mapping[Category, float]  # the same for each category; the likeliest one has `overall`
    words: tuple[str, ...] = ()  # the words with the most weight, for moderators


class Classifier(Protocol):
    """A learned second opinion."""

    def read(self, text: str, typed: str = "", language: str = ENGLISH) -> Opinion:
        """Reads canonical text, and the same text as it was typed. Takes at most a few milliseconds; any thread may call it."""
        ...


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read all texts to draw, or all texts to leave out."""

    is_asked: bool
    text: str
    words: list[str]
    typed: str
    language: str  # ISO 639

    @property
    def typed_words(self) -> list[str]:
        return _WORDS.findall(self.typed.casefold())


_Parts = Mapping[Part, list[tuple[_Reading, Found]]]
_Hits = Mapping[Rule, _Parts]
_Understood = tuple[list[_Reading], _Hits, list[tuple[_Reading, Opinion]]]


def canonical(prompt: str, rules: Rules) -> str:
    """Returns one prompt folded, as the rules and the classifier read it."""
    return normal_form(prompt, rules.vocabulary).text


class PromptFilter:
    def __init__(
        self,
        rules: Rules,
        classifier: Classifier | None = None,
        names: PublicFigures | None = None,
        *,
        excused: frozenset[str] = frozenset(),
    ) -> None:
        """`excused`: canonical names that are not flagged alone. With sexual, nude or gory content they count as names."""
        self._rules = rules
        self._excused = excused
        self._classifier = classifier
        self._names = names or figures(())
        # An accepted prompt is read again for its card, and for each of its buttons.
        self._understood = lru_cache(_REMEMBERED)(self._understand)

    def check(self, texts: Mapping[str, str], *, policy: Policy | None = None) -> Verdict:
        """Returns the verdict on one request by `policy`, or by the standard policy. `texts`: field name -> text, such as
        "prompt", "negative", "style".

        No syntax inside a text excludes a part of it: the caller decides which texts are to be drawn and which are to be left
        out. Splitting a text over several fields changes nothing. Pass only texts that a member wrote. A server's own negative
        prompt ("nsfw, nude") would be read with the member's "a child with a kite", and the request would be refused.
        """
        policy = policy or standard()
        readings, hits, opinions = self._understood(tuple(texts.items()))
        verdicts = [
            *_by_rules(hits, policy, opinions),
            *_learned(opinions, policy),
            *_beside_minors(hits, opinions),
            *self._of_names(readings, hits, opinions, policy),
        ]
        language = next((reading.language for reading in readings if reading.is_asked), ENGLISH)
        allowed = replace(ALLOWED, normal_form=readings[0].text if readings else "")
        verdict = max(verdicts, key=_gravity, default=allowed)
        overall = max((opinion.overall for _, opinion in opinions), default=0.0)
        verdict = replace(
            verdict,
            score=_told(verdict, overall),
            language="" if language == ENGLISH else language,
        )
        return (
            verdict if verdict.ruling is Ruling.ALLOW else replace(verdict, field=self._where(verdict, texts))
        )

    async def wait_for_verdict(self, texts: Mapping[str, str], *, policy: Policy | None = None) -> Verdict:
        """Runs `check` on a thread, because it takes some milliseconds that would block the event loop.
        Requests run one by one.
        """
        work = partial(self.check, texts, policy=policy)
        return await asyncio.get_running_loop().run_in_executor(_THREAD, work)

    def _understand(self, texts: tuple[tuple[str, str], ...]) -> _Understood:
        """Does the part of a check that takes milliseconds and depends on no policy."""
        readings = [*self._read(dict(texts), is_asked=True), *self._read(dict(texts), is_asked=False)]
        return readings, self._hits(readings), self._opinions(readings)

    def _read(self, texts: Mapping[str, str], *, is_asked: bool) -> Iterator[_Reading]:
        whole = " ".join(
            said
            for name, text in texts.items()
            if name.startswith(NEGATIVE) is not is_asked and (said := text.strip())
        )
        if whole:
            vocabulary = self._rules.vocabulary
            form = normal_form(whole, vocabulary)
            typed = unencoded(decoded(whole), vocabulary)
            language = language_of(typed, words(form.text), vocabulary.english)
            views = dict.fromkeys((form.text, *form.views, undisguised(typed, language)))
            for text in filter(None, views):
                yield _Reading(is_asked, text, words(text), typed, language)

    def _hits(self, readings: list[_Reading]) -> _Hits:
        found: dict[Rule, dict[Part, list[tuple[_Reading, Found]]]] = {}
        ages = [
            (reading, Found(0, 1, age))
            for reading in readings[:1]
            if reading.is_asked
            for age in ages_alone(reading.typed, reading.language)
        ]
        if ages:
            for rule in self._rules.rules:
                if rule.category is Category.MINORS and rule.with_any_of:
                    found.setdefault(rule, {})[Part.ANY] = [*ages]
        for reading in readings:
            for rule, parts in self._rules.found(reading.words).items():
                if rule.reads is Reads.EVERYWHERE or (rule.reads is Reads.PROMPT) == reading.is_asked:
                    for part, hits in parts.items():
                        said = [(reading, hit) for hit in hits if self._is_said(rule, hit, reading)]
                        found.setdefault(rule, {}).setdefault(part, []).extend(said)
        return found

    def _is_said(self, rule: Rule, hit: Found, reading: _Reading) -> bool:
        """Returns whether the text says the word in its language. Of a minor, each word counts in every language."""
        if rule.category is Category.MINORS:
            return True
        around = reading.words[max(0, hit.start - _AROUND) : hit.end + _AROUND]
        return is_said(hit.words, reading.language, reading.typed, self._rules.vocabulary, around)

    def _opinions(self, readings: list[_Reading]) -> list[tuple[_Reading, Opinion]]:
        if self._classifier is None:
            return []
        return [
            (reading, self._classifier.read(reading.text, reading.typed, reading.language))
            for reading in readings
            if reading.is_asked
        ]

    def _of_names(
        self,
        readings: list[_Reading],
        hits: _Hits,
        opinions: list[tuple[_Reading, Opinion]],
        policy: Policy,
    ) -> Iterator[Verdict]:
        """Yields verdicts on names of real persons. The policy decides about a person in the picture; an allowed verdict tells of
        one. With sexual, nude, gory, criminal or humiliating content a person is always refused. Authors are only told of.
        """
        for reading in readings:
            names = self._names.found(reading.words) if reading.is_asked else []
            names = [name for name in names if _is_named(name, reading)]
            if not names:
                continue
            told = [name.words for name in names]
            compromising = list(_compromising(hits, opinions, names))
            if compromising:
                yield _by_words(
                    Ruling.REFUSE, Category.REAL_PERSON, FIGURES, (*told, *compromising), [reading]
                )
            if authors := [name.words for name in names if name.is_author]:
                yield _by_words(Ruling.ALLOW, Category.NONE, STYLES, authors, [reading])
            shown = [name for name in names if not name.is_author and name.words not in self._excused]
            if shown:
                ruling = policy.of_name(max(name.alone for name in shown))
                words = [name.words for name in shown]
                yield _by_words(ruling, Category.REAL_PERSON, FIGURES, words, [reading])

    def _where(self, verdict: Verdict, texts: Mapping[str, str]) -> str:
        """Returns the fields that contain the deciding words; all fields with text if no single field contains any."""
        speaking = {name: text for name, text in texts.items() if text.strip()}
        # This is the usual case. Folding the text once more would take a third of the verdict's time.
        if len(speaking) == 1:
            return next(iter(speaking))
        deciding = {word for phrase in verdict.words for word in words(phrase)}
        said = {name: set(words(canonical(text, self._rules))) for name, text in speaking.items()}
        return "+".join([name for name, own in said.items() if own & deciding] or said)


def _is_named(name: Name, reading: _Reading) -> bool:
    """Returns whether the words are a name. Outside English a single word is usually none ("pele" is skin), and a word that
    English lacks is no last name.
    """
    if reading.language == ENGLISH or not name.words.isascii():
        return True
    return name.is_listed and (" " in name.words or name.alone is not Ruling.ALLOW)


def _by_rules(found: _Hits, policy: Policy, opinions: list[tuple[_Reading, Opinion]]) -> Iterator[Verdict]:
    for rule, parts in found.items():
        if rule.is_silent or not _is_complete(rule, parts):
            continue
        ruling = rule.ruling
        if not rule.is_fixed:
            if ruling is Ruling.REFUSE and _reads_below(rule.flagged_below, parts, opinions):
                ruling = Ruling.FLAG
            ruling = policy.of_rule(rule.category, ruling, rule.age_restricted)
        hits, beside = parts.get(Part.ANY, []), parts.get(Part.WITH, [])
        if ruling is Ruling.ALLOW or (ruling is Ruling.FLAG and _is_dropped(rule, parts, opinions)):
            continue
        where = _nearest([reading for reading, _ in hits], [reading for reading, _ in beside])
        yield _by_words(ruling, rule.category, rule.name, [hit.words for _, hit in (*hits, *beside)], where)


def _is_dropped(rule: Rule, parts: _Parts, opinions: list[tuple[_Reading, Opinion]]) -> bool:
    """Returns whether a flag by these words alone is dropped: "a knight killing a dragon"."""
    return _reads_below(rule.allowed_below, parts, opinions)


def _reads_below(score: float, parts: _Parts, opinions: list[tuple[_Reading, Opinion]]) -> bool:
    """Returns whether the learned half, which knows the whole text, scores it lower.

    It knows English well enough to overrule words, and no disguise: every reading must be plain English, and its words must be
    typed like that.
    """
    hits = [hit for each in parts.values() for hit in each]
    if not opinions or max(opinion.overall for _, opinion in opinions) >= score:
        return False
    known = ordinary_words()
    readings = [reading.words for reading, _ in (*hits, *opinions)]
    return all(
        sum(word in known or word.isdigit() for word in each) >= _PLAIN_ENGLISH * len(each)
        for each in readings
    ) and all(
        word in known and word in reading.typed_words for reading, hit in hits for word in hit.words.split()
    )


def _is_complete(rule: Rule, parts: _Parts) -> bool:
    hits, beside = parts.get(Part.ANY, []), parts.get(Part.WITH, [])
    if not hits or (rule.with_any_of and not beside):
        return False
    # "child, nudity" among the things to leave out is harmless, as long as the request asks for none of them.
    return rule.reads is not Reads.EVERYWHERE or any(reading.is_asked for reading, _ in (*hits, *beside))


def _learned(opinions: list[tuple[_Reading, Opinion]], policy: Policy) -> Iterator[Verdict]:
    for reading, opinion in opinions:
        for category, score in opinion.scores.items():
            ruling = policy.of_score(category, score)
            if ruling is not Ruling.ALLOW:
                yield _by_score(ruling, category, score, reading, opinion)


def _beside_minors(hits: _Hits, opinions: list[tuple[_Reading, Opinion]]) -> Iterator[Verdict]:
    """Yields verdicts on texts that name a minor. No policy softens them."""
    named = [
        (reading, found.words)
        for rule, parts in hits.items()
        if rule.category is Category.MINORS
        for reading, found in parts.get(Part.ANY, [])
    ]
    minors = [words for _, words in named]
    asked = [words for reading, words in named if reading.is_asked]
    for rule, parts in hits.items():
        # One garment left out says little about an adult, and too much about a child.
        bare = [*parts.get(Part.ANY, []), *parts.get(Part.WITH, [])]
        if asked and bare and rule.reads is Reads.NEGATIVE and rule.category is Category.NUDITY:
            words = (*asked, *(hit.words for _, hit in bare))
            yield _by_words(
                Ruling.REFUSE, Category.MINORS, rule.name, words, [reading for reading, _ in bare]
            )
    for reading, opinion in opinions:
        score = max((opinion.scores.get(category, 0.0) for category in _BARE), default=0.0)
        if minors and score >= _BESIDE_MINORS:
            verdict = _by_score(Ruling.REFUSE, Category.MINORS, score, reading, opinion)
            yield replace(verdict, words=tuple(dict.fromkeys((*minors, *opinion.words))))


def _by_words(
    ruling: Ruling, category: Category, rule: str, words: Iterable[str], where: Iterable[_Reading]
) -> Verdict:
    return Verdict(
        ruling=ruling,
        category=category,
        rule=rule,
        words=tuple(dict.fromkeys(words)),
        score=_SCORES[ruling],
        normal_form=" / ".join(dict.fromkeys(reading.text for reading in where)),
    )


def _by_score(
    ruling: Ruling, category: Category, score: float, reading: _Reading, opinion: Opinion
) -> Verdict:
    return Verdict(
        ruling=ruling,
        category=category,
        rule=CLASSIFIER,
        words=opinion.words,
        score=score,
        normal_form=reading.text,
    )


def _compromising(hits: _Hits, opinions: list[tuple[_Reading, Opinion]], names: list[Name]) -> Iterator[str]:
    """Yields the words that, together with a name, make the picture an offence."""
    depicted = any(name.may_be_shown for name in names)
    if any(name.is_harmed for name in names):
        yield VIOLENCE
    for rule, parts in hits.items():
        is_complete = _is_complete(rule, parts) or (rule.with_names and parts.get(Part.ANY))
        # Who is undressed by what is left out is as nude as others.
        is_read = rule.reads is Reads.PROMPT or (
            rule.reads is Reads.NEGATIVE and rule.category is Category.NUDITY
        )
        if not is_read or not is_complete:
            continue
        is_explicit = rule.ruling is Ruling.REFUSE and rule.category in (*_BARE, Category.GORE)
        is_disgrace = rule.category in _DISGRACE and not _is_dropped(rule, parts, opinions)
        if is_explicit or (depicted and (rule.category in _BARE or is_disgrace)):
            yield from (found.words for _, found in parts[Part.ANY])
    for _, opinion in opinions:
        is_compromising = _most(opinion, (*_BARE, Category.GORE)) >= _BESIDE_NAMES
        if depicted and (is_compromising or _most(opinion, _DISGRACE) >= _DISGRACE_BESIDE_NAMES):
            yield from opinion.words or ("score",)


def _most(opinion: Opinion, categories: Iterable[Category]) -> float:
    return max(opinion.scores.get(category, 0.0) for category in categories)


def _told(verdict: Verdict, overall: float) -> float:
    """Returns the score to tell: words raise the learned score, so that harm which both see ranks first.

    Otherwise a refusal by words alone would rank above all that only the learned half sees. The two laws keep their scores.
    """
    if verdict.rule in (CLASSIFIER, FIGURES) or verdict.category is Category.MINORS:
        return max(verdict.score, overall)
    if verdict.ruling is Ruling.ALLOW or not 0 < overall < 1:
        return max(verdict.score, overall)
    return 1 / (1 + exp(-log(overall / (1 - overall)) - _BY_WORDS[verdict.ruling]))


def _gravity(verdict: Verdict) -> tuple[int, int, float]:
    """Returns the sort key: among equally strict verdicts, one required by law is shown, then the one with the highest score."""
    law = {Category.MINORS: 2, Category.REAL_PERSON: 1}.get(verdict.category, 0)
    return verdict.ruling, law, verdict.score


def _nearest(hits: list[_Reading], beside: list[_Reading]) -> list[_Reading]:
    """Returns one reading that contains both if there is one, otherwise one of each."""
    if not beside:
        return hits[:1]
    both = next((reading for reading in hits if reading in beside), None)
    return [both] if both else [hits[0], beside[0]]
