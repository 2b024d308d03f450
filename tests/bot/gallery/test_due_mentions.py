"""A mention that a member asked for survives a kill: it is due until it is posted, and posted once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.client import Atelier
from bot.gallery.delivery import Delivery
from bot.gallery.resume import resume
from db.jobs import Job
from generation.request import JobId
from moderation.duration import DAY
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import Gate, Shop, ended, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
async def job(
    play: Playground, atelier: Atelier, busy: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> JobId:
    """A delivered job with a mention that is due: the bot was killed after the delivery."""
    use = await play.person("ada").slash("gallery", "imagine", prompt=f"hold {gate}", images=1)
    card = await use.wait_for_message()
    await play.person("ada").click(card, label="Ping me")
    found = JobId((card.component(label="Cancel") or {})["custom_id"].split(":")[3])

    async def killed(self: Delivery, *_: object) -> None:
        pass

    with monkeypatch.context() as now:
        now.setattr(Delivery, "_ping", killed)
        gate.open()
        await until(lambda: atelier.delivery.is_idle)
    row = await row_of(busy, found)
    assert row.delivered_at is not None and row.is_pinging
    return found


async def row_of(shop: Shop, job: JobId) -> Job:
    row = await shop.records.jobs.get(job)
    assert row is not None
    return row


def mentions(play: Playground) -> list[Message]:
    ada = str(play.person("ada").id)
    messages = play.world.messages.of(play.channel("gallery").id)
    return [each for each in messages if ada in {who["id"] for who in each.json["mentions"]}]


@asynccontextmanager
async def started(atelier: Atelier, shop: Shop) -> AsyncGenerator[None]:
    """What a start does for jobs of the last run, until it has no more to do."""
    work = asyncio.create_task(resume(atelier, shop, atelier.delivery))
    try:
        await asyncio.sleep(0)
        yield
    finally:
        await until(lambda: atelier.delivery.is_idle)
        await ended(work)


async def test_the_next_start_posts_it_once(
    play: Playground, atelier: Atelier, busy: Shop, job: JobId
) -> None:
    assert mentions(play) == []
    async with started(atelier, busy):
        await until(lambda: bool(mentions(play)))
    assert "Your pictures are done" in mentions(play)[0].texts
    assert not (await row_of(busy, job)).is_pinging
    assert await busy.records.jobs.to_ping(0) == []


async def test_one_that_was_posted_before_the_kill_is_not_posted_again(
    play: Playground, atelier: Atelier, busy: Shop, job: JobId
) -> None:
    async with started(atelier, busy):
        await until(lambda: bool(mentions(play)))
    async with busy.records.database.transaction() as tx:  # as if the kill had come before it was recorded
        await tx.all("UPDATE jobs SET is_pinging = 1 WHERE id = ?", (job,))
    (row,) = await busy.records.jobs.to_ping(0)
    atelier.delivery.ping_late(row)
    await until(lambda: atelier.delivery.is_idle)
    assert len(mentions(play)) == 1
    assert not (await row_of(busy, job)).is_pinging


async def test_one_that_discord_refuses_or_that_is_a_day_old_is_dropped(
    play: Playground, atelier: Atelier, busy: Shop, job: JobId
) -> None:
    (row,) = await busy.records.jobs.to_ping(busy.clock.now - DAY)
    assert await busy.records.jobs.to_ping(busy.clock.now + 1) == []
    play.fail_next("POST", "/channels/…", status=403, code=50013, times=1)
    play.fail_next("POST", "/webhooks/…", status=403, code=50013, times=1)
    atelier.delivery.ping_late(row)
    await until(lambda: atelier.delivery.is_idle)
    assert mentions(play) == [] and not (await row_of(busy, job)).is_pinging, "refused: not tried for ever"
