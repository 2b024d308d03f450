"""Further orders of a member join the case that is open; one decision decides all of them. A raid's cases share one card."""

from dataclasses import replace

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.cases.folding import FOLD_SECONDS, LONGEST_SECONDS, RAID_LONGEST, RAID_MEMBERS, RAID_SECONDS
from bot.studio.cases.review_queue import ReviewQueue
from bot.studio.errors import CaseGrew, PromptRefused, ReviewedAlready
from bot.studio.orders.order import Actor
from db.case_entries import EntryKind
from db.cases import Case, Outcome
from db.jobs import Job
from generation.request import MemberId
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import APPROVE, FLAGGED, OLA, REMOVE, WARN, case_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def ordered(shop: Shop, text: str = FLAGGED, actor: Actor = ADA) -> Job:
    job = await shop.admit(an_order(text, actor, images=1))
    async with shop.records.database.transaction() as tx:
        await shop.takedown.cancel_all_in(tx, job.member)
    return job


async def cases(shop: Shop) -> list[Case]:
    return await shop.records.cases.page(GUILD, limit=100)


async def test_a_spammers_flagged_orders_are_one_case_with_all_their_prompts(shop: Shop) -> None:
    jobs = []
    for number in range(6):
        jobs.append(await ordered(shop, f"{FLAGGED}, number {number}"))
        shop.clock.now += 60
    await ordered(shop, FLAGGED, BEN)
    of_ben, case = await cases(shop)
    assert of_ben.member == BEN.member and case.job == jobs[0].id
    entries = await shop.records.entries.of_case(case.id)
    assert [(each.kind, each.job, each.text) for each in entries] == [
        (EntryKind.JOINED, job.id, f"{FLAGGED}, number {number}") for number, job in enumerate(jobs[1:], 1)
    ]
    assert all([(await case_of(shop, job)).id == case.id for job in jobs])
    assert len(await shop.log()) == 7, "the log lists each"


async def test_one_decision_removes_the_pictures_of_all_orders_and_gives_one_strike(busy: Shop) -> None:
    jobs = [(await busy.draw("show flagged", images=1)).job for _ in range(2)]
    [case] = await cases(busy)
    done = await busy.casework.decide(case.id, MIA, WARN)
    assert done.strikes == 1
    for job in jobs:
        assert all(each.is_removed for each in await busy.records.pictures.of_job(job.id)), job.id
    assert {each.job for each in await busy.records.banned.of_guild(GUILD)} == {each.id for each in jobs}
    await busy.casework.pardon(case.number, MIA, "mercy")
    assert await busy.records.banned.of_guild(GUILD) == [], "a pardon allows the pictures of all"


async def test_no_member_can_report_a_picture_of_an_approved_case(busy: Shop) -> None:
    _, job = [(await busy.draw("show flagged", images=1)).job for _ in range(2)]
    [case] = await cases(busy)
    await busy.casework.decide(case.id, MIA, APPROVE, shown=2)
    with pytest.raises(ReviewedAlready):
        await busy.reports.report(BEN, job, "ugly")


async def test_a_reported_order_joins_the_open_case_of_its_member(busy: Shop) -> None:
    await ordered(busy)
    job = (await busy.draw("show waves1", images=1)).job
    reported = await busy.reports.report(BEN, job, "ugly")
    [case] = await cases(busy)
    assert (reported.is_new, reported.case.id, reported.reports) == (False, case.id, 1)
    entries = await busy.records.entries.of_case(case.id)
    assert [each.kind for each in entries] == [EntryKind.JOINED, EntryKind.REPORTED]


