"""Levels in Discord: a role makes a helper, whose presses are proposals; a level protects from those below."""

from dataclasses import replace
from typing import Any

import pytest

from bot.client import Atelier
from bot.studio.cases.cases import Decision
from db.cases import Outcome
from db.mod_roles import Level
from generation.request import MemberId
from playground.people.person import Person
from playground.server import Playground
from playground.world.guild import MANAGE_GUILD, Role
from playground.world.messages import Message
from tests.bot.conftest import ADA, MIA, Shop, an_order
from tests.bot.desk import FLAGGED, actions_of
from tests.bot.test_old_messages import answered, posted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
def roles(play: Playground) -> dict[str, int]:
    """Three roles without a permission, and Mia's Manage Server; the bot reads them when it logs in."""
    guild, made = play.world.guild, dict[str, int]()
    for name in ("helpers", "moderators", "heads"):
        role = Role(id=play.world.snowflakes.next(), name=name, permissions=0, position=1)
        guild.roles[role.id], made[name] = role, role.id
    manager = Role(id=play.world.snowflakes.next(), name="managers", permissions=MANAGE_GUILD, position=2)
    guild.roles[manager.id] = manager
    guild.members[play.person("mia").id].roles.append(manager.id)
    return made


def has_role(play: Playground, person: Person, role: int) -> None:
    play.world.guild.members[person.id].roles.append(role)


async def case_of_ada(shop: Shop, play: Playground) -> int:
    actor = replace(ADA, guild_id=play.world.guild.id, member=MemberId(play.person("ada").id))
    job = await shop.admit(an_order(FLAGGED, actor))
    case = await shop.records.cases.of_job(job.id)
    assert case is not None
    return case.id


