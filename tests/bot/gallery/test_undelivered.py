"""Delivery ends in delivery or in a refund, for every answer of Discord in between. No card keeps its Cancel button."""

from dataclasses import dataclass, replace

import pytest

from bot.client import Atelier
from bot.gallery import cards
from bot.gallery.results import gallery_result
from bot.studio.settings import Settings
from db.jobs import Job, JobState
from generation.request import ImageSize, JobId
from moderation.duration import DAY
from playground.people.person import InteractionFailed, Use
from playground.rest.api import Answer, Fault
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.cards import SAY
from tests.bot.conftest import LARGE, Gate, Shop, until
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@dataclass(frozen=True, slots=True)
class Scene:
    """One member's order of two pictures, held at its worker by a gate."""

    play: Playground
    atelier: Atelier
    shop: Shop
    gate: Gate
    use: Use
    card: Message
    job: JobId

    async def row(self) -> Job:
        row = await self.shop.records.jobs.get(self.job)
        assert row is not None
        return row

    async def charged(self) -> int:
        return await self.shop.records.spending.charged(self.job)

    def refuse_edits(self, status: int, code: int, times: int = 1000) -> Fault:
        return self.play.fail_next("PATCH", "/channels/…", status=status, code=code, times=times)

    async def ends(self, fault: Fault) -> None:
        """Lets the job end, and waits until its delivery has met the fault and is over."""
        before = fault.times
        self.gate.open()
        await until(lambda: fault.times < before)
        await self.settle()

    async def settle(self) -> None:
        """Waits until no task carries the job."""
        await until(lambda: self.atelier.delivery.is_idle)

    async def try_again(self) -> None:
        assert self.atelier.delivery.try_at_once(await self.row())
        await self.settle()

    def posted(self) -> list[Message]:
        bot = self.play.world.bot.id
        return [each for each in self.play.world.messages.of(self.card.channel_id) if each.author_id == bot]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, limits=replace(settings.limits, free_cancels_a_day=0))


@pytest.fixture
async def scene(play: Playground, atelier: Atelier, busy: Shop, gate: Gate) -> Scene:
    use = await play.person("ada").slash("gallery", "imagine", prompt=f"hold {gate}", images=2)
    card = await use.wait_for_message()
    # From here on only the bot's own rights count.
    play.expire_token(use)
    cancel = card.component(label="Cancel")
    assert cancel is not None
    return Scene(play, atelier, busy, gate, use, card, JobId(cancel["custom_id"].split(":")[3]))


def is_gallery(message: Message) -> bool:
    return message.component(label="V1") is not None


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (403, 50001), (403, 0), (400, 50035), (503, 0)])
async def test_a_refusal_that_may_pass_is_no_delivery(scene: Scene, status: int, code: int) -> None:
    fault = scene.refuse_edits(status, code)
    await scene.ends(fault)
    row = await scene.row()
    assert (row.state, row.delivered_at, row.given_up_at) == (JobState.DONE, None, None)
    assert not scene.atelier.delivery.take_up(row), "the next try comes after a pause"
    fault.times = 0
    await scene.try_again()
    (message,) = scene.posted()
    assert is_gallery(message) and message.id == scene.card.id
    assert (await scene.row()).delivered_at is not None
    assert await scene.charged() == 2


async def test_a_page_in_place_of_the_answer_to_an_edit_is_no_delivery(scene: Scene, judge: Judge) -> None:
    fault = scene.refuse_edits(200, 0)
    fault.answer = Answer(200, "<html>Bad gateway</html>", {"Content-Type": "text/html"})
    await scene.ends(fault)
    row = await scene.row()
    assert (row.state, row.delivered_at, row.given_up_at) == (JobState.DONE, None, None)
    fault.times = 0
    await scene.try_again()
    assert (await scene.row()).delivered_at is not None
    assert await scene.charged() == 2
    judge.exchanges[:] = [each for each in judge.exchanges if each.answer != fault.answer.body]


@pytest.mark.parametrize("code", [50083, 30046])
async def test_a_message_that_takes_no_edits_is_posted_anew(scene: Scene, code: int) -> None:
    await scene.ends(scene.refuse_edits(400, code))
    (message,) = scene.posted()
    assert is_gallery(message) and message.id != scene.card.id
    row = await scene.row()
    assert row.delivered_at is not None and row.place.message_id == message.id


