"""Discord's own bans end with their cases, also after a restart."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.cases.sanction_ends import SanctionEnds
from bot.client import Atelier
from bot.studio.settings import Settings
from generation.request import MemberId
from playground.server import Playground
from tests.bot.conftest import Shop
from tests.bot.test_old_messages import answered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def use(play: Playground, command: str, **options: Any) -> str:
    mia, ada = play.person("mia"), play.person("ada")
    options.setdefault("reason", "spam")
    return await answered(await mia.slash("gallery", f"mod {command}", member=ada, **options))


async def acts(shop: Shop, play: Playground) -> list[tuple[str, int]]:
    return [(each.act, each.actor or 0) for each in await shop.records.audit.page(play.world.guild.id)]


async def test_a_ban_with_an_end_is_lifted_at_its_end(shop: Shop, play: Playground, atelier: Atelier) -> None:
    ada = play.person("ada")
    assert "Discord's own ban is set too" in await use(play, "ban", duration="1h")
    shop.clock.now += 3599
    await atelier.sanction_ends.sweep()
    assert ada.id in play.world.guild.bans
    shop.clock.now += 1
    await atelier.sanction_ends.sweep()
    assert ada.id not in play.world.guild.bans
    assert (await acts(shop, play))[0] == ("discord-lifted", play.world.bot.id)
    # A ban by hand afterwards is not the bot's to lift.
    play.world.ban(play.world.guild.members[ada.id], "by hand")
    await atelier.sanction_ends.sweep()
    assert ada.id in play.world.guild.bans


async def test_a_ban_is_lifted_by_the_bots_next_process(
    open_shop: Callable[[Settings], Shop], settings: Settings, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    shop.clock.now += 3600
    after_restart = open_shop(settings)
    await SanctionEnds(atelier, after_restart, atelier.mod_channel).sweep()
    assert play.world.guild.bans == {}


async def test_a_ban_stays_while_another_case_needs_it(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    await use(play, "ban", duration="2h")
    shop.clock.now += 3600
    await atelier.sanction_ends.sweep()
    assert play.world.guild.bans
    shop.clock.now += 3600
    await atelier.sanction_ends.sweep()
    assert not play.world.guild.bans


async def test_an_amended_end_is_the_bans_end(shop: Shop, play: Playground, atelier: Atelier) -> None:
    await use(play, "ban")
    mia = play.person("mia")
    await answered(await mia.slash("gallery", "mod case", number=1, ends_in="1h"))
    shop.clock.now += 3600
    await atelier.sanction_ends.sweep()
    assert not play.world.guild.bans


async def test_a_ban_that_discord_can_not_lift_yet_is_tried_again(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    shop.clock.now += 3600
    play.fail_next("DELETE", "/guilds/…/bans/…", status=429, has_via=False)
    await atelier.sanction_ends.sweep()
    assert play.world.guild.bans
    await atelier.sanction_ends.sweep()
    assert not play.world.guild.bans


async def test_where_the_bot_lost_its_right_the_moderators_are_told_once(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    shop.clock.now += 3600
    play.fail_next("DELETE", "/guilds/…/bans/…", status=403, code=50013, times=10)
    await atelier.sanction_ends.sweep()
    await atelier.sanction_ends.sweep()
    told = [each for each in await play.person("mia").sees("mod-log") if "Lift it by hand" in each.texts]
    assert len(told) == 1


@pytest.mark.parametrize("command", ["ban", "timeout"])
async def test_an_unblock_lifts_what_the_bot_set_in_discord(
    shop: Shop, play: Playground, atelier: Atelier, command: str
) -> None:
    ada, mia = play.person("ada"), play.person("mia")
    await use(play, command, duration="1h")
    said = await answered(await mia.slash("gallery", "mod unblock", member=ada))
    assert f"Discord's own {command} is lifted too" in said
    assert not play.world.guild.bans and play.world.guild.members[ada.id].timed_out_until is None
    assert "not blocked" in await answered(await mia.slash("gallery", "mod unblock", member=ada))
    assert await shop.records.cases.to_lift(shop.clock.now + 10**6) == []


async def test_a_ban_says_whose_it_is(shop: Shop, play: Playground, atelier: Atelier) -> None:
    mia, guild = play.person("mia"), play.world.guild
    await use(play, "ban")
    shown = await (await mia.slash("gallery", "mod case", number=1)).wait_for_message()
    assert "by the bot, and by Discord's own ban" in shown.texts
    play.fail_next("PUT", "/guilds/…/bans/…", status=403, code=50013)
    ben = play.person("ben")
    await answered(await mia.slash("gallery", "mod ban", member=ben, reason="spam"))
    shown = await (await mia.slash("gallery", "mod case", number=2)).wait_for_message()
    assert "by the bot alone" in shown.texts
    assert [each.member for each in await shop.records.cases.page(guild.id)] == [
        MemberId(ben.id),
        MemberId(play.person("ada").id),
    ]


async def test_who_a_ban_keeps_out_is_not_said_to_be_told_later(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, mia = play.person("ada"), play.person("mia")
    ada.close_dm()
    assert "not notified, because Discord's own ban keeps them" in await use(play, "ban")
    await use(play, "unban")
    assert "after Discord's own timeout" in await use(play, "timeout", duration="1h")
    await use(play, "unban")
    assert "when they next use me" in await use(play, "warn")
    await answered(await mia.slash("gallery", "mod pardon", number=1, reason="mercy"))


async def test_an_amendment_is_told_to_the_member(shop: Shop, play: Playground, atelier: Atelier) -> None:
    ada, mia = play.person("ada"), play.person("mia")
    await use(play, "timeout", duration="1h")
    await ada.wait_for_message(lambda each: "timed you out" in each.texts, ada.dm())
    await answered(await mia.slash("gallery", "mod case", number=1, reason="raids", ends_in="2h"))
    told = await ada.wait_for_message(lambda each: "has changed this decision" in each.texts, ada.dm())
    assert "raids" in told.texts
    # A member whom the bot can't reach is told at their next use.
    ada.close_dm()
    await answered(await mia.slash("gallery", "mod case", number=1, reason="spam after all"))
    [case] = await shop.records.cases.untold(play.world.guild.id, MemberId(ada.id))
    assert case.reason == "spam after all"