async def test_a_helper_proposes_with_a_press_and_a_moderator_confirms_with_one(
    roles: dict[str, int], shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ben, mia, guild = play.person("ben"), play.person("mia"), play.world.guild
    case = await case_of_ada(shop, play)
    press = f"atelier:1:case:warn:{case}"
    assert "Only moderators" in await answered(
        await ben.click(await posted(atelier, play, press), custom_id=press)
    )
    use = await mia.slash("gallery", "server level", role=str(roles["helpers"]), level="helper")
    assert f"<@&{roles['helpers']}> makes helpers" in await answered(use)
    has_role(play, ben, roles["helpers"])

    folded = f"atelier:1:folded:remove:{case}:1"
    use = await ben.click(await posted(atelier, play, folded), custom_id=folded)
    assert f"<@{ben.id}> proposes: remove" in await answered(use)
    form = await (await ben.click(await posted(atelier, play, press), custom_id=press)).wait_for_modal()
    said = await answered(await ben.submit(form, {"reason": "swords are not for here"}))
    assert f"<@{ben.id}> proposes: warn — swords are not for here. A moderator must confirm it" in said
    known = await shop.records.cases.get(case)
    assert known is not None and known.is_open and known.claimed_by is None
    for denied in (f"case:confirm:{case}", f"proposal:confirm:{case}:1", f"case:escalate:{case}"):
        custom_id = f"atelier:1:{denied}"
        message = await posted(atelier, play, custom_id)
        assert "Helpers see and propose" in await answered(await ben.click(message, custom_id=custom_id))
    for name, options in denied_commands(play).items():
        use = await ben.slash("gallery", name, force=True, **options)
        assert "Helpers see and propose" in await answered(use), name
    for name in ("mod log", "mod cases", "mod stats", "mod rule list"):
        assert "Helpers" not in await answered(await ben.slash("gallery", name, force=True)), name
    assert "`/help about:mod`" in await answered(await ben.slash("gallery", "help"))
    desk = await answered(await ben.slash("gallery", "mod desk", force=True))
    assert f"helpers: <@&{roles['helpers']}> · moderators: Manage Messages · heads: Manage Server;" in desk

    shown: Message = await (await mia.slash("gallery", "mod case", number=1)).wait_for_message()
    assert "proposed: warn: swords are not for here" in shown.texts
    again = replace(MIA, guild_id=guild.id, member=MemberId(ben.id), name="ben", is_helper=True)
    longer = Decision(outcome=Outcome.TIMEOUT, reason="swords are not for here", seconds=60)
    await shop.casework.decide(case, again, longer)
    use = await mia.click(shown, label="Confirm: warn")
    await use.wait_for_answer()
    known = await shop.records.cases.get(case)
    assert known is not None and known.is_open, "the press names what it confirms"
    await shop.casework.decide(case, again, replace(longer, outcome=Outcome.WARN, seconds=None))
    shown = await (await mia.slash("gallery", "mod case", number=1)).wait_for_message()
    assert "by Mia: warned" not in await answered(await mia.click(shown, label="Confirm: warn"))
    known = await shop.records.cases.get(case)
    assert known is not None and (known.outcome, known.reason) == ("warn", "swords are not for here")
    assert known.acted_by == mia.id
    assert [each for each in await actions_of(shop, guild.id) if each != "read-log"] == [
        "mod-role",
        "propose",
        "propose",
        "propose",
        "propose",
        "warn",
    ]


def denied_commands(play: Playground) -> dict[str, dict[str, Any]]:
    ada = play.person("ada")
    return {
        "mod audit": {},
        "mod panic": {"mode": "pause"},
        "mod raid": {"state": "on"},
        "mod block": {"member": ada, "reason": "x"},
        "mod unban": {"member": ada, "reason": "x"},
        "mod purge": {"member": ada, "since": "1h", "reason": "x"},
        "mod pardon": {"number": 1, "reason": "x"},
        "mod case": {"number": 1, "reason": "x"},
        "mod remove": {"picture": "aaaaaaaaaa"},
        "mod rule remove": {"name": "x"},
        "mod log-channel": {"channel": play.channel("after-dark")},
    }


async def test_a_role_makes_moderators_and_heads_and_a_level_protects(
    roles: dict[str, int], shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, ben, guild = play.person("ada"), play.person("ben"), play.world.guild
    manager = replace(MIA, guild_id=guild.id, is_senior=True)
    await shop.levels.choose(manager, roles["moderators"], Level.MODERATOR)
    has_role(play, ben, roles["moderators"])
    add = {"name": "clowns", "words": "clown"}
    assert "only logs" in await answered(
        await ben.slash("gallery", "mod rule add", force=True, shadow=True, **add)
    )
    await shop.levels.choose(manager, roles["heads"], Level.HEAD)
    use = await ben.slash("gallery", "mod rule remove", force=True, name="clowns")
    assert "Only heads change the rules" in await answered(use)
    use = await ben.slash("gallery", "mod ban", force=True, member=ada, reason="raids")
    assert "the ban is proposed. Another moderator must confirm it" in await answered(use)
    has_role(play, ada, roles["heads"])
    for name in ("mod warn", "mod ban"):
        use = await ben.slash("gallery", name, force=True, member=ada, reason="raids")
        assert "of a level above yours" in await answered(use)
    for role in (guild.id, next(each.id for each in guild.roles.values() if each.bot_id)):
        use = await play.person("mia").slash("gallery", "server level", role=str(role), level="moderator")
        assert "everyone's, or a bot's" in await answered(use)
    use = await ada.slash("gallery", "server level", force=True, role=str(role), level="head")
    assert "Manage Server" in await answered(use), "a head makes no other heads"
    use = await ada.slash("gallery", "mod desk", force=True, second_for_bans=False)
    assert "needs the Manage Server permission." in await answered(use), "nor frees heads from a second one"
    use = await ben.slash("gallery", "mod purge", force=True, since="1h", reason="x")
    assert "Manage Server permission, or a role of the level head" in await answered(use)
    use = await ada.slash("gallery", "mod purge", force=True, since="1h", reason="x")
    assert "Manage Server" not in await answered(use)


async def test_a_deleted_role_of_heads_lets_no_moderator_ban_until_a_manager_chooses_again(
    roles: dict[str, int], shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, ben, mia, guild = play.person("ada"), play.person("ben"), play.person("mia"), play.world.guild
    manager = replace(MIA, guild_id=guild.id, is_senior=True)
    has_role(play, ben, roles["moderators"])
    await shop.levels.choose(manager, roles["moderators"], Level.MODERATOR)
    gone = play.world.snowflakes.next()
    await shop.levels.choose(manager, gone, Level.HEAD)
    use = await ben.slash("gallery", "mod ban", force=True, member=ada, reason="raids")
    assert "the ban is proposed" in await answered(use)
    assert "The role of the level head was deleted" in await answered(await mia.slash("gallery", "mod desk"))
    use = await mia.slash("gallery", "server level", role=str(roles["helpers"]), level="helper")
    assert "every moderator bans" in await answered(use)
    assert gone not in await shop.levels.of_server(guild.id)