async def test_nothing_joins_a_case_that_is_old_decided_escalated_or_a_proposed_ban(strict: Shop) -> None:
    await ordered(strict)
    strict.clock.now += FOLD_SECONDS
    await ordered(strict)
    assert len(await cases(strict)) == 2, "the first one is old"
    await strict.casework.decide((await cases(strict))[0].id, MIA, APPROVE)
    await ordered(strict)
    assert len(await cases(strict)) == 3, "the second one is decided"
    await strict.casework.escalate((await cases(strict))[0].id, MIA)
    await ordered(strict)
    assert len(await cases(strict)) == 4, "the third one is for others"
    ban = Decision(outcome=Outcome.BAN, reason="spam")
    assert (await strict.casework.decide((await cases(strict))[0].id, MIA, ban)).is_proposal
    await ordered(strict)
    assert len(await cases(strict)) == 5, "what is proposed stays what it is"


async def test_a_case_takes_orders_for_a_day_at_most(shop: Shop) -> None:
    await ordered(shop)
    begin = shop.clock.now
    while shop.clock.now + FOLD_SECONDS / 2 < begin + LONGEST_SECONDS:
        shop.clock.now += FOLD_SECONDS / 2
        await ordered(shop)
    assert len(await cases(shop)) == 1
    shop.clock.now += FOLD_SECONDS / 2
    await ordered(shop)
    assert len(await cases(shop)) == 2


@pytest.mark.parametrize("decision", [APPROVE, REMOVE])
async def test_approve_and_remove_decide_what_the_card_shows_alone(shop: Shop, decision: Decision) -> None:
    for _ in range(3):
        await ordered(shop)
    [case] = await cases(shop)
    with pytest.raises(CaseGrew) as grew:
        await shop.casework.decide(case.id, MIA, decision, shown=1)
    assert (grew.value.number, grew.value.count) == (1, 2)
    await shop.casework.decide(case.id, MIA, decision, shown=3)
    assert [each.outcome for each in await cases(shop)] == [decision.outcome]


async def test_withheld_pictures_join_no_case_of_posted_ones(busy: Shop) -> None:
    await busy.draw("show flagged", images=1)
    _, (job, _) = [await busy.refused("show refused", images=1) for _ in range(2)]
    withheld, posted = await cases(busy)
    assert (posted.is_withheld, withheld.is_withheld) == (False, True)
    assert (await case_of(busy, job)).id == withheld.id
    await busy.casework.decide(withheld.id, OLA, REMOVE, shown=2)
    assert len(await busy.records.banned.of_guild(GUILD)) == 2, "the looks of both orders' pictures"


async def test_a_removed_order_leaves_the_case_about_the_others(busy: Shop) -> None:
    jobs = [(await busy.draw("show flagged", images=1)).job for _ in range(2)]
    await busy.takedown.remove(jobs[1].id, MIA, "no")
    [case] = await cases(busy)
    removed = (await busy.records.entries.of_case(case.id))[-1]
    assert (removed.kind, removed.job) == (EntryKind.TAKEN_DOWN, jobs[1].id)


# ---- a raid


def raider(number: int) -> Actor:
    return replace(ADA, member=MemberId(ADA.member + 100 + number), name=f"raider {number}")


async def refused(shop: Shop, actor: Actor) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a naked man", actor))


async def test_many_newcomers_in_a_short_time_are_a_raid_whose_cases_share_one_card(shop: Shop) -> None:
    for number in range(RAID_MEMBERS - 1):
        await refused(shop, raider(number))
    assert await shop.records.raids.to_show(GUILD) == []
    for number in range(RAID_MEMBERS, RAID_MEMBERS + 3):
        shop.clock.now += 10
        await ordered(shop, FLAGGED, raider(number))
    [raid] = await shop.records.raids.to_show(GUILD)
    assert [each.raid for each in await cases(shop)] == [raid.id] * 3
    assert await shop.records.cases.without_card(GUILD) == []
    counts = await shop.records.raids.counts(raid)
    assert (counts.members, counts.refused, counts.flagged) == (RAID_MEMBERS + 2, RAID_MEMBERS - 1, 3)
    assert (counts.cases, counts.open) == (3, 3)
    shop.clock.now += 2 * RAID_SECONDS + 1
    await ordered(shop, FLAGGED, raider(99))
    assert (await cases(shop))[0].raid is None, "the raid is over"


