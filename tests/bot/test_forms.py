"""A form of moderators or members that was open while the bot restarted is accepted, and its permission is checked again."""

from dataclasses import replace

import pytest

from bot.client import Atelier
from bot.studio.cases.cases import Decision
from db.appeals import Decision as Answer
from db.cases import Outcome
from db.jobs import ReplyTarget
from generation.request import JobId, MemberId, Prompt
from playground.people.person import Modal, Person, Use
from playground.server import Playground
from playground.world.guild import Role
from tests.bot.conftest import ADA, CHANNEL, MIA, Shop, an_order, until
from tests.bot.desk import FLAGGED
from tests.bot.test_old_messages import answered, posted
from tests.bot.ways_in import kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

REPORTED = 197038439483310555


async def opened(atelier: Atelier, play: Playground, person: Person, press: str) -> Modal:
    """Returns the form behind a button. discord.py has forgotten it, as after a restart."""
    message = await posted(atelier, play, f"atelier:1:{press}")
    form = await (await person.click(message, label="press me")).wait_for_modal()
    store = atelier._connection._view_store  # pyright: ignore[reportPrivateUsage]  # a restart forgets the form
    known = store._modals  # pyright: ignore[reportPrivateUsage]
    await until(lambda: known.pop(form.custom_id, None) is not None)
    return form


async def sent(person: Person, form: Modal, **entries: str) -> Use:
    use = await person.submit(form, entries)
    await use.wait_for_answer()
    assert not use.failed, form.custom_id
    return use


async def test_each_form_is_accepted_after_a_restart(shop: Shop, play: Playground, atelier: Atelier) -> None:
    ada, mia, guild = play.person("ada"), play.person("mia"), play.world.guild
    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada.id))
    max_ = replace(MIA, guild_id=guild.id, member=MemberId(1))
    for _ in range(3):
        await shop.admit(an_order(FLAGGED, actor))
        shop.clock.now += 2 * 3600  # so that the next order opens a case of its own
    for _ in range(2):
        await shop.casework.sanction(max_, actor.member, "ada", Decision(outcome=Outcome.WARN, reason="spam"))
    await shop.appeals.ask(4, actor.member, "ada", "why?")
    place = ReplyTarget(guild_id=guild.id, channel_id=CHANNEL, message_id=REPORTED)
    await kept(shop, Prompt(text="a quiet hill"), id=JobId("aaaaabbbbb"), place=place)

    await sent(mia, await opened(atelier, play, mia, "case:warn:1"), reason="be kind")
    form = await opened(atelier, play, mia, "case:timeout:2")
    assert form.custom_id == "atelier:1:decide:timeout:2"
    await sent(mia, form, reason="hush", span="2h")
    await sent(mia, await opened(atelier, play, mia, "case:ban:3"), reason="raids", span="", whose="bot")
    await sent(mia, await opened(atelier, play, mia, "answer:overturned:1"), answer="fair enough")
    await sent(ada, await opened(atelier, play, ada, "appeal:5"), why="it was for a play")
    form = await opened(atelier, play, ada, f"picture-report:{REPORTED}:0")
    assert "will look at it" in await answered(await ada.submit(form, {"reason": "it is mine"}))

    decided = [await shop.records.cases.get(number) for number in (1, 2, 3)]
    assert [(each.outcome, each.reason) for each in decided if each] == [
        ("warn", "be kind"),
        ("timeout", "hush"),
        ("ban", "raids"),
    ]
    assert decided[1] is not None and decided[1].expires_at == shop.clock() + 7200
    answer, asked = await shop.records.appeals.of_case(4), await shop.records.appeals.of_case(5)
    assert answer is not None and (answer.decision, answer.answer) == (Answer.OVERTURNED, "fair enough")
    assert asked is not None and asked.text == "it was for a play"
    [newest, *_] = await shop.records.cases.page(guild.id)
    [entry] = await shop.records.entries.of_case(newest.id)
    assert (newest.job, entry.text) == ("aaaaabbbbb", "it is mine")


@pytest.fixture
def senior(play: Playground) -> Role:
    """A role above every moderator's, which the bot reads when it logs in."""
    role = Role(id=play.world.snowflakes.next(), name="seniors", permissions=0, position=9)
    play.world.guild.roles[role.id] = role
    return role


async def test_a_form_is_no_way_around_permission_and_hierarchy(
    senior: Role, shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, mia, guild = play.person("ada"), play.person("mia"), play.world.guild
    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada.id))
    await shop.admit(an_order(FLAGGED, actor))
    for change, sentence in (
        (lambda: guild.members[ada.id].roles.append(senior.id), "Their role is above yours"),
        (lambda: guild.members[mia.id].roles.clear(), "Only moderators can do that"),
    ):
        form = await opened(atelier, play, mia, "case:warn:1")
        change()
        assert sentence in await answered(await mia.submit(form, {"reason": "late"}))
        guild.members[ada.id].roles.clear()
    case = await shop.records.cases.get(1)
    assert case is not None and case.is_open
