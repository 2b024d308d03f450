"""Members' reports: one per member and picture, a limited number, and one case per picture."""

import asyncio
from dataclasses import replace

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.cases.reports import MemberReports
from bot.studio.errors import NoSuchJob, PictureGone, ReportedAlready, ReviewedAlready, TooManyReports
from db.case_entries import EntryKind
from db.cases import Origin, Outcome
from db.jobs import Job
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def reports(shop: Shop) -> MemberReports:
    return MemberReports(shop.casework, 2)


async def a_job(shop: Shop, text: str = "a fox") -> Job:
    return await shop.admit(an_order(text, images=1))


async def test_a_report_opens_a_case_with_the_prompt_and_who_reported(
    shop: Shop, reports: MemberReports
) -> None:
    job = await a_job(shop)
    reported = await reports.report(BEN, job, "too foxy")
    assert (reported.is_new, reported.reports) == (True, 1)
    case = reported.case
    assert (case.origin, case.member, case.prompt, case.job) == (
        Origin.REPORT,
        ADA.member,
        "a fox",
        job.id,
    )
    [entry] = await shop.records.entries.of_case(case.id)
    assert (entry.written_by, entry.kind, entry.text) == (BEN.member, EntryKind.REPORTED, "too foxy")


async def test_a_second_report_joins_the_case_and_the_same_member_counts_once(
    shop: Shop, reports: MemberReports
) -> None:
    job = await a_job(shop, "a bloody sword")  # flagged, so it has a case
    first = await reports.report(BEN, job, "")
    second = await reports.report(MIA, job, "me too")
    assert (first.is_new, second.is_new, second.reports) == (False, False, 2)
    assert first.case.id == second.case.id
    with pytest.raises(ReportedAlready):
        await reports.report(BEN, job, "once more")


async def test_two_reports_at_once_open_one_case(shop: Shop, reports: MemberReports) -> None:
    job = await a_job(shop)
    both = await asyncio.gather(reports.report(BEN, job, ""), reports.report(MIA, job, ""))
    assert sorted(each.is_new for each in both) == [False, True]
    assert len(await shop.records.cases.page(GUILD)) == 1


async def test_a_member_reports_so_many_an_hour(shop: Shop, reports: MemberReports) -> None:
    jobs = [await a_job(shop) for _ in range(3)]
    for job in jobs[:2]:
        await reports.report(BEN, job, "")
        shop.clock.now += 60
    with pytest.raises(TooManyReports) as limited:
        await reports.report(BEN, jobs[2], "")
    assert limited.value.retry_after == 3600 - 120
    shop.clock.now += 3600 - 120
    await reports.report(BEN, jobs[2], "")


async def test_what_a_moderator_has_looked_at_is_not_reported_again(
    shop: Shop, reports: MemberReports
) -> None:
    approved, removed = await a_job(shop), await a_job(shop)
    for job, outcome in ((approved, Outcome.APPROVE), (removed, Outcome.REMOVE)):
        case = (await reports.report(BEN, job, "")).case
        await shop.casework.decide(case.id, MIA, Decision(outcome=outcome))
    stranger = replace(BEN, member=MIA.member)
    with pytest.raises(ReviewedAlready):
        await reports.report(stranger, approved, "")
    with pytest.raises(PictureGone):
        await reports.report(stranger, removed, "")


async def test_pictures_of_another_server_are_not_reported_here(shop: Shop, reports: MemberReports) -> None:
    job = await a_job(shop)
    with pytest.raises(NoSuchJob):
        await reports.report(replace(BEN, guild_id=GUILD + 1), job, "")
