"""Styles that moderators remove, alone or with a member's pictures, and how they come back; the picture that shows a style."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.cases.cases import Decision
from bot.studio.errors import (
    NoRemovedStyle,
    NothingToRestore,
    OwnCase,
    PictureGone,
    StyleIsThere,
    UnknownStyle,
)
from bot.studio.orders.order import Moderator
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.styles.server_styles import StyleInput
from db.audit import Act
from db.cases import Outcome
from db.jobs import Job, Parent
from db.policies import Scope
from db.retention import Periods, Retention
from db.styles import REMOVED_STYLES_STAY, Style
from db.uploads import UploadId
from generation.request import MemberId
from moderation.pictures.check import PictureCheck
from moderation.policy import MATURE, STANDARD
from tests.bot.conftest import ADA, BEN, CHANNEL, GUILD, MIA, SMALL, Shop
from tests.bot.painter import png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

INK = StyleInput(name="ink", words="in black ink")
OIL = StyleInput(name="oil", words="in oil")
MAX = replace(MIA, member=MemberId(80351110224678915), name="max")


async def content(picture: bytes) -> AsyncIterator[bytes]:
    yield picture


async def names(shop: Shop) -> list[str]:
    return [each.name for each in await shop.styles.like(GUILD, "")]


async def file_of(shop: Shop, style: Style) -> bool:
    """Returns whether the file of the style's picture is there."""
    assert style.upload is not None
    row = await shop.records.uploads.get(style.upload)
    assert row is not None
    return shop.records.pictures.path_of(row.sha256).exists()


async def drawn_with(shop: Shop, style: str, actor: Any = ADA) -> Job:
    order = compose(PromptInput(prompt="a fox", style=style, images=1), actor, [SMALL], SMALL)
    return await shop.job((await shop.fulfil(await shop.admit(order))).job)


async def test_a_style_that_a_moderator_removed_comes_back_with_all_versions_and_without_its_picture(
    shop: Shop,
) -> None:
    await shop.styles.save(ADA, INK)
    saved = await shop.styles.save(ADA, replace(INK, words="in blue ink"), content(png()))
    await shop.styles.delete(MIA, "ink", "spam")
    assert await names(shop) == [] and not await file_of(shop, saved)
    with pytest.raises(UnknownStyle):
        await shop.styles.named(ADA, "ink")
    restored = await shop.takedown.restore(MIA, "a mistake", style="ink")
    assert restored.styles == ("ink",) and await names(shop) == ["ink"]
    back = await shop.styles.named(ADA, "ink")
    assert (back.id, back.words, back.version) == (saved.id, "in blue ink", 2)
    with pytest.raises(PictureGone):
        await shop.styles.shown_picture(back, ADA)
    assert (await shop.styles.save(ADA, OIL)).version == 1
    entry = (await shop.records.audit.page(GUILD))[0]
    assert (entry.act, entry.member, entry.reason) == (Act.RESTORE, ADA.member, "a mistake")
    assert entry.details["styles"] == 1
    with pytest.raises(NoRemovedStyle):
        await shop.takedown.restore(MIA, "again", style="ink")


async def test_a_name_is_free_after_a_removal_and_the_removed_style_waits_for_it(shop: Shop) -> None:
    await shop.styles.save(ADA, INK)
    await shop.styles.delete(MIA, "ink")
    other = await shop.styles.save(BEN, replace(INK, words="in red ink"))
    assert other.version == 1
    with pytest.raises(StyleIsThere):
        await shop.takedown.restore(MIA, "", style="ink")
    await shop.styles.delete(BEN, "ink")
    assert (await shop.takedown.restore(MIA, "", style="ink")).styles == ("ink",)
    assert (await shop.styles.named(ADA, "ink")).member == ADA.member