async def test_after_some_tries_a_refused_edit_becomes_a_new_message(scene: Scene) -> None:
    await scene.ends(scene.refuse_edits(403, 50013))
    for _ in range(3):
        await scene.try_again()
    (message,) = scene.posted()
    assert is_gallery(message) and message.id != scene.card.id
    assert (await scene.row()).delivered_at is not None


async def test_at_the_very_last_it_is_given_up_and_refunded(scene: Scene) -> None:
    await scene.ends(scene.refuse_edits(503, 0))
    scene.shop.clock.now += DAY + 1
    for _ in range(2):
        await scene.try_again()
    row = await scene.row()
    assert (row.state, row.delivered_at, row.given_up_at) == (JobState.DONE, None, scene.shop.clock.now)
    assert await scene.charged() == 0
    assert await scene.shop.records.jobs.undelivered() == []
    listed = await (await scene.play.person("ada").slash("gallery", "history")).wait_for_message()
    shown = await (await scene.play.person("ada").click(listed, label="Show")).wait_for_message()
    assert is_gallery(shown), "the history hands it out, also after a restart"


async def test_a_clock_that_is_wrong_for_a_moment_gives_nothing_up(scene: Scene) -> None:
    fault = scene.refuse_edits(503, 0)
    await scene.ends(fault)
    scene.shop.clock.now += 40 * DAY
    await scene.try_again()
    scene.shop.clock.now -= 40 * DAY
    fault.times = 0
    await scene.try_again()
    row = await scene.row()
    assert (row.delivered_at, row.given_up_at) == (scene.shop.clock.now, None)
    assert await scene.charged() == 2


async def test_what_the_member_took_from_the_history_is_not_refunded(scene: Scene) -> None:
    ada = scene.play.person("ada")
    await scene.ends(scene.refuse_edits(503, 0))
    listed = await (await ada.slash("gallery", "history")).wait_for_message()
    shown = await (await ada.click(listed, label="Show")).wait_for_message()
    assert shown.is_ephemeral and is_gallery(shown)
    assert (await scene.row()).delivered_at is None, "its card still waits for it"
    ben = await scene.play.person("ben").slash("gallery", "history")
    assert (await ben.wait_for_message()).component(label="Show") is None
    scene.shop.clock.now += DAY + 1
    for _ in range(2):
        await scene.try_again()
    assert (await scene.row()).given_up_at is not None
    assert await scene.charged() == 2


async def test_a_delivery_in_the_same_channel_ends_the_pause(scene: Scene) -> None:
    fault = scene.refuse_edits(403, 50001)
    await scene.ends(fault)
    assert not scene.atelier.delivery.take_up(await scene.row())
    fault.times = 0
    await scene.play.person("ben").slash("gallery", "imagine", prompt="a fox", images=1)
    await scene.play.wait_for_message(is_gallery)
    await scene.settle()
    assert scene.atelier.delivery.take_up(await scene.row())
    await scene.settle()
    assert (await scene.row()).delivered_at is not None


async def test_a_deleted_message_is_final_and_refunded(scene: Scene) -> None:
    await scene.play.person("mia").delete(scene.card)
    scene.gate.open()
    await scene.settle()
    row = await scene.row()
    assert (row.delivered_at, row.given_up_at) == (None, scene.shop.clock.now)
    assert await scene.charged() == 0
    assert scene.posted() == []


async def test_the_token_that_is_no_more_leads_to_the_bots_own_rights(
    play: Playground, atelier: Atelier, busy: Shop, gate: Gate
) -> None:
    use = await play.person("ada").slash("gallery", "imagine", prompt=f"hold {gate}", images=2)
    card = await use.wait_for_message()
    play.fail_next("PATCH", "/webhooks/…", status=404, code=10015, times=1000)
    gate.open()
    assert (await play.wait_for_message(is_gallery)).id == card.id


