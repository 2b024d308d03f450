"""A moderator's powers come from their roles in the server, and reach only members below them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.client import Atelier
from bot.studio.cases.cases import Decision
from db.cases import Outcome
from db.lockdowns import Mode
from generation.request import MemberId
from playground.people.person import Person
from playground.server import Playground
from playground.world.guild import MANAGE_GUILD, MANAGE_MESSAGES, Overwrite, Role, User
from playground.world.messages import Message
from tests.bot.conftest import ADA, MIA, Shop, an_order
from tests.bot.desk import FLAGGED
from tests.bot.test_old_messages import answered, posted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

FORBIDDEN = "Only moderators can do that"


def roles_of(play: Playground, person: Person, *, position: int, permissions: int = 0) -> None:
    """Gives the person a role, before the bot logs in."""
    id = play.world.snowflakes.next()
    play.world.guild.roles[id] = Role(id=id, name="their role", permissions=permissions, position=position)
    play.world.guild.members[person.id].roles.append(id)


def one_channel(play: Playground, person: Person, *, allow: int = 0, deny: int = 0) -> None:
    """Allows or denies in the gallery alone, by an overwrite for a role of the person."""
    roles_of(play, person, position=1)
    role = play.world.guild.members[person.id].roles[-1]
    play.channel("gallery").overwrites = (Overwrite(role_id=role, allow=allow, deny=deny),)


Prepared = Callable[[Playground], None]


@pytest.fixture
def prepared(request: pytest.FixtureRequest, play: Playground) -> None:
    """Changes the server before the bot logs in and reads it."""
    request.param(play)


def ada_manages_one_channel(play: Playground) -> None:
    one_channel(play, play.person("ada"), allow=MANAGE_MESSAGES | MANAGE_GUILD)


def mia_is_denied_one_channel(play: Playground) -> None:
    one_channel(play, play.person("mia"), deny=MANAGE_MESSAGES | MANAGE_GUILD)


def ada_is_above_mia(play: Playground) -> None:
    roles_of(play, play.person("ada"), position=9)


@pytest.mark.parametrize("prepared", [ada_manages_one_channel], indirect=True)
async def test_an_overwrite_of_one_channel_gives_no_power(
    prepared: None, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    commands: dict[str, dict[str, Any]] = {
        "mod panic": {"mode": "pause"},
        "mod raid": {"state": "on"},
        "mod ban": {"member": ben, "reason": "because"},
        "mod log": {},
        "mod log-channel": {"channel": play.channel("after-dark")},
    }
    for name, options in commands.items():
        assert FORBIDDEN in await answered(await ada.slash("gallery", name, force=True, **options)), name
    use = await ada.slash("gallery", "server policy preset", force=True, preset="mature")
    assert "Manage Server" in await answered(use)
    assert (await shop.lockdown.state(play.world.guild.id)).mode is Mode.OPEN


@pytest.mark.parametrize("prepared", [mia_is_denied_one_channel], indirect=True)
async def test_an_overwrite_of_one_channel_takes_no_power(
    prepared: None, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    use = await play.person("mia").slash("gallery", "mod panic", force=True, mode="pause")
    assert "paused" in await answered(use)


def acts_on(member: Any) -> dict[str, dict[str, Any]]:
    return {
        "mod block": {"member": member, "reason": "x"},
        "mod unblock": {"member": member},
        "mod strike": {"member": member, "reason": "x"},
        "mod warn": {"member": member, "reason": "x"},
        "mod timeout": {"member": member, "duration": "1h", "reason": "x"},
        "mod ban": {"member": member, "reason": "x"},
        "mod unban": {"member": member, "reason": "x"},
        "mod purge": {"member": member, "since": "1h", "reason": "x"},
    }


async def test_a_moderator_does_not_act_on_themselves_the_owner_or_bots(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia, guild = play.person("mia"), play.world.guild
    owner: User = guild.members[guild.owner_id].user
    for whom, sentence in (
        (mia, "That is about you"),
        (owner, "They own this server"),
        (play.world.bot, "That is a bot"),
    ):
        for name, options in acts_on(whom).items():
            said = await answered(await mia.slash("gallery", name, **options))
            assert sentence in said, (name, said)
    assert await shop.records.cases.page(guild.id) == []


@pytest.mark.parametrize("prepared", [ada_is_above_mia], indirect=True)
async def test_a_moderator_does_not_act_on_a_member_with_a_role_above_their_own(
    prepared: None, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, mia, guild = play.person("ada"), play.person("mia"), play.world.guild
    for name, options in acts_on(ada).items():
        said = await answered(await mia.slash("gallery", name, **options))
        assert "Their role is above yours" in said, (name, said)
    job = await shop.admit(an_order(FLAGGED, replace(ADA, guild_id=guild.id, member=MemberId(ada.id))))
    press = await mia.click(await posted(atelier, play, "atelier:1:case:ban:1"), label="press me")
    assert "Their role is above yours" in await answered(press)
    decision = Decision(outcome=Outcome.WARN, reason="x")
    max_ = replace(MIA, guild_id=guild.id, member=MemberId(1))
    await shop.casework.decide(1, max_, decision)
    for name in ("mod pardon", "mod case"):
        use = await mia.slash("gallery", name, number=1, reason="x")
        assert "Their role is above yours" in await answered(use)
    await shop.appeals.ask(1, MemberId(ada.id), "ada", "why?")
    press = await mia.click(await posted(atelier, play, "atelier:1:answer:upheld:1"), label="press me")
    assert "Their role is above yours" in await answered(press), "nor answers their appeal"
    case = await shop.records.cases.of_job(job.id)
    assert case is not None and (case.acted_by, case.reason) == (max_.member, "x")


async def test_a_moderator_does_not_note_on_their_own_case(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia, guild = play.person("mia"), play.world.guild
    max_ = replace(MIA, guild_id=guild.id, member=MemberId(1))
    await shop.casework.sanction(max_, MemberId(mia.id), "mia", Decision(outcome=Outcome.WARN, reason="x"))
    use = await mia.slash("gallery", "mod case", number=1, note="it was nothing")
    assert "That is about you" in await answered(use)
    shown: Message = await (await mia.slash("gallery", "mod case", number=1)).wait_for_message()
    assert "Case 1" in shown.texts and "it was nothing" not in shown.texts
