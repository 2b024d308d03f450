"""Orders are admitted completely or not at all."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.errors import MemberBlocked, PromptRefused, TooManyRefused
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.settings import Settings
from db.jobs import Job, JobState, Note, NoteKind
from generation.queue.ticket import JobCancelled, LineFull
from moderation.policy import Policy
from moderation.prompts.filter import PromptFilter
from moderation.prompts.public_figures import figures
from moderation.prompts.rules import load_rules, parse_rules
from moderation.rate_limits import RateLimited, TooManyJobs
from moderation.verdict import Category, Ruling, Verdict
from tests.bot.conftest import ADA, ADULTS, BEN, GUILD, MIA, SMALL, Shop, an_order, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]

NO_FOXES = (
    '[[rule]]\nname = "foxes"\ncategory = "spam"\nruling = "refuse"\nany = ["fox"]\nreads = "everywhere"\n'
)


def stricter(shop: Shop) -> None:
    """Changes the rules, as after a restart: foxes are refused now."""
    shop.prompt_screening.screen = PromptFilter(parse_rules(NO_FOXES))


# ---- admit


async def test_an_admitted_order_is_a_row_a_charge_and_a_verdict(shop: Shop) -> None:
    order = an_order(negative="blurry", seed=7)
    job = await shop.admit(order)
    stored = await shop.job(job)
    assert stored == job
    assert (stored.state, stored.drawing.prompt, stored.drawing.seed, stored.drawing.images) == (
        JobState.QUEUED,
        order.drawing.prompt,
        7,
        2,
    )
    assert (stored.member, stored.place.guild_id, stored.created_at) == (ADA.member, GUILD, shop.clock.now)
    assert await shop.spent() == 2
    [record] = await shop.log()
    assert (record.job, record.member, record.source) == (job.id, ADA.member, "/imagine")
    assert (record.prompt, record.negative, record.verdict.ruling) == ("a fox", "blurry", Ruling.ALLOW)
    assert not shop.reviewed()


async def test_a_refused_order_leaves_its_verdict_alone(shop: Shop) -> None:
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(an_order("a naked woman"))
    assert (refusal.value.category, refusal.value.field) == (Category.NUDITY, "prompt")
    assert await shop.records.jobs.live_of_member(ADA.member) == []
    assert await shop.spent() == 0
    [record] = await shop.log()
    assert (record.job, record.verdict.ruling) == (None, Ruling.REFUSE)
    assert shop.reviewed() == [record]


async def test_a_flagged_order_is_drawn_and_moderators_are_told(shop: Shop) -> None:
    job = await shop.admit(an_order("a hostage drama"))
    [record] = shop.reviewed()
    assert (record.job, record.verdict.ruling) == (job.id, Ruling.FLAG)


KNOWN = ("emma watson", "@vladimir putin", "*zaha hadid")
PERSON = Note(kind=NoteKind.REAL_PERSON)


@pytest.mark.parametrize(
    ("prompt", "notes", "people", "styles", "cases"),
    [
        ("a hostage drama", [Note(kind=NoteKind.FLAGGED, names=(Category.ILLEGAL,))], 0, 0, 1),
        ("emma watson in a library", [PERSON], 1, 0, 0),
        (
            "vladimir putin on a horse",
            [PERSON, Note(kind=NoteKind.FLAGGED, names=(Category.REAL_PERSON,))],
            0,
            0,
            1,
        ),
        ("a castle by zaha hadid", [], 0, 1, 0),
        ("a castle", [], 0, 0, 0),
    ],
)
async def test_a_card_tells_what_is_noticed_and_only_a_flag_is_a_case(
    shop: Shop, prompt: str, notes: list[Note], people: int, styles: int, cases: int
) -> None:
    shop.prompt_screening.screen = PromptFilter(load_rules(), names=figures(KNOWN))
    job = await shop.admit(an_order(prompt))
    counted = await shop.records.member_stats.figures(GUILD, 0)
    assert list(job.notes) == notes
    assert (counted.people, counted.styles, counted.opened) == (people, styles, cases)
    assert len(shop.reviewed()) == cases


async def test_a_job_from_another_tells_what_its_own_verdict_is(shop: Shop) -> None:
    shop.prompt_screening.screen = PromptFilter(load_rules(), names=figures(KNOWN))
    flagged = Note(kind=NoteKind.FLAGGED, names=(Category.ILLEGAL,))
    links = Note(kind=NoteKind.LINKS)
    job = await shop.admit(replace(an_order("emma watson in a library"), notes=(flagged, links)))
    assert job.notes == (links, PERSON)


@pytest.mark.parametrize(
    ("prompt", "negative", "field"),
    [
        ("a naked woman", None, "prompt"),
        ("a woman", "clothes", "negative"),
        ("a woman --no clothes", None, "negative"),
        ("a woman --seed 7 naked", None, "prompt"),
        ("a woman —no clothes", None, "negative"),
        ("n a k e d woman", None, "prompt"),
    ],
)
async def test_whatever_way_the_words_come_in_they_are_refused(
    shop: Shop, prompt: str, negative: str | None, field: str
) -> None:
    order = compose(PromptInput(prompt=prompt, negative=negative), ADA, [SMALL], SMALL)
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(order)
    assert refusal.value.field == field


async def test_a_channels_age_restriction_decides_what_is_refused_there(shop: Shop) -> None:
    await shop.policies.choose(MIA, ADULTS, "mature")
    await shop.admit(an_order("a nude statue", replace(ADA, is_age_restricted=True)))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman", ADA))


async def test_what_an_ordinary_channel_would_not_show_goes_behind_a_spoiler(shop: Shop) -> None:
    await shop.policies.choose(MIA, ADULTS, "mature")
    adult = await shop.admit(an_order("a naked woman", replace(ADA, is_age_restricted=True)))
    assert await shop.studio.is_for_adults(adult)
    assert not await shop.studio.is_for_adults(await shop.admit(an_order("a fox")))


class Noting(PromptFilter):
    """A filter that records the threads of its calls."""

    threads: list[threading.Thread]

    def check(self, texts: Mapping[str, str], *, policy: Policy | None = None) -> Verdict:
        self.threads.append(threading.current_thread())
        return super().check(texts, policy=policy)


async def test_prompts_are_read_beside_the_loop(shop: Shop) -> None:
    screen = shop.prompt_screening.screen = Noting(parse_rules(NO_FOXES))
    screen.threads = []
    await shop.admit(an_order("a house"))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a fox"))
    assert len(screen.threads) == 2 and threading.main_thread() not in screen.threads


@pytest.mark.parametrize("way", ["reroll", "variation", "upscale"])
async def test_an_old_job_is_judged_by_the_rules_of_today(busy: Shop, way: str) -> None:
    job = (await busy.draw()).job
    stricter(busy)
    match way:
        case "reroll":
            order = await busy.variations.reroll(job.id, BEN)
        case "variation":
            order = await busy.variations.variation(job.id, 1, BEN)
        case _:
            order = await busy.variations.upscale(job.id, 1, BEN)
    with pytest.raises(PromptRefused):
        await busy.admit(order)
    assert await busy.spent(BEN) == 0
    assert (await busy.log())[0].member == BEN.member


async def test_a_member_has_so_many_images_a_minute(shop: Shop) -> None:
    await shop.admit(an_order(images=4))
    shop.clock.now += 20
    await shop.admit(an_order(images=4))
    with pytest.raises(RateLimited) as limited:
        await shop.admit(an_order(images=4))
    assert (limited.value.limit, limited.value.retry_after) == ("minute", pytest.approx(40))
    await shop.admit(an_order(actor=BEN))
    shop.clock.now += limited.value.retry_after
    await shop.admit(an_order(images=4))
    assert await shop.spent() == 12


async def test_a_member_has_so_many_images_a_day_also_after_a_restart(
    busy: Shop, open_shop: Callable[[Settings], Shop]
) -> None:
    for _ in range(5):
        await busy.draw(images=4)
        busy.clock.now += 60
    again = open_shop(busy.settings)
    with pytest.raises(RateLimited) as limited:
        await again.admit(an_order(images=1))
    assert limited.value.limit == "day"
    busy.clock.now += limited.value.retry_after
    await again.admit(an_order(images=4))


async def test_a_member_has_so_many_jobs_in_line(shop: Shop) -> None:
    for _ in range(3):
        await shop.admit(an_order(images=1))
    with pytest.raises(TooManyJobs) as refusal:
        await shop.admit(an_order(images=1))
    assert refusal.value.limit == 3
    assert await shop.spent() == 3
    await shop.admit(an_order(actor=BEN))


async def test_orders_at_the_same_moment_are_counted_one_after_the_other(shop: Shop) -> None:
    results = await asyncio.gather(
        *(shop.admit(an_order(images=4)) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Job) for result in results) == 2
    assert sum(isinstance(result, RateLimited) for result in results) == 3
    assert await shop.spent() == 8


async def test_a_full_line_admits_nobody_and_charges_nothing(
    settings: Settings, open_shop: Callable[[Settings], Shop]
) -> None:
    shop = open_shop(replace(settings, generation=replace(settings.generation, max_waiting=1)))
    job = await shop.admit(an_order())
    waiting = asyncio.create_task(shop.fulfil(job))
    await until(lambda: shop.dispatch.state.waiting == 1)
    with pytest.raises(LineFull):
        await shop.admit(an_order(actor=BEN))
    assert await shop.spent(BEN) == 0
    assert await shop.records.jobs.live_of_member(BEN.member) == []
    shop.dispatch.cancel(job.id)
    with pytest.raises(JobCancelled):
        await waiting


# ---- refused prompts


class Counting:
    """A filter that counts the prompts that it is asked about at once, and altogether."""

    def __init__(self, screen: PromptFilter) -> None:
        self._screen = screen
        self.asked = self.at_once = self.most_at_once = 0

    async def wait_for_verdict(self, *args: Any, **options: Any) -> Verdict:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._screen.wait_for_verdict(*args, **options)
        finally:
            self.at_once -= 1


@pytest.fixture
def counting(shop: Shop) -> Counting:
    shop.prompt_screening.screen = counting = Counting(shop.prompt_screening.screen)  # pyright: ignore[reportAttributeAccessIssue]
    return counting


async def test_a_flood_of_refused_prompts_is_turned_away_without_a_look(
    shop: Shop, counting: Counting
) -> None:
    flood = (shop.admit(an_order(f"a nude woman {number}")) for number in range(320))
    results = await asyncio.gather(*flood, return_exceptions=True)
    limit = shop.settings.limits.refusals_an_hour
    assert sum(isinstance(each, PromptRefused) for each in results) == limit
    turned_away = [each for each in results if isinstance(each, TooManyRefused)]
    assert len(turned_away) == 320 - limit and turned_away[0].limit == limit
    assert (counting.asked, counting.most_at_once) == (limit, 1)
    assert await shop.records.verdicts.count(GUILD) == limit
    await shop.admit(an_order(actor=BEN))
    shop.clock.now += turned_away[0].retry_after - 1
    with pytest.raises(TooManyRefused):
        await shop.admit(an_order())
    shop.clock.now += 1
    await shop.admit(an_order())


async def test_refused_pictures_are_not_counted_as_prompts(
    busy: Shop, open_shop: Callable[[Settings], Shop]
) -> None:
    await busy.refused("show refused", images=1)
    strict = open_shop(replace(busy.settings, limits=replace(busy.settings.limits, refusals_an_hour=1)))
    await strict.admit(an_order())


async def test_orders_after_one_beyond_the_limits_are_not_screened(shop: Shop, counting: Counting) -> None:
    jobs = [await shop.admit(an_order(images=1)) for _ in range(3)]
    for text in ("a fox", *["a nude woman"] * 9):
        with pytest.raises(TooManyJobs):
            await shop.admit(an_order(text, images=1))
    assert counting.asked == 4
    await shop.takedown.cancel(jobs[0].id, ADA)
    await shop.admit(an_order(images=1))
    assert counting.asked == 5


# ---- blocks


async def test_a_blocked_member_is_refused_before_anything_is_written(shop: Shop) -> None:
    await shop.block(ADA, "spam", 60)
    with pytest.raises(MemberBlocked) as blocked:
        await shop.admit(an_order("a naked woman"))
    assert (blocked.value.reason, blocked.value.until) == ("spam", shop.clock.now + 60)
    assert await shop.log() == []


async def test_a_block_runs_out_by_itself(shop: Shop) -> None:
    await shop.block(ADA, "spam", 60)
    shop.clock.now += 59.5
    with pytest.raises(MemberBlocked):
        await shop.admit(an_order())
    shop.clock.now += 0.5
    await shop.admit(an_order())


async def test_a_block_counts_in_its_own_server(shop: Shop) -> None:
    await shop.block(ADA, "spam")
    await shop.admit(an_order(actor=replace(ADA, guild_id=GUILD + 1)))
    await shop.admit(an_order(actor=replace(ADA, guild_id=None)))


class WatchedScreen(PromptFilter):
    """A filter that signals when it is called."""

    async def wait_for_verdict(self, texts: Mapping[str, str], *, policy: Policy | None = None) -> Verdict:
        self.asked.set()
        return await super().wait_for_verdict(texts, policy=policy)

    asked: asyncio.Event


async def test_a_block_set_while_an_order_is_being_admitted_stops_it(shop: Shop) -> None:
    shop.prompt_screening.screen = screen = WatchedScreen(parse_rules(""))
    screen.asked = asyncio.Event()
    async with shop.records.database.transaction() as tx:
        admission = asyncio.create_task(shop.admit(an_order()))
        await (
            screen.asked.wait()
        )  # after its first check of the blocks, before the write lock that is held here
        await shop.records.blocks.block(
            tx, guild_id=GUILD, member=ADA.member, by=MIA.member, reason="", at=shop.clock.now
        )
    with pytest.raises(MemberBlocked):
        await admission
    assert await shop.spent() == 0
