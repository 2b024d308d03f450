"""Buttons on messages posted by earlier releases keep working. Their custom_ids are written out here byte for byte."""

from dataclasses import replace

import pytest
from discord.http import Route

from bot.client import Atelier
from bot.studio.cases.cases import Decision
from bot.studio.errors import PromptRefused
from db.cases import Outcome
from db.jobs import ReplyTarget
from generation.request import JobId, MemberId, Prompt
from playground.people.person import Use
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import ADA, CHANNEL, MIA, Shop, an_order, until
from tests.bot.desk import FLAGGED
from tests.bot.test_ways_in import BUTTONS
from tests.bot.ways_in import kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

ADAS = {
    "atelier:1:up:aaaaabbbbb:0": "picture 1, upscaled",
    "atelier:1:vary:aaaaabbbbb:0": "variations of picture 1",
    **{
        f"atelier:1:{press}:aaaaabbbbb:0": "picture 1, zoomed out" if "zoom" in press else "picture 1, panned"
        for press in ("zoom15", "zoom20", "left", "right", "above", "below")
    },
    "atelier:1:square:aaaaabbbbb:0": "picture 1, made square",
    "atelier:1:subtle:aaaaabbbbb:0": "variations of picture 1",
    "atelier:1:strong:aaaaabbbbb:0": "variations of picture 1",
    "atelier:1:region:aaaaabbbbb:0": "The cells have these numbers",
    "atelier:1:cells:aaaaabbbbb:0": "Vary a region",
    "atelier:1:drawregion:aaaaabbbbb:0": "switched off",
    "atelier:1:drawn:aaaaabbbbb:0": "I have no region of yours",
    "atelier:1:up2:aaaaabbbbb:0": "picture 1, upscaled",
    "atelier:1:up4:aaaaabbbbb:0": "picture 1, upscaled",
    "atelier:1:reroll:aaaaabbbbb:0": "re-roll",
    "atelier:1:remix:aaaaabbbbb:0": "Remix",
    "atelier:1:delete:aaaaabbbbb:0": "another member",
    "atelier:1:cancel:aaaaabbbbb:0": "another member",
    "atelier:1:show:aaaaabbbbb:0": "another member",
    "atelier:1:ping:aaaaabbbbb:0": "another member",
    "atelier:1:send:aaaaabbbbb:0": "another member",
    "atelier:1:up:aaaaabbbbb:3": "removed or deleted",
    "atelier:1:creative:aaaaabbbbb:3": "removed or deleted",
    "atelier:1:page:history:0": "No pictures yet",
    "atelier:1:page:history:aaaaabbbbb": "No pictures yet",
    "atelier:1:page:styles:-": "no styles",
    "atelier:1:page:styles:ink": "no styles",
    "atelier:1:page:log:0.0.-.0.0": "moderators",
    "atelier:1:page:case:1.0": "moderators",
    "atelier:1:appeal:2": "Appeal in case 2",
    "atelier:1:forget:1": "another member's",
    "atelier:1:edit:1": "Edit the prompt",
    "atelier:1:draw:1": "not yours",
    "atelier:1:dismiss:1": "not yours",
    "atelier:1:try:a red apple:0": "a red apple",
    "atelier:1:surprise:0": "<@",
    "atelier:1:ideas:0": "Ideas for",
    "atelier:1:picture-subtle:197038439483310000:0": "removed or deleted",
    "atelier:1:picture-strong:197038439483310000:3": "removed or deleted",
    "atelier:1:picture-remix:197038439483310000:0": "Remix",
    "atelier:1:picture-edit:197038439483310000:0": "Edit",
    "atelier:1:picture-style:197038439483310000:0": "Use as style",
    "atelier:1:picture-verify:197038439483310000:0": "removed or deleted",
    "atelier:1:picture-report:197038439483310000:0": "no picture of mine",
    "atelier:1:picture-remove:197038439483310000:0": "moderators",
}
"""Maps a custom_id to a part of the answer: a sentence, a card, or a modal's title."""
MIAS = {
    "atelier:1:page:log:0.0.-.0.0": "Log · 2 records",
    "atelier:1:page:log:123456789012345678.0.r.1790000000.99": "Nothing matches",
    "atelier:1:page:log:s.0.0.0.0.-.1..NAKED wood": "Log · 1 record",
    "atelier:1:page:cases:0.-.0": "### Cases",
    "atelier:1:page:cases:0.o.1": "Nothing matches",
    "atelier:1:case:open:1": "### Case 4",
    "atelier:1:case:approve:1": "approved it",
    "atelier:1:case:remove:1": "removed",
    "atelier:1:case:escalate:1": "Escalated",
    "atelier:1:case:warn:1": "Warn ada · case 1",
    "atelier:1:case:timeout:1": "Time out ada · case 1",
    "atelier:1:case:ban:1": "Ban ada · case 1",
    "atelier:1:case:history:1": "### History of case 1 · page 1 of 1",
    "atelier:1:page:case:2.7": "decided: warn: spam",
    "atelier:1:case:confirm:1": "Nothing is proposed",
    "atelier:1:proposal:confirm:1:7": "Nothing is proposed",
    "atelier:1:case:next:0": "### Case 1",
    "atelier:1:case:next:1": "No other open case",
    "atelier:1:folded:approve:1:1": "approved it",
    "atelier:1:folded:remove:1:1": "removed",
    "atelier:1:cases:show:1": "### 1 open case of",
    "atelier:1:cases:approve:1": "1 case of 1 member: approved",
    "atelier:1:cases:remove:1": "1 case of 1 member: removed",
    "atelier:1:cases:warn:1": "Warn · 1 case",
    "atelier:1:cases:timeout:1": "Time out · 1 case",
    "atelier:1:cases:ban:1": "Ban · 1 case",
    "atelier:1:raid:show:1": "No case of this list",
    "atelier:1:raid:remove:1": "No case of this list",
    "atelier:1:raid:timeout:1": "No case of this list",
    "atelier:1:raid:ban:1": "No case of this list",
    "atelier:1:answer:upheld:1": "Uphold case 3",
    "atelier:1:answer:overturned:1": "Overturn case 3",
    "atelier:1:log-channel:1": "I lack the permission",
}


