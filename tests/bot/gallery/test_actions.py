"""A deletion that Discord refuses is told, with the message that stays."""

from dataclasses import dataclass

import pytest

from bot.client import Atelier
from playground.people.person import Use
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import Gate, Shop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@dataclass(frozen=True, slots=True)
class Scene:
    play: Playground
    gallery: Message

    @property
    def delete(self) -> str:
        return next(id for each in self.gallery.components if ":delete:" in (id := each.get("custom_id", "")))

    @property
    def is_there(self) -> bool:
        return self.play.world.messages.get(self.gallery.channel_id, self.gallery.id) is not None

    async def press_delete(self) -> Use:
        """Presses 🗑️ twice. Returns the second press."""
        ada = self.play.person("ada")
        await (await ada.click(self.gallery, custom_id=self.delete)).wait_for_answer()
        assert self.is_there
        return await ada.click(self.gallery, custom_id=self.delete)

    async def told(self, words: str) -> Message:
        return await self.play.wait_for_message(lambda message: words in message.texts)


@pytest.fixture
async def scene(play: Playground, atelier: Atelier, busy: Shop) -> Scene:
    use = await play.person("ada").slash("gallery", "imagine", prompt="a fox", images=1)
    await use.wait_for_message()
    await until(lambda: atelier.delivery.is_idle)
    assert use.message is not None
    return Scene(play, use.message)


async def test_what_the_bot_may_not_delete_the_press_deletes(scene: Scene) -> None:
    scene.play.fail_next("DELETE", "/channels/…", status=403, code=50001)
    await (await scene.press_delete()).wait_for_answer()
    await until(lambda: not scene.is_there)


async def test_a_message_that_stays_is_named(scene: Scene, busy: Shop) -> None:
    scene.play.fail_next("DELETE", "/channels/…", status=403, code=50001)
    scene.play.fail_next("DELETE", "/webhooks/…", status=403, code=50001)
    await scene.press_delete()
    told = await scene.told("did not let me delete")
    assert told.is_ephemeral and f"/{scene.gallery.channel_id}/{scene.gallery.id}" in told.texts
    rows = await busy.records.database.reader.all("SELECT 1 FROM images WHERE removed_at IS NULL")
    assert rows == [], "the pictures are deleted all the same"


async def test_a_moderators_removal_says_which_message_stays(scene: Scene) -> None:
    scene.play.fail_next("DELETE", "/channels/…", status=403, code=50013)
    job = scene.delete.split(":")[3]
    use = await scene.play.person("mia").slash("gallery", "mod remove", picture=job, reason="no foxes")
    told = await use.wait_for_message()
    assert "Removed: job" in told.texts
    assert f"/{scene.gallery.channel_id}/{scene.gallery.id}" in told.texts


async def test_a_running_jobs_own_token_deletes_what_the_bot_may_not(
    play: Playground, atelier: Atelier, busy: Shop, gate: Gate
) -> None:
    use = await play.person("ada").slash("gallery", "imagine", prompt=f"hold {gate}", images=1)
    card = await use.wait_for_message()
    cancel = card.component(label="Cancel")
    assert cancel is not None
    play.fail_next("DELETE", "/channels/…", status=403, code=50013)
    mia = play.person("mia")
    removal = await mia.slash("gallery", "mod remove", picture=cancel["custom_id"].split(":")[3])
    told = (await removal.wait_for_message()).texts
    assert "Removed" in told and "did not let me" not in told
    assert play.world.messages.get(card.channel_id, card.id) is None
    gate.open()