async def test_a_file_that_is_too_large_is_sent_smaller(
    play: Playground, atelier: Atelier, busy: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The grid of two small pictures is below the limit of real ones.
    monkeypatch.setattr("bot.gallery.delivery._SMALLEST_LIMIT", 2**10)
    use = await play.person("ada").slash("gallery", "imagine", prompt=f"hold {gate}", images=2)
    card = await use.wait_for_message()
    fault = play.fail_next("PATCH", "/webhooks/…", status=413, code=40005, times=2)
    gate.open()
    assert (await play.wait_for_message(is_gallery)).id == card.id
    assert fault.times == 0


async def test_a_result_fits_into_fewer_bytes(busy: Shop) -> None:
    gallery = await busy.draw(
        "show waves7", model=LARGE.name, size=ImageSize(width=1024, height=1024), images=1
    )
    assert gallery.single is not None
    render = await gallery_result(SAY, busy, gallery, is_spoiler=False)
    for limit, suffix in ((len(gallery.single), ".png"), (len(gallery.single) // 2, ".jpg")):
        _, (file,) = await render(limit)
        assert file.filename.endswith(suffix)
        assert len(file.fp.read()) <= limit


async def test_an_order_whose_answer_comes_too_late_is_taken_back(
    play: Playground, atelier: Atelier, busy: Shop
) -> None:
    play.fail_next("POST", "/interactions/…", status=404, code=10062, times=2)
    ada = play.person("ada")
    use = await ada.slash("gallery", "imagine", prompt="a fox", images=2)
    with pytest.raises(InteractionFailed):
        await use.wait_for_message()
    await until(lambda: atelier.delivery.is_idle)
    rows = await busy.records.database.reader.all("SELECT id, state, given_up_at FROM jobs")
    assert [(row["state"], row["given_up_at"]) for row in rows] == [("cancelled", busy.clock.now)]
    assert await busy.records.spending.charged(rows[0]["id"]) == 0
    assert await ada.sees("gallery") == []


async def test_a_card_that_kept_its_cancel_button_is_mended_by_it(scene: Scene) -> None:
    fault = scene.refuse_edits(403, 50001)
    await scene.ends(fault)
    fault.times = 0
    pressed = await scene.play.person("ada").click(scene.card, label="Cancel")
    assert "not waiting or running" in (await pressed.wait_for_message()).texts
    await scene.settle()
    (message,) = [each for each in scene.posted() if not each.is_ephemeral]
    assert is_gallery(message) and message.id == scene.card.id


async def test_a_card_beside_the_recorded_one_is_deleted_by_its_cancel_button(scene: Scene) -> None:
    scene.gate.open()
    await scene.settle()
    row = await scene.row()
    channel = scene.atelier.get_partial_messageable(scene.card.channel_id)
    stray = await channel.send(view=cards.first_card(SAY, row, 1, is_ready=True))
    message = scene.play.world.messages.get(scene.card.channel_id, stray.id)
    assert message is not None
    await scene.play.person("ada").click(message, label="Cancel")
    await scene.play.wait_for_message(lambda each: "not waiting or running" in each.texts)
    (left,) = [each for each in scene.posted() if not each.is_ephemeral]
    assert left.id == scene.card.id


@pytest.mark.parametrize(
    ("person", "said"),
    [("ada", "What was drawn until then is charged: 1 picture of 2."), ("mia", "Nothing was charged.")],
)
async def test_a_cancelled_order_says_what_it_costs(scene: Scene, person: str, said: str) -> None:
    await until(lambda: "50%" in scene.card.texts)
    pressed = await scene.play.person(person).click(scene.card, label="Cancel")
    await pressed.wait_for_answer()
    await scene.settle()
    assert f"Cancelled. {said}" in scene.card.texts
    assert scene.card.component(label="Cancel") is None


async def test_a_progress_that_fails_is_logged_and_its_result_is_posted(
    play: Playground,
    atelier: Atelier,
    busy: Shop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*of: object, **others: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("bot.gallery.delivery.show_progress", broken)
    await play.person("ada").slash("gallery", "imagine", prompt="a fox", images=1)
    await play.wait_for_message(is_gallery)
    await until(lambda: atelier.delivery.is_idle)
    assert "the progress was not shown to its end" in caplog.text
