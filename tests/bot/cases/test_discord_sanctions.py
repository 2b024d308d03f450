"""Discord's own audit log says which case a timeout or ban belongs to, and why. The form says how long, and whose it is."""

from dataclasses import replace
from typing import Any

import pytest

from bot.client import Atelier
from bot.studio.cases.cases import Decision
from db.cases import Outcome
from generation.request import MemberId
from moderation.duration import DAY
from playground.server import Playground
from playground.world.messages import walk
from tests.bot.conftest import ADA, Shop, an_order
from tests.bot.desk import FLAGGED, OLA
from tests.bot.test_old_messages import answered, posted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.mark.parametrize(
    ("reason", "said"), [("raids", "Case 1 by Mia: raids"), ("", "Case 1 by Mia")], ids=["with", "without"]
)
async def test_a_ban_says_its_reason_if_it_has_one(
    shop: Shop, play: Playground, atelier: Atelier, reason: str, said: str
) -> None:
    [guild] = atelier.guilds
    ada, mia = play.person("ada"), play.person("mia")
    await shop.admit(an_order(FLAGGED, replace(ADA, guild_id=guild.id, member=MemberId(ada.id))))
    message = await posted(atelier, play, "atelier:1:case:ban:1")
    form = await (await mia.click(message, label="press me")).wait_for_modal()
    use = await mia.submit(form, {"reason": reason})
    await use.wait_for_answer()
    assert not use.failed
    await mia.wait_for_message(lambda each: "ban is set too" in each.texts, "gallery", 10)
    assert play.world.guild.bans[ada.id] == said


async def test_a_second_moderator_who_confirms_as_offered_gives_the_proposed_length(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    await shop.desk_settings.set_second_for_bans(replace(OLA, guild_id=guild.id), True)
    ada, mia, max_ = play.person("ada"), play.person("mia"), play.add_member("max", is_moderator=True)
    use = await mia.slash("gallery", "mod ban", member=ada, reason="raids", duration="2w")
    assert "Another moderator must confirm it" in await answered(use)
    message = await posted(atelier, play, "atelier:1:case:ban:1")
    form = await (await max_.click(message, label="press me")).wait_for_modal()
    assert form.title == "Ban Ada · case 1 · bot and Discord"
    await (await max_.submit(form)).wait_for_answer()
    case = await shop.records.cases.numbered(guild.id, 1)
    assert case is not None and (case.expires_at, case.reason) == (shop.clock.now + 14 * DAY, "raids")


async def test_a_moderator_chooses_whose_ban_it_is_and_lifts_each_alone(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    ada, mia, bans = play.person("ada"), play.person("mia"), play.world.guild.bans
    ban: dict[str, Any] = {"member": ada, "reason": "raids"}
    said = await answered(await mia.slash("gallery", "mod ban", whose="bot", **ban))
    assert "The ban is the bot's alone" in said and ada.id not in bans
    case = await shop.records.cases.numbered(guild.id, 1)
    assert case is not None and case.power == ""
    said = await answered(await mia.slash("gallery", "mod unban", whose="discord", **ban))
    assert "Discord has no ban of theirs" in said

    said = await answered(await mia.slash("gallery", "mod ban", whose="both", **ban))
    assert "Discord's own ban is set too" in said and ada.id in bans
    said = await answered(await mia.slash("gallery", "mod unban", whose="discord", **ban))
    assert "The bot's goes on, until it is lifted" in said and ada.id not in bans
    case = await shop.records.cases.numbered(guild.id, 2)
    assert case is not None and case.power == "", "the card says that the ban is the bot's alone"
    assert await shop.records.blocks.live(guild.id, MemberId(ada.id), shop.clock()) is not None

    await answered(await mia.slash("gallery", "mod ban", **ban))
    said = await answered(await mia.slash("gallery", "mod unban", whose="bot", **ban))
    assert "may make pictures again" in said and "Discord's own timeout and ban stay" in said
    assert ada.id in bans
    assert await shop.records.blocks.live(guild.id, MemberId(ada.id), shop.clock()) is None
    await answered(await mia.slash("gallery", "mod unban", **ban))
    assert ada.id not in bans


async def test_the_form_offers_discords_ban_where_it_can_be_set(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    ada, mia = play.person("ada"), play.person("mia")
    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada.id))
    for _ in range(2):
        await shop.admit(an_order(FLAGGED, actor))
        shop.clock.now += 2 * 3600  # so that the second order opens a case of its own
    message = await posted(atelier, play, "atelier:1:case:ban:1")
    form = await (await mia.click(message, label="press me")).wait_for_modal()
    use = await mia.submit(form, {"reason": "raids", "whose": "bot"})
    await use.wait_for_answer()
    await mia.wait_for_message(lambda each: "The ban is the bot's alone" in each.texts, "gallery", 10)
    assert ada.id not in play.world.guild.bans

    moderators = atelier.guilds[0].get_role(play.world.moderators)
    assert moderators is not None
    moderators._permissions &= ~0x4  # pyright: ignore[reportPrivateUsage]  # Ban Members, as the bot sees it
    message = await posted(atelier, play, "atelier:1:case:ban:2")
    form = await (await mia.click(message, label="press me")).wait_for_modal()
    labels = [option["label"] for each in walk(form.components) for option in each.get("options", [])]
    assert labels[-1] == "The bot's alone: no pictures (you lack the Ban Members permission)"
    assert not any("Discord's" in label for label in labels)
    said = await answered(await mia.slash("gallery", "mod ban", member=ada, reason="raids", whose="both"))
    assert "so nothing was done: you lack the Ban Members permission" in said
    assert len(await shop.records.cases.page(guild.id)) == 2


async def test_whose_ban_it_is_stays_as_proposed(shop: Shop) -> None:
    head = replace(OLA, member=MemberId(5))
    lower = replace(OLA, is_senior=False, may_ban=False)
    decision = Decision(outcome=Outcome.BAN, reason="raids", is_bot_ban=True)
    case = (await shop.casework.sanction(lower, ADA.member, "ada", decision)).case
    done = await shop.casework.sanction(head, ADA.member, "ada", replace(decision, is_bot_ban=None))
    assert (done.case.id, done.is_bots_alone) == (case.id, True)
    kinds = [each.kind for each in await shop.records.effects.just_wanted([case.id], [], shop.clock())]
    assert kinds == ["notice"]
