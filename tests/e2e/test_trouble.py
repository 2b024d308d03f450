"""Failures in the middle of a job, after which the job is still delivered."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from generation.files.images import read_parameters
from playground.gateway.gateway import Connection
from playground.world.messages import Message
from tests.e2e.stage import WAIT, Options, Stage, full_disk, is_gallery, job_of, on_stage, picture_of
from tests.openapi import needs_openapi
from tests.stand_in_hub import StandInHub, stand_in_hub

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[StandInHub]:
    with stand_in_hub() as made, pytest.MonkeyPatch.context() as patch:
        made.repositories["owner/twin"] = model
        patch.setenv("HF_ENDPOINT", made.address)
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, model: Path, hub: StandInHub
) -> AsyncGenerator[Stage]:
    """A stage with one picture at a time, so that other jobs wait. The model "twin" is a hub's."""
    options = Options(slots=1, twin="owner/twin")
    async with on_stage(tmp_path_factory.mktemp("trouble"), model, options) as stage:
        yield stage


def is_running(message: Message) -> bool:
    return "%" in message.texts


def posted(stage: Stage) -> list[int]:
    """Returns the ids of all messages of the bot in the channel."""
    messages = stage.play.world.messages.of(stage.play.channel("gallery").id)
    return [
        each.id for each in messages if each.author_id == stage.play.world.bot.id and not each.is_ephemeral
    ]


async def activity(stage: Stage, words: str) -> None:
    await stage.play.world.changed.wait_until(
        lambda: words in (stage.play.gateway.activity or "") or None, WAIT
    )


async def test_the_bots_name_says_when_it_warms_up_and_when_it_is_ready(stage: Stage) -> None:
    await activity(stage, "tiny is loading")
    await activity(stage, "/imagine · model tiny")


async def test_a_result_reaches_its_message_after_the_token_has_expired(stage: Stage) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "late but there", steps=100, images=1)
    assert use.message is not None
    stage.play.expire_token(use)
    gallery = await stage.gallery(use)
    assert gallery.id == use.message.id
    assert (await picture_of(gallery)).size == (64, 64)
    refused = [each for each in stage.judge.exchanges if each.status == 401]
    assert refused, "the token was tried"
    last = [each for each in stage.judge.exchanges if each.path.endswith(f"/messages/{gallery.id}")][-1]
    assert last.path.startswith("/channels/")
    assert stage.spent(ada) == 1


async def test_an_edit_that_fails_is_tried_again(stage: Stage) -> None:
    fault = stage.play.fail_next("PATCH", "/webhooks/…", status=500)
    gallery = await stage.draw(stage.guest(), "one more try", images=1)
    assert fault.times == 0
    await stage.until(lambda: stage.job(gallery)["delivered_at"])


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (400, 50083)])
async def test_a_result_that_discord_refuses_for_a_while_is_delivered_all_the_same(
    stage: Stage, status: int, code: int
) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "refused for a while", steps=100, images=1)
    card = await use.wait_for_message()
    job = job_of(card)
    stage.play.expire_token(use)
    edits = stage.play.fail_next("PATCH", "/channels/…", status=status, code=code, times=1000)
    posts = stage.play.fail_next("POST", "/channels/…", status=403, code=50013, times=1000)
    await stage.until(lambda: stage.row("SELECT state FROM jobs WHERE id = ?", job)["state"] == "done")
    await stage.until(lambda: edits.times < 1000)
    assert stage.row("SELECT delivered_at FROM jobs WHERE id = ?", job)["delivered_at"] is None
    edits.times = posts.times = 0
    gallery = await stage.play.wait_for_message(
        lambda each: is_gallery(each) and job_of(each) == job, timeout=WAIT
    )
    await stage.until(lambda: stage.job(gallery)["delivered_at"])
    assert posted(stage).count(gallery.id) == 1
    assert stage.spent(ada) == 1


