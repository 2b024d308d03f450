"""What follows from a decision in Discord is done, also after a failed answer, an outage or a kill; or the case says why not.

Discord's own bans end with their cases.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from bot.cases.effects import Effects
from bot.client import Atelier
from bot.studio.cases.cases import Decision
from bot.studio.settings import Settings
from bot.studio.styles.server_styles import StyleInput
from db.appeals import Decision as Answer
from db.case_entries import EntryKind
from db.cases import Outcome
from db.effects import HEAD_START, EffectKind
from db.jobs import ReplyTarget
from generation.request import MemberId
from moderation.duration import HOUR
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import ADA, MIA, Shop, an_order, ended
from tests.bot.desk import FLAGGED
from tests.bot.test_old_messages import answered, posted

OpenShop = Callable[[Settings], Shop]
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
    await atelier.effects.sweep()
    assert ada.id in play.world.guild.bans
    shop.clock.now += 1
    await atelier.effects.sweep()
    assert ada.id not in play.world.guild.bans
    assert (await acts(shop, play))[0] == ("discord-lifted", play.world.bot.id)
    # A ban by hand afterwards is not the bot's to lift.
    play.world.ban(play.world.guild.members[ada.id], "by hand")
    await atelier.effects.sweep()
    assert ada.id in play.world.guild.bans


async def test_a_ban_is_lifted_by_the_bots_next_process(
    open_shop: OpenShop, settings: Settings, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    shop.clock.now += 3600
    after_restart = open_shop(settings)
    await Effects(atelier, after_restart, atelier.mod_channel, atelier.direct_messages).sweep()
    assert play.world.guild.bans == {}


async def test_a_ban_stays_while_another_case_needs_it(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    await use(play, "ban", duration="2h")
    shop.clock.now += 3600
    await atelier.effects.sweep()
    assert play.world.guild.bans
    shop.clock.now += 3600
    await atelier.effects.sweep()
    assert not play.world.guild.bans


async def test_an_amended_end_is_the_bans_end(shop: Shop, play: Playground, atelier: Atelier) -> None:
    await use(play, "ban")
    mia = play.person("mia")
    await answered(await mia.slash("gallery", "mod case", number=1, ends_in="1h"))
    shop.clock.now += 3600
    await atelier.effects.sweep()
    assert not play.world.guild.bans


async def test_a_ban_that_discord_can_not_lift_yet_is_tried_again(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    shop.clock.now += 3600
    play.fail_next("DELETE", "/guilds/…/bans/…", status=429, has_via=False)
    await atelier.effects.sweep()
    assert play.world.guild.bans
    shop.clock.now += 5
    await atelier.effects.sweep()
    assert not play.world.guild.bans


async def test_where_the_bot_lost_its_right_the_moderators_are_told_once(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await use(play, "ban", duration="1h")
    shop.clock.now += 3600
    play.fail_next("DELETE", "/guilds/…/bans/…", status=403, code=50013, times=10)
    await atelier.effects.sweep()
    await atelier.effects.sweep()
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
    assert await shop.records.effects.due(shop.clock.now + 10**6) == []


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


@pytest.mark.parametrize(
    ("command", "said"), [("ban", "Discord's own ban keeps them"), ("warn", "when they next")]
)
async def test_an_upheld_appeal_says_whether_its_member_is_told_later(
    shop: Shop, play: Playground, atelier: Atelier, command: str, said: str
) -> None:
    ada, max_ = play.person("ada"), play.add_member("max", is_moderator=True)
    ada.close_dm()
    await use(play, command)
    await shop.appeals.ask(1, MemberId(ada.id), "ada", "why?")
    card = await posted(atelier, play, "atelier:1:answer:upheld:1")
    form = await (await max_.click(card, label="press me")).wait_for_modal()
    await (await max_.submit(form, {"answer": "it stays"})).wait_for_answer()
    await max_.wait_for_message(lambda each: each.is_ephemeral and said in each.texts, "gallery")


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


async def a_flagged_message(shop: Shop, play: Playground, atelier: Atelier) -> Message:
    """Posts the gallery of a flagged order of Ada. Its case is the first."""
    [guild] = atelier.guilds
    member, channel = MemberId(play.person("ada").id), play.channel("gallery").id
    actor = replace(ADA, guild_id=guild.id, member=member, channel_id=channel)
    place = ReplyTarget(guild_id=guild.id, channel_id=channel)
    job = await shop.studio.admit(an_order(FLAGGED, actor), place)
    message = await posted(atelier, play, "atelier:1:up:aaaaabbbbb:0")
    await shop.studio.place_of_answer(job, message.id)
    return message


async def is_there(play: Playground, message: Message) -> bool:
    return message.id in {each.id for each in await play.person("mia").sees("gallery")}


async def until_over(shop: Shop) -> None:
    """Waits until the first case is decided and nothing of it is left to do."""
    while (case := await shop.records.cases.get(1)) and (case.is_open or await shop.records.effects.due(inf)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def decided(shop: Shop, play: Playground, outcome: Outcome, seconds: float | None = None) -> None:
    """Decides the first case as Mia, in a process that is killed before it reaches Discord."""
    by = replace(MIA, guild_id=play.world.guild.id, member=MemberId(play.person("mia").id))
    await shop.casework.decide(1, by, Decision(outcome=outcome, reason="raids", seconds=seconds))


async def swept_after_restart(open_shop: OpenShop, shop: Shop, atelier: Atelier) -> None:
    shop.clock.now += HEAD_START
    after_restart = open_shop(shop.settings)
    await Effects(atelier, after_restart, atelier.mod_channel, atelier.direct_messages).sweep()


async def test_a_kill_after_the_decision_loses_none_of_its_consequences(
    open_shop: OpenShop, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada = play.person("ada")
    message = await a_flagged_message(shop, play, atelier)
    await decided(shop, play, Outcome.BAN, seconds=3600)
    await atelier.effects.sweep()
    assert not play.world.guild.bans, "the press itself gets a head start"
    await swept_after_restart(open_shop, shop, atelier)
    assert play.world.guild.bans[ada.id] == "Case 1 by mia: raids"
    assert not await is_there(play, message)
    await ada.wait_for_message(lambda each: "raids" in each.texts, ada.dm())
    assert ("discord-sanction", play.person("mia").id) in await acts(shop, play)
    case = await shop.records.cases.get(1)
    assert case is not None and case.told_at and case.power == "ban"
    # Only its end is left.
    assert [each.kind for each in await shop.records.effects.due(inf)] == [EffectKind.END]


@pytest.mark.parametrize(
    ("way", "power"), [("pardon", Outcome.BAN), ("unban", Outcome.TIMEOUT), ("appeal", Outcome.TIMEOUT)]
)
async def test_a_kill_after_what_is_taken_back_loses_none_of_its_consequences_either(
    open_shop: OpenShop, shop: Shop, play: Playground, atelier: Atelier, way: str, power: Outcome
) -> None:
    ada, guild = play.person("ada"), play.world.guild
    member = MemberId(ada.id)
    by = replace(MIA, guild_id=guild.id, member=MemberId(play.person("mia").id))
    sanction = Decision(outcome=power, reason="raids", seconds=3600)
    case = (await shop.casework.sanction(by, member, "ada", sanction)).case
    await swept_after_restart(open_shop, shop, atelier)

    def is_set() -> bool:
        until = guild.members[ada.id].timed_out_until if ada.id in guild.members else None
        return ada.id in guild.bans if power is Outcome.BAN else until is not None

    assert is_set()
    if way == "pardon":
        await shop.casework.pardon(case.number, by, "mercy")
    elif way == "unban":
        await shop.casework.unban(by, member, "mercy")
    else:
        _, appeal = await shop.appeals.ask(case.id, member, "ada", "please")
        max_ = play.add_member("max", is_moderator=True)
        other = replace(by, member=MemberId(max_.id))
        await shop.appeals.answer(appeal.id, other, Answer.OVERTURNED, "a mistake")
    await swept_after_restart(open_shop, shop, atelier)
    assert not is_set()
    assert await shop.records.effects.due(inf) == []
    if way == "appeal":
        await ada.wait_for_message(lambda each: "a mistake" in each.texts, ada.dm())


async def test_the_answer_to_a_press_is_no_precondition(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia = play.person("mia")
    message = await a_flagged_message(shop, play, atelier)
    card = await posted(atelier, play, "atelier:1:case:remove:1")
    play.fail_next("POST", "/interactions/…", status=404, code=10062, times=3)
    await mia.click(card, label="press me")
    await until_over(shop)
    assert not await is_there(play, message)


async def test_an_outage_delays_the_consequences_with_growing_pauses(
    open_shop: OpenShop, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    message = await a_flagged_message(shop, play, atelier)
    await decided(shop, play, Outcome.REMOVE)
    play.fail_next("DELETE", "/channels/…", status=429, has_via=False, times=4)
    pauses = list[float]()
    await swept_after_restart(open_shop, shop, atelier)
    while left := [each for each in await shop.records.effects.due(inf) if each.failures]:
        pauses.append(left[0].due_at - shop.clock.now)
        shop.clock.now = left[0].due_at
        await atelier.effects.sweep()
    assert pauses == [5, 10, 20, 40]
    assert not await is_there(play, message)


async def test_what_discord_refuses_is_given_up_and_the_case_says_so(
    open_shop: OpenShop, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await a_flagged_message(shop, play, atelier)
    await decided(shop, play, Outcome.BAN)
    play.fail_next("DELETE", "/channels/…", status=403, code=50013)
    play.fail_next("PUT", "/guilds/…/bans/…", status=403, code=50013)
    await swept_after_restart(open_shop, shop, atelier)
    shown = await (await play.person("mia").slash("gallery", "mod case", number=1)).wait_for_message()
    assert "not done in Discord: the message is not deleted: Discord does not let me" in shown.texts
    assert "not done in Discord: the ban is not set: Discord does not let me" in shown.texts
    assert not await shop.records.effects.due(inf)


async def test_after_a_day_of_failures_an_effect_is_given_up(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await a_flagged_message(shop, play, atelier)
    await decided(shop, play, Outcome.REMOVE)
    play.fail_next("DELETE", "/channels/…", status=429, has_via=False, times=1000)
    began = shop.clock.now
    while left := await shop.records.effects.due(inf):
        shop.clock.now = max(each.due_at for each in left)
        await atelier.effects.sweep()
    assert 20 * HOUR < shop.clock.now - began < 30 * HOUR
    assert await shop.records.entries.has(1, EntryKind.NOT_DONE)


async def test_a_ban_that_was_set_anew_by_hand_is_not_lifted_at_the_end_of_the_case(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, guild = play.person("ada"), play.world.guild
    await use(play, "ban", duration="1h")
    play.world.unban(ada.id)
    play.world.ban(guild.members[ada.id], "by hand")
    shop.clock.now += 3600
    await atelier.effects.sweep()
    assert guild.bans[ada.id] == "by hand"
    await play.person("mia").wait_for_message(
        lambda each: "stays: it was set anew by hand" in each.texts, "mod-log"
    )
    assert not await shop.records.effects.due(inf)


async def test_a_moderator_without_the_right_sets_no_ban_in_discord(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    """The worker asks Discord what the moderator may do: there is no interaction any more."""
    await a_flagged_message(shop, play, atelier)
    by = replace(MIA, guild_id=play.world.guild.id, member=MemberId(play.person("ben").id))
    await shop.casework.decide(1, by, Decision(outcome=Outcome.BAN))
    shop.clock.now += HEAD_START
    await atelier.effects.sweep()
    assert not play.world.guild.bans
    assert await shop.records.entries.has(1, EntryKind.NOT_DONE)


async def test_a_purge_links_the_messages_that_stay(shop: Shop, play: Playground, atelier: Atelier) -> None:
    message = await a_flagged_message(shop, play, atelier)
    play.fail_next("DELETE", "/channels/…", status=403, code=50013)
    said = await use(play, "purge", since="1h")
    assert f"/{message.id}" in said and "Delete it by hand" in said


async def test_a_purge_names_the_styles_that_it_removes(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    actor = replace(ADA, guild_id=play.world.guild.id, member=MemberId(play.person("ada").id))
    for number in range(12):
        await shop.styles.save(actor, StyleInput(name=f"s{number}", words="in ink"))
    said = await use(play, "purge", since="1h")
    assert "12 styles that were saved since then are removed too" in said
    assert "`s11`" in said and "`s1`" not in said and "and 2 more." in said


async def test_a_bug_in_a_sweep_does_not_end_the_worker(
    atelier: Atelier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    swept = asyncio.Event()

    async def sweep() -> None:
        if "carried out later" in caplog.text:
            swept.set()
        raise ZeroDivisionError

    monkeypatch.setattr("bot.cases.effects._SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(atelier.effects, "sweep", sweep)
    running = asyncio.create_task(atelier.effects.run())
    await asyncio.wait_for(swept.wait(), 10)
    await ended(running)