async def test_what_its_owner_deletes_is_gone_and_no_moderator_brings_back_an_own_style(shop: Shop) -> None:
    await shop.styles.save(ADA, INK)
    await shop.styles.delete(ADA, "ink")
    with pytest.raises(NoRemovedStyle):
        await shop.takedown.restore(MIA, "", style="ink")
    await shop.styles.save(MIA, INK)
    await shop.styles.delete(MAX, "ink")
    with pytest.raises(OwnCase):
        await shop.takedown.restore(MIA, "", style="ink")
    with pytest.raises(NothingToRestore):
        await shop.takedown.restore(MIA, "", since=0.0)
    elsewhere = Moderator(member=MAX.member, name="max", guild_id=GUILD + 1, channel_id=CHANNEL)
    with pytest.raises(NoRemovedStyle):
        await shop.takedown.restore(elsewhere, "", style="ink")
    assert (await shop.takedown.restore(MAX, "", style="ink")).styles == ("ink",)


async def test_a_removed_style_is_deleted_for_good_after_a_time(shop: Shop) -> None:
    await shop.styles.save(ADA, INK)
    await shop.styles.delete(MIA, "ink")
    retention = Retention(shop.records.database, shop.records.pictures)
    for_ever = Periods(
        prompts=None, pictures=None, picture_bytes=None, jobs=None, cases=None, sanctions=None, audit=1e12
    )
    shop.clock.now += REMOVED_STYLES_STAY - 1
    await retention.step(for_ever, shop.clock.now)
    assert [each.name for each in await shop.takedown.removed_styles.removed(GUILD)] == ["ink"]
    shop.clock.now += 2
    with pytest.raises(NoRemovedStyle):
        await shop.takedown.restore(MIA, "", style="ink")
    await retention.step(for_ever, shop.clock.now)
    assert await shop.records.database.reader.value("SELECT count(*) FROM styles") == 0


async def test_a_purge_removes_the_styles_of_its_time_and_a_restoration_brings_them_back(shop: Shop) -> None:
    await shop.styles.save(ADA, INK)
    shop.clock.now += 100
    began = shop.clock.now
    await shop.styles.save(ADA, OIL)
    await shop.styles.save(BEN, replace(OIL, name="bens"))
    purged = await shop.takedown.purge(MIA, began, "spam", member=ADA.member, most=100)
    assert purged.styles == ["oil"] and await names(shop) == ["bens", "ink"]
    with pytest.raises(NothingToRestore):
        await shop.takedown.restore(MIA, "", since=began, member=BEN.member)
    restored = await shop.takedown.restore(MIA, "a mistake", since=began, member=ADA.member)
    assert (restored.styles, restored.pictures) == (("oil",), 0)
    assert await names(shop) == ["bens", "ink", "oil"]
    details = [(each.act, each.details.get("styles")) for each in await shop.records.audit.page(GUILD)]
    assert details == [(Act.RESTORE, 1), (Act.PURGE, 1)]


@pytest.mark.parametrize("outcome", [Outcome.BAN, Outcome.TIMEOUT])
async def test_a_ban_removes_the_members_styles_and_a_pardon_brings_them_back(
    shop: Shop, outcome: Outcome
) -> None:
    await shop.styles.save(ADA, INK)
    await shop.styles.save(ADA, OIL)
    await shop.styles.save(BEN, replace(OIL, name="bens"))
    decision = Decision(outcome=outcome, reason="spam", seconds=60)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", decision)).case
    if outcome is not Outcome.BAN:
        assert await names(shop) == ["bens", "ink", "oil"]
        return
    assert await names(shop) == ["bens"]
    await shop.styles.save(BEN, INK)
    await shop.casework.pardon(case.number, MAX, "a mistake")
    assert await names(shop) == ["bens", "ink", "oil"]
    assert (await shop.styles.named(ADA, "ink")).member == BEN.member, "another member has the name now"
    assert [each.name for each in await shop.takedown.removed_styles.removed(GUILD)] == ["ink"]


