"""The moderators' log and the card of a refused prompt: messages that Discord accepts, with any text of members, page by page."""

import re
from dataclasses import replace

import discord
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.cases import cards as case_cards
from bot.commands.mod import log as mod_log
from bot.commands.mod.log import Question
from bot.ui.pagination import PageButton
from db.verdicts import VerdictRecord
from generation.request import MemberId
from moderation.verdict import ALLOWED, Category, Ruling, Verdict
from tests.bot.cards import JOB, LARGEST_ID, NOW, SAY, custom_ids_of, problems, some, texts_of
from tests.bot.conftest import GUILD, Shop
from tests.bot.markdown import HOSTILE, long_words, read, without_code
from tests.openapi import walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
few = hypothesis_settings(some, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])

verdicts = st.builds(
    Verdict,
    ruling=st.sampled_from(Ruling),
    category=st.sampled_from(Category),
    rule=st.text(min_size=1, max_size=120),
    words=st.lists(st.text(max_size=60) | HOSTILE, max_size=20).map(tuple),
    field=st.sampled_from(["prompt", "negative", "prompt+negative"]),
    normal_form=long_words,
)
records = st.builds(
    VerdictRecord,
    id=st.integers(1, LARGEST_ID),
    at=st.just(NOW),
    guild_id=st.just(LARGEST_ID),
    channel_id=st.just(LARGEST_ID),
    member=st.just(MemberId(LARGEST_ID)),
    member_name=long_words.map(lambda name: name[:32]),
    job=st.none() | st.just(JOB),
    message_id=st.none() | st.just(LARGEST_ID),
    source=st.sampled_from(["/imagine", "V1", "re-roll"]),
    prompt=long_words,
    negative=long_words,
    verdict=verdicts,
)


@some
@given(records)
def test_a_refusals_card_opens_a_case_and_nothing_else(record: VerdictRecord) -> None:
    view = case_cards.review_card(SAY, record, count=320, since=NOW)
    assert problems(view) == []
    assert custom_ids_of(view) == [f"atelier:1:case:open:{record.id}"]


@some
@given(records)
def test_a_refused_prompt_does_not_leave_its_quote(record: VerdictRecord) -> None:
    [text] = texts_of(case_cards.review_card(SAY, record, count=1, since=NOW))
    for line in text.split("\n"):
        assert line == line.strip("\r") and len(line.splitlines()) <= 1
        if line.startswith("> "):
            assert read(line.removeprefix("> ")).live == ()
    # Outside the code spans only the bot's own markup remains.
    own = text.replace(f"<@{LARGEST_ID}>", "").replace(f"<#{LARGEST_ID}>", "")
    assert set(read(without_code(own).replace("\n", " ")).live) <= {"*", "**", ">", "> "}


WORST = Verdict(
    ruling=Ruling.FLAG,
    category=Category.HARASSMENT,
    rule="r" * 200,
    words=tuple(letter * 80 for letter in "abcdefghij"),
    score=0.5,
    field="prompt+negative",
    normal_form="n" * 1000,
)


@few
@given(st.lists(st.tuples(verdicts, long_words, long_words), max_size=7))
async def test_a_page_of_the_log_is_a_message(shop: Shop, found: list[tuple[Verdict, str, str]]) -> None:
    guild_id = int(shop.clock.now)
    shop.clock.now += 1  # a different server for each example
    for verdict, prompt, negative in found:
        await log(shop, verdict, prompt, negative, guild_id)
    view = await mod_log.page(SAY, shop.records.verdicts, guild_id, Question())
    assert problems(view) == []


async def test_the_longest_page_of_the_log_is_a_message(shop: Shop) -> None:
    for _ in range(7):
        await log(shop, WORST, "*" * 1000, "p" * 1000, LARGEST_ID)
    question = Question(
        member=LARGEST_ID, channel=LARGEST_ID, ruling="flag", since=int(NOW) - 1, before=LARGEST_ID
    )
    assert problems(await mod_log.page(SAY, shop.records.verdicts, LARGEST_ID, question)) == []