async def test_who_made_pictures_here_before_takes_part_in_no_raid(busy: Shop) -> None:
    await busy.draw("show waves1", BEN, images=1)
    busy.clock.now += 3 * 86_400
    for number in range(RAID_MEMBERS):
        await refused(busy, raider(number))
    await ordered(busy, FLAGGED, BEN)
    await ordered(busy, FLAGGED, raider(0))
    of_raider, of_ben = await cases(busy)
    assert of_raider.raid is not None and of_ben.raid is None
    [raid] = await busy.records.raids.to_show(GUILD)
    counts = await busy.records.raids.counts(raid)
    assert (counts.members, counts.refused, counts.flagged) == (RAID_MEMBERS, RAID_MEMBERS, 1)


async def begin_raid(shop: Shop) -> None:
    """Begins a raid; the last raider has an open case in it."""
    for number in range(RAID_MEMBERS - 1):
        await refused(shop, raider(number))
    await ordered(shop, FLAGGED, raider(RAID_MEMBERS))


async def test_a_raids_case_takes_orders_while_the_raid_lasts_and_the_raid_counts_them(shop: Shop) -> None:
    await begin_raid(shop)
    [begun] = await shop.records.raids.to_show(GUILD)
    await ordered(shop, FLAGGED, raider(RAID_MEMBERS))
    [gone_on] = await shop.records.raids.to_show(GUILD)
    assert len(await cases(shop)) == 1 and gone_on.orders == begun.orders + 1
    shop.clock.now += 2 * RAID_SECONDS + 1
    await ordered(shop, FLAGGED, raider(RAID_MEMBERS))
    newest, _ = await cases(shop)
    assert [each.id for each in await shop.records.cases.without_card(GUILD)] == [newest.id]


async def test_a_reported_order_joins_no_case_of_a_raid(busy: Shop) -> None:
    await begin_raid(busy)
    job = (await busy.draw("show waves1", raider(RAID_MEMBERS), images=1)).job
    reported = await busy.reports.report(BEN, job, "ugly")
    assert reported.is_new and reported.case.raid is None


async def test_a_raid_ends_after_half_an_hour_and_few_members_keep_it_alive_no_longer(shop: Shop) -> None:
    await begin_raid(shop)
    end = shop.clock.now - RAID_SECONDS + RAID_LONGEST
    while shop.clock.now + RAID_SECONDS < end:
        shop.clock.now += RAID_SECONDS
        await refused(shop, raider(0))
    await ordered(shop, FLAGGED, raider(50))
    shop.clock.now = end + 1
    await ordered(shop, FLAGGED, raider(51))
    late, early = (await cases(shop))[:2]
    assert early.raid is not None and late.raid is None
    for number in range(RAID_MEMBERS):
        await refused(shop, raider(number))
    first, second = await shop.records.raids.to_show(GUILD)
    assert second.began_at > first.last_at - RAID_SECONDS, "the next raid has a card of its own"


async def test_many_members_one_after_the_other_are_no_raid(shop: Shop) -> None:
    for number in range(RAID_MEMBERS * 2):
        await refused(shop, raider(number))
        shop.clock.now += RAID_SECONDS / (RAID_MEMBERS - 2)
    assert await shop.records.raids.to_show(GUILD) == []


# ---- the queue of cards


async def test_a_member_has_one_place_in_the_queue_and_pushes_out_nobody(shop: Shop) -> None:
    for actor in (ADA, BEN):
        await refused(shop, actor)
    of_ada, of_ben = (each.newest for each in shop.review_queue.take_all())
    queue = ReviewQueue()
    for _ in range(500):
        queue.note(of_ada)
    queue.note(of_ben)
    queue.note(of_ada)
    first, second = await queue.get(), await queue.get()
    assert (first.newest.member, first.count) == (ADA.member, 501)
    assert (second.newest.member, second.count) == (BEN.member, 1)
    assert queue.take_all() == []