async def test_a_card_without_its_id_in_the_database_is_the_only_one_after_a_kill(stage: Stage) -> None:
    ada = stage.guest()
    # Posts by the bot's own right: the first answer is lost, and so is the answer to the first post.
    stage.play.fail_next("POST", "/interactions/…", status=400)
    dead = stage.play.fail_next("PATCH", "/webhooks/…", status=404, code=10015, times=1000)
    lost = stage.play.fail_next("POST", "/channels/…", status=502, times=1000, is_after=True)
    before = posted(stage)
    use = await ada.slash("gallery", "imagine", prompt="posted once", images=1)
    await stage.until(lambda: lost.times < 1000)
    await stage.kill()
    lost.times = dead.times = 0
    await stage.start()
    gallery = await stage.play.wait_for_message(
        lambda each: is_gallery(each) and each.id not in before, timeout=WAIT
    )
    await stage.until(lambda: stage.job(gallery)["delivered_at"])
    assert posted(stage) == [*before, gallery.id]
    assert use.message is None
    assert stage.spent(ada) == 1


async def test_a_download_holds_up_no_other_order_and_goes_on_after_the_worker_died(
    stage: Stage, hub: StandInHub
) -> None:
    hub.gate.clear()
    use = await stage.imagine(stage.guest(), "from afar", model="twin", images=1)
    await stage.card(use, lambda card: "Downloading the model: " in card.texts)
    await stage.draw(stage.guest(), "from here", model="tiny", images=1)
    worker = stage.worker
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    hub.gate.set()
    gallery = await stage.gallery(use)
    assert stage.job(gallery)["model"] == "twin"
    assert hub.sent.count("unet/config.json") == 1, "what was here is not fetched again"


@pytest.mark.parametrize("resumable", [True, False], ids=["resumable", "for good"])
async def test_a_dropped_gateway_costs_no_job(stage: Stage, resumable: bool) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "through the gap", steps=100, images=1)
    await stage.card(use, is_running)
    await stage.play.drop_gateway(resumable=resumable)
    await stage.play.wait_for_bot(WAIT)
    other = await stage.imagine(ada, "after the gap", images=1)
    assert is_gallery(await stage.gallery(use))
    assert is_gallery(await stage.gallery(other))
    assert stage.spent(ada) == 2


async def test_a_worker_killed_in_the_middle_of_a_job_is_replaced_and_the_job_arrives_once(
    stage: Stage,
) -> None:
    ada = stage.guest()
    use = await stage.imagine(ada, "twice begun", steps=300, images=1)
    await stage.card(use, is_running)
    before, worker = posted(stage), stage.worker
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    # The process that talks to Discord only receives a message about it, so it keeps answering.
    for command in ("queue", "history"):
        asked = await ada.slash("gallery", command)
        await asked.wait_for_message()
        assert asked.answer_seconds < 3
    behind = await stage.imagine(stage.guest(), "behind it", images=1)
    assert is_gallery(await stage.gallery(behind))
    gallery = await stage.gallery(use)
    assert stage.worker not in (None, worker)
    assert posted(stage) == [*before, behind.message.id if behind.message else 0]
    assert stage.spent(ada) == 1
    assert stage.job(gallery)["state"] == "done"


async def test_a_creative_upscale_arrives_once_though_its_worker_and_then_the_bot_were_killed(
    stage: Stage,
) -> None:
    ada = stage.guest()
    small = await stage.draw(ada, "a fern", steps=40, images=1)
    before = posted(stage)
    use = await stage.press(ada, small, "Upscale creative")
    card = await stage.card(use, is_running)
    job, worker = job_of(card), stage.worker
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    await stage.until(lambda: stage.worker not in (None, worker))
    await activity(stage, "in the queue")
    assert state_of(stage, job) == "running", "it is drawn again"
    await stage.kill()
    assert state_of(stage, job) == "running" and stage.files(job) == []
    await stage.start()
    large = await stage.gallery(use)
    assert large.id == card.id and posted(stage) == [*before, large.id]
    assert "picture 1, upscaled with new details" in large.texts
    assert (await picture_of(large)).size == (128, 128)
    (content,) = stage.files(job)
    assert "Hires upscale: 2" in read_parameters(content.read_bytes())
    assert stage.job(large)["action"] == "creative" and stage.spent(ada) == 2


def state_of(stage: Stage, job: str) -> str:
    return stage.row("SELECT state FROM jobs WHERE id = ?", job)["state"]