async def log(shop: Shop, verdict: Verdict, prompt: str, negative: str, guild_id: int) -> None:
    async with shop.records.database.transaction() as tx:
        await shop.records.verdicts.add(
            tx,
            at=NOW,
            guild_id=guild_id,
            channel_id=LARGEST_ID,
            member=MemberId(LARGEST_ID),
            member_name="ada",
            source="/imagine",
            prompt=prompt,
            negative=negative,
            verdict=verdict,
            job=JOB,
            message_id=LARGEST_ID,
        )


async def test_the_log_is_read_page_by_page_by_its_buttons(shop: Shop) -> None:
    for number in range(12):
        await log(shop, WORST, f"prompt number {number}.", "", GUILD)
    question, seen, view = Question(ruling="flag"), list[int](), discord.ui.LayoutView()
    for _ in range(3):
        view = await mod_log.page(SAY, shop.records.verdicts, GUILD, question)
        shown = "\n".join(texts_of(view))
        seen += [number for number in reversed(range(12)) if f"number {number}." in shown]
        newest, older = custom_ids_of(view)
        assert newest.endswith(":0.0.f.0.0")
        question = Question.of(older.removeprefix("atelier:1:page:log:"))
        assert question.ruling == "flag"
    assert seen == list(reversed(range(12)))
    is_disabled = [each.get("disabled") for each in walk(view.to_components()) if each["type"] == 2]
    assert is_disabled == [False, True]


LONGEST_SEARCH = Question(
    member=LARGEST_ID,
    channel=LARGEST_ID,
    ruling="flag",
    since=2_000_000_000,
    before=2_000_000_000,
    category="spam",
    rule=". server: x.",
    words="...a.b: `c` 裸体.  😀..",
)


async def test_the_longest_search_is_in_its_buttons(shop: Shop) -> None:
    assert (len(LONGEST_SEARCH.rule), len(LONGEST_SEARCH.words)) == (mod_log.MOST_RULE, mod_log.MOST_WORDS)
    view = await mod_log.page(SAY, shop.records.verdicts, LARGEST_ID, LONGEST_SEARCH)
    assert problems(view) == []
    newest, _ = custom_ids_of(view)
    assert PageButton.matches(newest) and len(newest) <= 100
    read = Question.of(newest.removeprefix("atelier:1:page:log:"))
    assert read == replace(LONGEST_SEARCH, before=0, rule="_ server: x_"), "the underscore is any character"


@pytest.mark.parametrize(
    "question", [Question(words="CLOWN"), Question(category="gore"), Question(rule="ri_le")]
)
async def test_a_search_is_read_page_by_page_by_its_buttons(shop: Shop, question: Question) -> None:
    found = Verdict(ruling=Ruling.FLAG, category=Category.GORE, rule="server: rifle")
    for number in range(7):
        await log(shop, found, f"clown number {number}.", "", GUILD)
        await log(shop, ALLOWED, f"fox number {number}.", "", GUILD)
    seen = list[str]()
    for _ in range(2):
        shown = "\n".join(texts_of(view := await mod_log.page(SAY, shop.records.verdicts, GUILD, question)))
        seen += re.findall(r"(\w+ number \d)", shown)
        assert "Log · 7 records" in shown and "searched in the newest 20,000 records" in shown
        question = Question.of(custom_ids_of(view)[1].removeprefix("atelier:1:page:log:"))
    assert seen == [f"clown number {number}" for number in reversed(range(7))]


async def test_a_filter_that_nothing_matches_says_so(shop: Shop) -> None:
    view = await mod_log.page(SAY, shop.records.verdicts, GUILD, Question(member=1))
    assert "Nothing matches." in texts_of(view)
    assert problems(view) == []
