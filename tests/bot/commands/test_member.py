"""/mod member is one private card about a member of this server."""

from dataclasses import replace

import pytest

from bot.client import Atelier
from bot.commands.mod import member as mod_member
from bot.studio.cases.cases import Decision
from bot.studio.errors import PromptRefused
from db.audit import Act
from db.cases import Outcome
from generation.request import MemberId
from moderation import duration
from playground.server import Playground
from tests.bot.cards import SAY, problems, texts_of
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import WARN, flagged
from tests.bot.test_old_messages import answered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
DAY, HOUR = int(duration.DAY), int(duration.HOUR)


async def shown(shop: Shop, member: MemberId = ADA.member) -> str:
    rows = await mod_member.read(shop.records, GUILD, member, shop.clock.now)
    view = mod_member.member_card(SAY, rows)
    assert problems(view, []) == []
    return "\n".join(texts_of(view))


async def test_the_card_holds_record_cases_sanctions_and_prompts(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    case = await flagged(shop)
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="too *bloody*", seconds=HOUR)
    await shop.casework.decide(case.id, MIA, timeout)
    begin = int(shop.clock.now)
    text = await shown(shop)
    assert "1 order · 1 flagged · 1 refused · 1 strike now, 1 ever · 1 case · blocked until" in text
    assert f"**1** · <@{ADA.member}>" in text and "timed out" in text
    assert f"Strike of case 1 · <t:{begin}:R> · counts until <t:{begin + 90 * DAY}:f>" in text
    assert f"Block · <t:{begin}:R> · until <t:{begin + HOUR}:f>: too \\*bloody\\*" in text
    refused, drawn = text.index("🔴 a nude woman"), text.index("🟡 a bloody sword")
    assert drawn < refused, "the newest prompt comes first"
    assert "`nude`" in text

    await shop.casework.pardon(1, MIA, "mercy")
    later = await shown(shop)
    assert f"pardoned <t:{begin}:f>" in later and f"lifted <t:{begin}:f>" in later
    assert "0 strikes now, 0 ever" in later and "not blocked" in later


async def test_what_is_over_has_its_end(shop: Shop) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, reason="spam", seconds=HOUR)
    await shop.casework.sanction(MIA, ADA.member, "ada", timeout)
    begin = int(shop.clock.now)
    shop.clock.now += 91 * DAY
    text = await shown(shop)
    assert f"ended <t:{begin + HOUR}:f>: spam" in text and f"expired <t:{begin + 90 * DAY}:f>" in text


async def test_many_cases_are_counted_and_others_members_are_left_out(shop: Shop) -> None:
    for _ in range(7):
        await shop.casework.sanction(MIA, ADA.member, "ada", WARN)
    text = await shown(shop)
    assert "**7** · " in text and "**3** · " in text and "**2** · " not in text
    assert "and 2 more cases" in text
    assert (await shown(shop, BEN.member)).count("none") == 3


async def test_only_the_moderator_sees_the_card_and_the_log_says_who_looked(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    ada, mia = play.person("ada"), play.person("mia")
    await flagged(shop, replace(ADA, guild_id=guild.id, member=MemberId(ada.id)))
    message = await (await mia.slash("gallery", "mod member", member=ada)).wait_for_message()
    assert message.is_ephemeral and f"Member <@{ada.id}>" in message.texts
    [read] = await shop.records.audit.page(guild.id)
    assert (read.act, read.actor, read.member) == (Act.READ_LOG, mia.id, ada.id)
    assert "Log · 1 record" in await answered(await mia.click(message, label="Prompts"))
    message = await (await mia.slash("gallery", "mod member", member=ada)).wait_for_message()
    assert "### Cases" in await answered(await mia.click(message, label="Cases"))
    assert "moderators" in await answered(await ada.slash("gallery", "mod member", force=True, member=mia))
