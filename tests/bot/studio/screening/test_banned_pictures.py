"""Pictures that moderators removed are refused when generated again, independent of the way of removal. Pictures withheld by the
check are refused too."""

from dataclasses import replace

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.errors import NoSuchJob, NothingToRestore, OwnCase
from bot.studio.screening.pictures import BANNED, PreviewScreening
from bot.texts import language
from db.banned_pictures import Looks
from db.case_entries import EntryKind
from db.cases import Outcome
from db.erasure import ErasureRequest
from db.policies import Scope, ScopeKind
from generation.files import images
from generation.files.images import grid_of
from generation.queue.ticket import GenerationFailed
from moderation.duration import DAY
from moderation.policy import MATURE
from moderation.verdict import Ruling
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import FLAGGED, MAX, REMOVE, case_of
from tests.pictures import REFUSED, blobs, jpeg, waves

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_a_removed_picture_does_not_come_back(busy: Shop) -> None:
    first = (await busy.draw("show waves5", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    job, kind = await busy.refused("show waves5", actor=BEN, images=1)
    assert kind == "banned"
    verdict = busy.reviewed()[-1].verdict
    assert (verdict.ruling, verdict.rule) == (Ruling.REFUSE, BANNED)
    assert first.id in verdict.words[0]
    assert await busy.spent(BEN) == 0
    assert len((await busy.draw("show waves6", BEN, images=1)).images) == 1, "an unrelated one does"
    assert job.failure == "banned"


async def test_it_is_known_resized_and_encoded_again(busy: Shop) -> None:
    first = (await busy.draw("show waves5", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    kept = waves(5, 64, 64)
    again = [jpeg(kept.resize((128, 128)), 60), jpeg(kept.resize((48, 48)), 80)]
    judged = await busy.picture_screening.judge([*again, jpeg(waves(6, 64, 64))], first)
    assert [each.is_refused for each in judged] == [True, True, False]


async def test_each_server_has_its_own_list(busy: Shop) -> None:
    first = (await busy.draw("show waves5", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    elsewhere = replace(BEN, guild_id=GUILD + 1)
    assert len((await busy.draw("show waves5", elsewhere, images=1)).images) == 1


async def test_what_its_owner_deletes_may_come_back(busy: Shop) -> None:
    first = (await busy.draw("show waves5", images=1)).job
    await busy.takedown.remove(first.id, ADA, "")
    assert len((await busy.draw("show waves5", images=1)).images) == 1


async def test_a_case_and_a_purge_ban_it_too_and_a_pardon_lifts_it(busy: Shop) -> None:
    gallery = await busy.draw("show flagged", images=1)
    case = await case_of(busy, gallery.job)
    await busy.casework.decide(case.id, MIA, Decision(outcome=Outcome.WARN))
    _, kind = await busy.refused("show flagged", actor=BEN, images=1)
    assert kind == "banned"
    await busy.casework.pardon(case.number, MIA, "a mistake")
    assert len((await busy.draw("show flagged", BEN, images=1)).images) == 1
    purged = (await busy.draw("show waves9", BEN, images=1)).job
    await busy.takedown.purge(MIA, busy.clock.now - 10, "spam", member=BEN.member, most=10)
    assert purged.id in {each.job for each in await busy.records.banned.of_guild(GUILD)}
    _, kind = await busy.refused("show waves9", images=1)
    assert kind == "banned"


async def test_a_moderator_who_lets_a_likeness_stand_lifts_what_it_was_like(busy: Shop) -> None:
    first = (await busy.draw("show waves1", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    again, kind = await busy.refused("show waves1", actor=BEN, images=1)
    assert kind == "banned"
    case = await case_of(busy, again)
    await busy.casework.decide(case.id, MIA, Decision(outcome=Outcome.APPROVE))
    assert len((await busy.draw("show waves1", BEN, images=1)).images) == 1


async def test_a_plain_picture_is_not_banned_for_all_that_are_as_plain(busy: Shop) -> None:
    first = (await busy.draw("show red", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    assert len((await busy.draw("show red", images=1)).images) == 1


async def test_a_preview_of_what_was_removed_is_blurred(busy: Shop) -> None:
    job = (await busy.draw("show waves1", images=1)).job
    await busy.takedown.remove(job.id, MIA, "no")
    again = await busy.admit(an_order(actor=BEN, images=2))
    previews = PreviewScreening(busy.picture_screening, again, is_flagged=False)
    look = jpeg(grid_of([waves(1), waves(2)]))
    assert await previews.shown(look) == images.blurred(images.open_picture(look))


async def test_whoever_removes_what_is_too_plain_to_be_known_again_is_told(busy: Shop) -> None:
    first = (await busy.draw("show red waves1", images=2)).job
    assert (await busy.takedown.remove(first.id, MIA, "no")).looks == Looks(known=1, plain=1)
    second = await busy.admit(an_order(FLAGGED, images=1))
    async with busy.records.database.transaction() as tx:
        await busy.records.pictures.store(
            tx, job=second.id, index=0, content=b"plain", size=second.drawing.size, seed=1, at=0.0
        )
    done = await busy.casework.decide((await case_of(busy, second)).id, MIA, REMOVE)
    assert done.plain == 1
    await busy.draw("show red", BEN, images=1)
    purged = await busy.takedown.purge(MIA, 0.0, "spam", member=BEN.member, most=9)
    assert purged.plain == 1
    say = language("en")
    told = "1 picture is too plain to be recognised again: similar ones are not refused."
    assert say("case-too-plain", pictures=1) == told
    assert say("case-too-plain", pictures=0) == ""


# ---- pictures withheld by the check


async def rule_on(shop: Shop, look: bytes) -> str:
    """Returns the rule that refuses such a picture for an order on the server; empty when no rule does."""
    job = await shop.admit(an_order(actor=BEN, images=1))
    [judged] = await shop.picture_screening.judge([look], job)
    return judged.verdict.rule


async def test_of_four_the_withheld_one_is_banned_with_those_that_were_kept(busy: Shop) -> None:
    gallery = await busy.draw("show waves1 refused waves2 waves3", images=4)
    look = jpeg(blobs(REFUSED))
    assert await rule_on(busy, look) == "opennsfw"
    await busy.casework.decide((await case_of(busy, gallery.job)).id, MIA, REMOVE)
    banned = await busy.records.banned.of_guild(GUILD)
    assert sorted(each.index for each in banned) == [0, 1, 2, 3]
    assert await rule_on(busy, look) == BANNED


async def test_what_was_withheld_as_a_whole_is_banned_by_whoever_confirms_the_check(busy: Shop) -> None:
    job, _ = await busy.refused("show refused", images=1)
    case = await case_of(busy, job)
    assert await busy.records.banned.of_guild(GUILD) == []
    await busy.casework.decide(case.id, MIA, REMOVE)
    assert [each.job for each in await busy.records.banned.of_guild(GUILD)] == [job.id]
    await busy.casework.pardon(case.number, MIA, "a mistake")
    assert await busy.records.banned.of_guild(GUILD) == []


async def test_a_removal_by_command_bans_what_was_withheld_too(busy: Shop) -> None:
    job = (await busy.draw("show waves1 refused", images=2)).job
    await busy.takedown.remove(job.id, MIA, "no")
    assert await rule_on(busy, jpeg(blobs(REFUSED))) == BANNED


@pytest.mark.parametrize("outcome", [Outcome.APPROVE, Outcome.REMOVE])
async def test_once_its_case_is_decided_no_look_of_a_withheld_picture_is_kept_with_it(
    busy: Shop, outcome: Outcome
) -> None:
    job, _ = await busy.refused("show refused", images=1)
    assert await withheld(busy) == 1
    await busy.casework.decide((await case_of(busy, job)).id, MIA, Decision(outcome=outcome))
    assert await withheld(busy) == 0


async def test_what_a_picture_started_from_is_not_banned_with_it(busy: Shop) -> None:
    """The source picture may be shown in its own channel; it was refused only in this one."""
    scope = Scope(guild_id=GUILD, kind=ScopeKind.AGE_RESTRICTED)
    await busy.policies.choose(MIA, scope, MATURE)
    parent = (await busy.draw("show refused", replace(ADA, is_age_restricted=True), images=1)).job
    job = await busy.admit(await busy.variations.variation(parent.id, 0, BEN))
    with pytest.raises(GenerationFailed):
        await busy.fulfil(job)
    await busy.casework.decide((await case_of(busy, job)).id, MIA, REMOVE)
    assert await busy.records.banned.of_guild(GUILD) == []


async def withheld(shop: Shop) -> int:
    return await shop.records.database.reader.value("SELECT count(*) FROM withheld_pictures")


# ---- bans lifted


async def test_a_removal_by_command_is_taken_back_and_the_picture_stays_deleted(busy: Shop) -> None:
    first = (await busy.draw("show waves5", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    restored = await busy.takedown.restore(MAX, "a mistake", job_id=first.id)
    assert restored.pictures == 1
    assert len((await busy.draw("show waves5", BEN, images=1)).images) == 1
    assert (await busy.records.pictures.of_job(first.id))[0].is_removed
    [entry, _] = await busy.records.audit.page(GUILD)
    assert (entry.act, entry.actor, entry.member, entry.subject, entry.reason) == (
        "restore",
        MAX.member,
        ADA.member,
        f"job {first.id}",
        "a mistake",
    )
    with pytest.raises(NothingToRestore):
        await busy.takedown.restore(MAX, "again", job_id=first.id)


async def test_a_purge_is_taken_back_by_its_time_and_member(busy: Shop) -> None:
    for word, actor in (("waves1", ADA), ("waves2", BEN), ("waves3", MAX)):
        await busy.draw(f"show {word}", actor, images=1)
    early = (await busy.draw("show waves4", images=1)).job
    await busy.takedown.remove(early.id, MIA, "long ago")
    busy.clock.now += 3600
    await busy.takedown.purge(MIA, 0.0, "raid", member=None, most=10)
    since = busy.clock.now - 60
    assert (await busy.takedown.restore(MAX, "sorry", since=since, member=ADA.member)).pictures == 1
    assert (await busy.takedown.restore(MAX, "sorry", since=since)).pictures == 1, "their own are left"
    left = {each.job for each in await busy.records.banned.of_guild(GUILD)}
    maxs = await busy.records.jobs.of_member(MAX.member)
    assert left == {early.id, maxs[0].id}


async def test_nobody_restores_their_own(busy: Shop) -> None:
    job = (await busy.draw("show waves5", MAX, images=1)).job
    await busy.takedown.remove(job.id, MIA, "no")
    with pytest.raises(OwnCase):
        await busy.takedown.restore(MAX, "mine", job_id=job.id)
    with pytest.raises(OwnCase):
        await busy.takedown.restore(MAX, "mine", since=0.0, member=MAX.member)


async def test_another_server_restores_nothing_here(busy: Shop) -> None:
    job = (await busy.draw("show waves5", images=1)).job
    await busy.takedown.remove(job.id, MIA, "no")
    with pytest.raises(NoSuchJob):
        await busy.takedown.restore(replace(MIA, guild_id=GUILD + 1), "mine", job_id=job.id)
    assert len(await busy.records.banned.of_guild(GUILD)) == 1


async def test_a_case_says_that_its_pictures_may_come_back(busy: Shop) -> None:
    case = await case_of(busy, (await busy.draw("show flagged", images=1)).job)
    await busy.casework.decide(case.id, MIA, REMOVE)
    restored = await busy.takedown.restore(MAX, "a mistake", job_id=case.job)
    assert restored.cases == (case.id,)
    newest = (await busy.records.entries.of_case(case.id))[-1]
    assert (newest.kind, newest.text) == (EntryKind.RESTORED, "a mistake")


async def test_a_pardon_lets_pictures_back_whose_member_is_forgotten_by_then(busy: Shop) -> None:
    gallery = await busy.draw("show flagged", images=1)
    case = await case_of(busy, gallery.job)
    await busy.casework.decide(case.id, MIA, Decision(outcome=Outcome.WARN))
    now = busy.clock.now = busy.clock.now + 2 * DAY
    async with busy.records.database.transaction() as tx:
        await busy.records.erasure.ask(tx, ADA.member, now)
    erasure = ErasureRequest(member=ADA.member, asked_at=now)
    await busy.records.erasure.advance(erasure, now=now, acts_before=0.0)
    kept = await busy.records.cases.get(case.id)
    assert kept is not None and kept.job is None
    assert await busy.records.jobs.get(gallery.job.id) is None
    _, kind = await busy.refused("show flagged", actor=BEN, images=1)
    assert kind == "banned"
    await busy.casework.pardon(case.number, MIA, "a mistake")
    assert len((await busy.draw("show flagged", BEN, images=1)).images) == 1


async def test_another_servers_job_is_not_restored_here(busy: Shop) -> None:
    first = (await busy.draw(FLAGGED, images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    elsewhere = replace(MIA, guild_id=GUILD + 1)
    with pytest.raises(NoSuchJob):
        await busy.takedown.restore(elsewhere, "mercy", job_id=first.id)
    with pytest.raises(NoSuchJob):
        await busy.takedown.restore(elsewhere, "mercy", job_id=first.id, since=0.0)
    entries = await busy.records.entries.of_case((await case_of(busy, first)).id)
    assert EntryKind.RESTORED not in [each.kind for each in entries]
    assert await busy.records.audit.page(GUILD + 1) == []