async def test_a_removed_gallery_takes_its_copies_in_styles_along_and_its_owners_removal_does_not(
    busy: Shop,
) -> None:
    job = (await busy.draw("show waves1", images=1)).job
    picture = Parent(job=job.id, image=0)
    look = await busy.styles.save(ADA, StyleInput(name="look", picture=picture))
    both = await busy.styles.save(ADA, replace(INK, picture=picture))
    await busy.takedown.remove(job.id, ADA, "")
    assert await names(busy) == ["ink", "look"] and await file_of(busy, look)
    await busy.takedown.remove(job.id, MIA, "spam")
    assert await names(busy) == ["ink"], "nothing is left of the other"
    assert not await file_of(busy, both)
    with pytest.raises(NoRemovedStyle):
        await busy.takedown.restore(MIA, "", style="look")


async def test_the_picture_of_a_gallery_keeps_the_scores_from_before_its_mark(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark lowers them: the check alone would let the picture pass."""
    await busy.policies.choose(MIA, Scope(guild_id=GUILD), MATURE)
    job = (await busy.draw("show refused", replace(ADA, is_age_restricted=True), images=1)).job
    stored = await busy.records.pictures.get(job.id, 0)
    assert stored is not None
    actor = replace(ADA, is_age_restricted=True)
    scores = stored.scores
    taken = await busy.records.uploads.store(
        member=ADA.member,
        guild_id=GUILD,
        channel_id=CHANNEL,
        content=await busy.stored_pictures.read_picture(Parent(job=job.id, image=0)),
        size=job.drawing.size,
        at=0.0,
        parent=job.id,
        scores=scores,
    )
    assert (await busy.records.uploads.get(taken.id)) == taken and taken.scores == scores

    class Blind:
        name = busy.studio.picture_screening.check.detectors[0].name

        def score(self, picture: Any) -> Any:
            return dict.fromkeys(scores[self.name], 0.0)

    monkeypatch.setattr(busy.studio.picture_screening, "check", PictureCheck([Blind()]))
    async with busy.records.database.transaction() as tx:
        style = await busy.records.styles.add(
            tx, guild_id=GUILD, name="look", member=ADA.member, words="", loras="", upload=taken.id, at=0.0
        )
    assert (await busy.styles.shown_picture(style, actor))[0]
    await busy.policies.choose(MIA, Scope(guild_id=GUILD), STANDARD)
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(style, ADA)


async def test_saving_a_gallery_picture_stores_its_scores_and_its_job(busy: Shop) -> None:
    job = (await busy.draw("show waves1", images=1)).job
    saved = await busy.styles.save(ADA, StyleInput(name="look", picture=Parent(job=job.id, image=0)))
    row = await busy.records.uploads.get(saved.upload or UploadId(""))
    stored = await busy.records.pictures.get(job.id, 0)
    assert row is not None and stored is not None
    assert (row.parent, row.scores) == (job.id, stored.scores) and row.scores
    sent = await busy.styles.save(ADA, StyleInput(name="sent"), content(png()))
    row = await busy.records.uploads.get(sent.upload or UploadId(""))
    assert row is not None and (row.parent, row.scores) == (None, {})


async def test_a_style_of_words_is_shown_by_the_first_picture_drawn_with_it_in_that_channel(
    busy: Shop,
) -> None:
    style = await busy.styles.save(ADA, INK)
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(style, ADA)
    first, second = await drawn_with(busy, "ink", BEN), await drawn_with(busy, "ink")
    pictures = [await busy.stored_pictures.read_first(each.id) for each in (first, second)]
    assert await busy.styles.shown_picture(style, ADA) == (pictures[0], False)
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(style, replace(ADA, channel_id=CHANNEL + 1))
    await busy.takedown.remove(first.id, BEN, "")
    assert await busy.styles.shown_picture(style, ADA) == (pictures[1], False)
    newer = await busy.styles.save(ADA, replace(INK, words="in blue ink"))
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(newer, ADA)
