"""A button's custom_id can name any job. Every act on one compares the server itself; members reach their own jobs everywhere."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.errors import NoSuchJob
from bot.studio.orders.order import Actor, GalleryAction
from bot.studio.orders.parameters import PromptInput
from db.jobs import Job, ReplyTarget
from generation.request import MemberId, Prompt
from tests.bot.conftest import ADA, BEN, CHANNEL, GUILD, MIA, Shop
from tests.bot.ways_in import kept

pytestmark = pytest.mark.slow

ELSEWHERE = GUILD + 1
STRANGER = replace(BEN, guild_id=ELSEWHERE)
FOREIGN_MODERATOR = replace(MIA, guild_id=ELSEWHERE, is_senior=True)

Act = Callable[[Shop, Job, Any], Awaitable[object]]


def pressed(action: GalleryAction) -> Act:
    return lambda shop, job, by: shop.variations.pressed(action, job.id, 0, by)


ACTS: dict[str, Act] = {
    "upscale": pressed(GalleryAction.UPSCALE),
    "vary": pressed(GalleryAction.VARY),
    "re-roll": pressed(GalleryAction.REROLL),
    "open the remix form": lambda shop, job, by: shop.variations.remixable(job.id, by),
    "remix": lambda shop, job, by: shop.variations.remix(job.id, 0, PromptInput(prompt="a fox"), by),
    "cancel": lambda shop, job, by: shop.takedown.cancel(job.id, by),
    "remove": lambda shop, job, by: shop.takedown.remove(job.id, by, "why"),
    "report": lambda shop, job, by: shop.reports.report(by, job, "why"),
    "find by its message": lambda shop, job, by: shop.takedown.job_of_message(7, by),
}


async def a_job(shop: Shop, **changes: Any) -> Job:
    job = await kept(shop, Prompt(text="a quiet hill"), **changes)
    async with shop.records.database.transaction() as tx:
        await shop.records.jobs.set_message(tx, job.id, 7)
    return job


@pytest.mark.parametrize("by", [STRANGER, FOREIGN_MODERATOR, replace(BEN, guild_id=None)])
@pytest.mark.parametrize("act", ACTS)
async def test_a_job_of_another_server_is_not_there(shop: Shop, act: str, by: Actor) -> None:
    job = await a_job(shop)
    with pytest.raises(NoSuchJob):
        await ACTS[act](shop, job, by)
    assert not (await shop.records.pictures.of_job(job.id))[0].is_removed


async def test_a_job_of_another_server_is_not_restored(shop: Shop) -> None:
    job = await a_job(shop)
    await shop.takedown.remove(job.id, MIA, "why")
    with pytest.raises(NoSuchJob):
        await shop.takedown.restore(FOREIGN_MODERATOR, "why", job_id=job.id, since=0.0)


@pytest.mark.parametrize("guild_id", [ELSEWHERE, None])
@pytest.mark.parametrize("act", [act for act in ACTS if act not in ("cancel", "report")])
async def test_members_reach_their_own_jobs_from_everywhere(
    shop: Shop, act: str, guild_id: int | None
) -> None:
    """`/history` and `/queue` list the jobs of all servers."""
    await ACTS[act](shop, await a_job(shop), replace(ADA, guild_id=guild_id))


async def test_a_picture_of_a_direct_message_is_its_members_alone(shop: Shop) -> None:
    place = ReplyTarget(guild_id=None, channel_id=CHANNEL)
    job = await a_job(shop, place=place, member=MemberId(BEN.member))
    with pytest.raises(NoSuchJob):
        await shop.variations.reroll(job.id, ADA)
    with pytest.raises(NoSuchJob):
        await shop.takedown.remove(job.id, MIA, "why")
