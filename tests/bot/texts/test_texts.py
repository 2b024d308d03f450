"""Every refusal has a sentence, and members' texts stay in their places."""

import re
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, NewType, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio import errors as case_errors
from bot.studio.errors import (
    BadDuration,
    BadParameter,
    MemberBlocked,
    NoSuchJob,
    PromptRefused,
    Refusal,
    UnknownLora,
    UnknownModel,
    UnknownParameter,
    UnknownScheduler,
)
from bot.studio.orders.inline import NAMES
from bot.studio.orders.parameters import ASPECTS, PROMPT_LIMIT
from bot.texts import language, markdown
from db.errors import DatabaseBroken, DiskFull, NotStorable
from generation.queue.ticket import (
    GenerationError,
    GenerationFailed,
    LineFull,
    QueueClosed,
)
from generation.request import JobId
from moderation.rate_limits import RateLimited, TooManyJobs
from moderation.verdict import Category
from tests.bot.markdown import long_words, read, without_code, words, words_of

assert case_errors.NoSuchCase  # makes sure that the desk's refusals are imported, so that the walk finds them
MOST_CONTENT = 2000
KINDS = [
    "memory",
    "numbers",
    "model",
    "input",
    "too-large",
    "steps",
    "size",
    "weights",
    "start",
    "mask",
    "bug",
    "crash",
    "something new",
]


def leaves(base: type[Exception]) -> Iterator[type[Exception]]:
    below = base.__subclasses__()
    for each in below:
        yield from leaves(each)
    if not below:
        yield base


ERRORS = [
    *leaves(Refusal),
    *leaves(GenerationError),
    LineFull,
    QueueClosed,
    RateLimited,
    TooManyJobs,
    DiskFull,
    NotStorable,
]


def samples(hint: Any) -> list[Any]:
    """Returns sample values for a field of an error."""
    if isinstance(hint, NewType):
        return samples(hint.__supertype__)
    if get_origin(hint) is tuple:
        return [tuple(samples(get_args(hint)[0]))]
    if parts := get_args(hint):
        return [value for part in parts for value in samples(part)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)
    known: dict[Any, list[Any]] = {
        str: ["words"],
        int: [1, 1_000_000],
        float: [0.5, 100_000.0],
        bool: [False, True],
        NoneType: [None],
        Path: [Path("atelier.sqlite3")],
    }
    return known[hint]


def instances(kind: type[Exception]) -> Iterator[Exception]:
    """Yields errors with each value of each field once; the other fields have their first value."""
    hints = get_type_hints(kind)
    every = {field.name: samples(hints[field.name]) for field in fields(kind)}  # type: ignore[arg-type]
    first = {name: values[0] for name, values in every.items()}
    yield kind(**first)
    for name, values in every.items():
        for value in values[1:]:
            yield kind(**(first | {name: value}))


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_refusal_is_a_sentence(kind: type[Exception]) -> None:
    for error in instances(kind):
        sentence = language("en").sentence(error)
        assert sentence is not None, f"{kind.__name__} has no sentence"
        assert re.fullmatch(r"[A-Z`].*([.?]|Reason: words)", sentence), sentence
        assert not re.search(
            r"\b(?!LoRA\b)[A-Z][a-z]+[A-Z]\w+|Error|Traceback|None|=|0x|\bargs\b|sqlite", sentence
        ), sentence
        assert len(sentence) <= 300, sentence


@pytest.mark.parametrize(
    "error", [ValueError("boom"), KeyError("x"), DatabaseBroken(path=Path("x"), reason="x")]
)
def test_what_is_a_bug_has_no_sentence_of_its_own(error: Exception) -> None:
    assert language("en").sentence(error) is None


def test_a_bug_is_told_by_its_reference_alone() -> None:
    assert "`0a1b2c3d`" in language("en")("bug", reference="0a1b2c3d")


@pytest.mark.parametrize("category", [each for each in Category if each is not Category.NONE])
def test_every_category_is_named_in_words(category: Category) -> None:
    sentence = language("en").sentence(PromptRefused(category, "prompt")) or ""
    # These are words already; the others are our own names.
    is_word = category.value in ("nudity", "gore", "hate", "harassment", "self-harm", "spam")
    assert (f"reads as {category.value}." in sentence) == is_word
    assert "Nothing was charged." in sentence and "(in the" not in sentence


@pytest.mark.parametrize(
    "category", [*(each for each in Category if each is not Category.NONE), "server-rule"]
)
@pytest.mark.parametrize("field", ["prompt", "prompt+negative"])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_refusal_says_what_to_do_and_whether_it_counts(category: str, field: str, is_first: bool) -> None:
    sentence = language("en").sentence(PromptRefused(category, field, is_first)) or ""
    assert len(sentence) <= 330
    advice = sentence.partition(". ")[2].partition(". If you think that this is a mistake")[0]
    assert advice, "what to do instead"
    assert advice != "Rephrase it and try again", "that is for categories that nobody has thought of"
    assert ("does not count against you" in sentence) == is_first


