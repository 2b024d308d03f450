"""/mod desk shows raid mode and the panic switch with their ends, and the moderators are told when one has ended."""

from dataclasses import replace

import pytest

from bot.client import Atelier
from db.lockdowns import Mode
from moderation.duration import DAY
from playground.server import Playground
from tests.bot.conftest import MIA, Shop
from tests.bot.test_old_messages import answered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_the_end_of_one_says_nothing_about_the_other_and_no_end_is_told_as_none(
    shop: Shop, play: Playground, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = replace(MIA, guild_id=play.world.guild.id)
    await shop.lockdown.raid(by, DAY, None, DAY)
    await shop.lockdown.panic(by, Mode.PAUSE, "spam wave", 2 * DAY)
    shop.clock.now += DAY
    due = await shop.lockdown.servers_due()

    async def as_before() -> list[int]:
        return due

    monkeypatch.setattr(atelier.parts.lockdown, "servers_due", as_before)
    for _ in range(2):
        await atelier.lockdown_ends.sweep()
    [told] = play.world.messages.of(play.channel("mod-log").id)
    assert "Raid mode has ended by itself." in told.texts and "order again" not in told.texts


async def test_the_desk_shows_the_ends_and_the_channel_is_told(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia = play.person("mia")
    desk = await answered(await mia.slash("gallery", "mod desk"))
    assert "**Raid** Raid mode is off." in desk and "**Panic** Picture making is open" in desk
    await answered(await mia.slash("gallery", "mod raid", state="on"))
    await answered(await mia.slash("gallery", "mod panic", mode="pause", lasts="2h", reason="spam wave"))
    desk = await answered(await mia.slash("gallery", "mod desk"))
    tomorrow, soon = int(shop.clock.now + 86_400), int(shop.clock.now + 7_200)
    assert f"can order. That ends <t:{tomorrow}:f>." in desk
    assert f"That ends <t:{soon}:f>. Reason: spam wave" in desk
    await atelier.lockdown_ends.sweep()
    shop.clock.now += 7_200
    await atelier.lockdown_ends.sweep()
    await play.wait_for_message(lambda each: "The panic switch has ended by itself" in each.texts, "mod-log")
    shop.clock.now += 86_400
    await atelier.lockdown_ends.sweep()
    await play.wait_for_message(lambda each: "Raid mode has ended by itself" in each.texts, "mod-log")
    desk = await answered(await mia.slash("gallery", "mod desk"))
    assert "**Raid** Raid mode is off." in desk and "**Panic** Picture making is open" in desk
