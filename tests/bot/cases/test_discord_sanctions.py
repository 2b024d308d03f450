"""Discord's own audit log says which case a timeout or ban belongs to, and why. The form says how long, and whose it is."""

from dataclasses import replace

import pytest

from bot.client import Atelier
from generation.request import MemberId
from moderation.duration import DAY
from playground.server import Playground
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
    await shop.casework.set_second_for_bans(replace(OLA, guild_id=guild.id), True)
    ada, mia, max_ = play.person("ada"), play.person("mia"), play.add_member("max", is_moderator=True)
    use = await mia.slash("gallery", "mod ban", member=ada, reason="raids", duration="2w")
    assert "Another moderator must confirm it" in await answered(use)
    message = await posted(atelier, play, "atelier:1:case:ban:1")
    form = await (await max_.click(message, label="press me")).wait_for_modal()
    assert form.title == "Ban Ada · case 1 · bot and Discord"
    await (await max_.submit(form)).wait_for_answer()
    case = await shop.records.cases.numbered(guild.id, 1)
    assert case is not None and (case.expires_at, case.reason) == (shop.clock.now + 14 * DAY, "raids")