async def posted(atelier: Atelier, play: Playground, custom_id: str) -> Message:
    """Posts a message as an earlier process did: discord.py in this process has never seen its button."""
    button = {"type": 2, "style": 2, "label": "press me", "custom_id": custom_id}
    body = {"flags": 1 << 15, "components": [{"type": 1, "components": [button]}]}
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=play.channel("gallery").id)
    await atelier.http.request(route, json=body)
    return await play.wait_for_message(lambda each: each.component(custom_id=custom_id) is not None)


async def rows(shop: Shop, atelier: Atelier, ada: int) -> None:
    """Creates a gallery of another member, Ada's refusal (1), and her cases: the first is open, the third has an appeal."""
    [guild] = atelier.guilds
    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada))
    max_ = replace(MIA, guild_id=guild.id, member=MemberId(1))
    place = ReplyTarget(guild_id=guild.id, channel_id=CHANNEL)
    await kept(shop, Prompt(text="a quiet hill"), id=JobId("aaaaabbbbb"), place=place)
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a naked woodcutter", actor))
    await shop.admit(an_order(FLAGGED, actor))
    for _ in range(2):
        await shop.casework.sanction(max_, actor.member, "ada", Decision(outcome=Outcome.WARN, reason="spam"))
    await shop.appeals.ask(3, actor.member, "ada", "why?")


async def answered(use: Use) -> str:
    """Returns the visible answer."""
    await use.wait_for_answer()
    assert not use.failed
    return (await use.wait_for_modal()).title if use.message is None else (await use.wait_for_message()).texts


@pytest.mark.parametrize(
    ("name", "custom_id", "said"),
    [(name, *each) for name, ids in (("ada", ADAS), ("mia", MIAS)) for each in ids.items()],
)
async def test_a_button_of_an_earlier_release_is_answered(
    shop: Shop, play: Playground, atelier: Atelier, name: str, custom_id: str, said: str
) -> None:
    await rows(shop, atelier, play.person("ada").id)
    message = await posted(atelier, play, custom_id)
    assert said in await answered(await play.person(name).click(message, custom_id=custom_id))


async def test_a_form_of_an_earlier_release_is_answered(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await rows(shop, atelier, play.person("ada").id)
    message = await posted(atelier, play, "atelier:1:remix:aaaaabbbbb:0")
    form = await (await play.person("ada").click(message, label="press me")).wait_for_modal()
    assert form.custom_id == "atelier:1:remixed:aaaaabbbbb:0"
    store = atelier._connection._view_store  # pyright: ignore[reportPrivateUsage]  # a restart forgets the form
    known = store._modals  # pyright: ignore[reportPrivateUsage]
    await until(lambda: known.pop(form.custom_id, None) is not None)
    assert "remixed from picture 1" in await answered(await play.person("ada").submit(form))


def test_every_action_is_pressed() -> None:
    pressed = " ".join((*ADAS, *MIAS))
    assert [each for kind in BUTTONS for each in kind.actions if f"atelier:1:{each}:" not in pressed] == []