async def test_a_full_disk_is_said_nothing_is_half_written_and_with_room_the_job_goes_on(
    stage: Stage,
) -> None:
    ada, ben = stage.guest(), stage.guest()
    kept = await stage.imagine(ada, "kept until there is room", steps=150, images=1)
    await stage.card(kept, is_running)
    assert kept.message is not None
    job = job_of(kept.message)
    await stage.until(lambda: state_of(stage, job) == "running")
    with full_disk(stage.bot.pid):
        # An order that can't be recorded is refused.
        use = await ben.slash("gallery", "imagine", prompt="no room for it", images=1)
        assert "disk is full" in await stage.private(use)
        assert stage.rows("SELECT 1 FROM jobs WHERE member = ?", ben.id) == []
        assert stage.rows("SELECT 1 FROM verdicts WHERE member = ?", ben.id) == []
        assert stage.spent(ben) == 0
        # A finished job that can't be stored is kept.
        await stage.card(kept, lambda message: "disk is full. The job is kept" in message.texts)
    assert state_of(stage, job) == "running"
    assert stage.rows("SELECT 1 FROM images WHERE job = ?", job) == []
    written = [file for file in (stage.data / "images").rglob("*") if file.is_file()]
    known = {each["sha256"] for each in stage.rows("SELECT sha256 FROM images")}
    assert {file.stem for file in written} == known

    # With space again, orders are accepted at once. Kept jobs continue after a restart at the latest.
    assert is_gallery(await stage.draw(ben, "room enough", images=1))
    await stage.stop()
    await stage.start()
    gallery = await stage.gallery(kept)
    assert gallery.id == kept.message.id
    assert stage.spent(ada) == 1
    assert stage.job(gallery)["state"] == "done"


async def test_a_bot_killed_with_five_jobs_in_its_hands_delivers_each_of_them_once(stage: Stage) -> None:
    # All jobs belong to one member, and the first fills every slot: another member's jobs would be started too.
    ada = stage.guest()
    old = await stage.draw(ada, "from before", images=1)
    uses = [await stage.imagine(ada, "the running one", steps=150, images=4)]
    await stage.card(uses[0], is_running)
    uses += [await stage.imagine(ada, "a waiting one", images=1) for _ in range(4)]
    states = stage.rows("SELECT state FROM jobs WHERE state IN ('queued', 'running') ORDER BY created_at")
    assert [each["state"] for each in states] == ["running", *["queued"] * 4]
    before, worker = posted(stage), stage.worker
    assert worker is not None

    await stage.kill()
    await stage.until(lambda: not Path(f"/proc/{worker}").exists())
    await stage.start()
    # A button from before the kill works at once.
    late = await stage.press(stage.ben, old, "V1")
    await activity(stage, "in the queue")
    delivery = [await stage.gallery(use) for use in uses]
    varied = await stage.gallery(late)

    assert [each.id for each in delivery] == [use.message.id for use in uses if use.message]
    assert posted(stage) == [*before, varied.id]
    await stage.until(
        lambda: not stage.rows("SELECT 1 FROM jobs WHERE delivered_at IS NULL OR state != 'done'")
    )
    assert stage.spent(ada) == 1 + 4 + 4
    assert len({job_of(each) for each in delivery}) == 5


async def test_a_stop_amid_orders_parks_them_and_the_next_start_delivers_each_of_them_once(
    stage: Stage,
) -> None:
    ada = stage.guest()
    uses = [await stage.imagine(ada, "the running one", steps=200, images=2)]
    await stage.card(uses[0], is_running)
    uses += [await stage.imagine(ada, "a waiting one", images=1) for _ in range(3)]
    before = posted(stage)
    await stage.stop()
    for use in uses:
        assert use.message is not None
        assert "restarting" in use.message.texts and "kept" in use.message.texts
    await stage.start()
    galleries = [await stage.gallery(use) for use in uses]
    assert [each.id for each in galleries] == [use.message.id for use in uses if use.message]
    assert posted(stage) == before
    assert stage.spent(ada) == 2 + 3


async def test_the_bot_stops_while_it_waits_for_a_gateway_that_says_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = asyncio.Event()

    async def say_nothing(connection: Connection) -> None:
        accepted.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Connection, "pump", say_nothing)
    await stage.play.drop_gateway(resumable=False)
    await asyncio.wait_for(accepted.wait(), WAIT)
    began = time.monotonic()
    await stage.stop()
    assert time.monotonic() - began < 12  # killed after fifteen seconds


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()


async def test_none_of_it_was_a_bug(stage: Stage) -> None:
    said = stage.said()
    assert "Traceback" not in said, said
    assert " bug " not in said