def test_every_category_has_advice_of_its_own() -> None:
    advice = [
        (language("en").sentence(PromptRefused(each, "prompt")) or "").partition(". ")[2]
        for each in Category
        if each is not Category.NONE
    ]
    assert len(set(advice)) == len(advice)


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("negative", "(in the negative prompt)"),
        ("prompt+negative", "(in the prompt and the negative prompt)"),
    ],
)
def test_a_refusal_says_which_text_it_means(field: str, where: str) -> None:
    assert where in (language("en").sentence(PromptRefused("gore", field)) or "")


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_fail_says_that_it_cost_nothing(kind: str) -> None:
    sentence = (
        language("en").sentence(GenerationFailed(JobId("aaaaaaaaaa"), kind, "CUDA error: 0xdead")) or ""
    )
    assert "Nothing was charged." in sentence and "CUDA" not in sentence


def test_who_asks_for_more_than_a_limit_ever_holds_is_not_told_to_wait() -> None:
    sentence = language("en").sentence(RateLimited("minute", 2, 4, is_impossible=True)) or ""
    assert "Ask for fewer" in sentence and "gain in" not in sentence


@given(long_words, st.floats(0, 2**31))
def test_a_members_words_do_not_leave_a_sentence(text: str, at: float) -> None:
    for error in (
        UnknownModel(text, "emoji"),
        UnknownLora(text, "emoji", "pixel", ""),
        UnknownScheduler(text, "emoji", "Euler a"),
        UnknownParameter(text, "seed"),
        BadParameter("ar", text, "aspect"),
        NoSuchJob(text),
        BadDuration(text),
        MemberBlocked(at, text[:300]),
    ):
        sentence = language("en").sentence(error)
        assert sentence is not None and len(sentence) <= MOST_CONTENT
        assert read(without_code(sentence)).live == (), sentence


# ---- texts in their places


@given(words)
def test_plain_words_mean_nothing_to_discord_and_lose_nothing(text: str) -> None:
    shown = read(markdown.plain(text))
    assert shown.live == ()
    assert shown.seen == words_of(text)


@given(long_words, st.integers(2, PROMPT_LIMIT))
def test_plain_words_cut_short_still_mean_nothing(text: str, limit: int) -> None:
    cut = markdown.short(markdown.plain(text), limit)
    assert len(cut) <= limit
    assert read(cut).live == ()
    assert not cut.endswith("\\") or read(cut).seen.endswith("\\"), "it would swallow what stands behind"


@given(long_words)
def test_words_between_backticks_stay_between_them(text: str) -> None:
    inside = markdown.code(text)
    assert 1 <= len(inside) <= 100
    assert "`" not in inside and len(inside.splitlines()) == 1


@given(st.text(max_size=60), st.integers(1, 50))
def test_short_is_as_long_as_asked(text: str, limit: int) -> None:
    cut = markdown.short(text, limit)
    assert cut == text if len(text) <= limit else len(cut) <= limit and cut.endswith("…")


# ---- numbers as words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 s"),
        (0.2, "1 s"),
        (40, "40 s"),
        (40.01, "41 s"),
        (89, "89 s"),
        (89.5, "2 min"),
        (90, "2 min"),
        (120, "2 min"),
        (120.1, "3 min"),
        (89 * 60, "89 min"),
        (89 * 60 + 1, "2 h"),
        (7200, "2 h"),
        (7201, "3 h"),
        (86_400, "24 h"),
    ],
)
def test_a_duration_is_rounded_up(seconds: float, words: str) -> None:
    assert language("en")("gallery-to-go", seconds=seconds) == f", about {words} to go"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1_209_600, "2 weeks"), (86_400, "1 day"), (129_600, "36 hours"), (60, "1 minute"), (61, "61 s")],
)
def test_a_span_is_told_in_the_largest_unit_that_is_whole(seconds: float, words: str) -> None:
    assert language("en")("case-rung", sanction="timeout", seconds=seconds) == f"a timeout of {words}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1_209_600, "2 weeks"), (604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute")],
)
def test_a_single_unit_of_the_past_has_no_number(seconds: float, words: str) -> None:
    assert language("en")("mod-stats-title", seconds=seconds) == f"### The last {words}"


@given(st.floats(0, 10**7), st.floats(0, 10**7))
def test_a_duration_is_never_too_short_and_never_falls(first: float, second: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600}

    def told(seconds: float) -> int:
        sentence = language("en")("mod-stats-decided", decided=1, waited=seconds, outcomes="")
        number, unit = sentence.replace(",", "").split()[-2:]
        return int(number) * units[unit]

    assert told(first) >= first
    assert told(first) <= told(second) or first > second


def test_every_parameter_says_what_it_takes() -> None:
    options = set(NAMES.values())
    takes = {language("en").sentence(BadParameter("x", "", option)) for option in options}
    assert len(takes) == len(options)
    aspects = language("en").sentence(BadParameter("ar", "", "aspect")) or ""
    assert re.findall(r"\d+:\d+(?=, )", aspects) == list(ASPECTS)


@pytest.mark.parametrize(
    ("name", "nearest", "is_told"),
    [("sede", "seed", True), ("x", "negative", False), ("quality", "aspect", False)],
)
def test_an_unknown_parameter_is_told_the_nearest_where_it_is_near(
    name: str, nearest: str, is_told: bool
) -> None:
    told = language("en").sentence(UnknownParameter(name, nearest))
    assert told is not None
    assert f"`--{name}`" in told
    assert (f"Did you mean `--{nearest}`?" in told) is is_told
