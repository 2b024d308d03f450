"""A press or a form is always answered with a sentence, also when it is forged or of another release."""

import pytest

from bot.client import Atelier
from bot.routes import Routes
from db.jobs import ReplyTarget
from generation.request import ImageSize, JobId, Prompt
from playground.server import Playground
from tests.bot.conftest import Shop
from tests.bot.test_old_messages import answered, posted
from tests.bot.ways_in import kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

BUG = "Something broke on our side"


async def test_a_press_without_a_route_gets_a_sentence(play: Playground, atelier: Atelier) -> None:
    message = await posted(atelier, play, "atelier:1:reroll:aaaaabbbbb:0")
    atelier.routes = Routes()
    assert BUG in await answered(await play.person("ada").click(message, label="press me"))


def allow_everything(*_: object) -> None:
    """Replaces the check of a form's entries."""


@pytest.mark.parametrize("forged", [{"image": "9"}, {"image": "x"}, {"change": "all of it"}], ids=str)
async def test_a_forged_remix_starts_as_the_form_itself_does(
    shop: Shop, play: Playground, atelier: Atelier, monkeypatch: pytest.MonkeyPatch, forged: dict[str, str]
) -> None:
    # Discord's client sends only what a menu offers.
    monkeypatch.setattr("playground.people.client_input.check_entries", allow_everything)
    ada = play.person("ada")
    place = ReplyTarget(guild_id=play.world.guild.id, channel_id=play.channel("gallery").id, token="a token")
    job = await kept(shop, Prompt(text="a quiet hill"), id=JobId("aaaaabbbbb"), place=place)
    async with shop.records.database.transaction() as tx:
        size = ImageSize(width=16, height=16)
        await shop.records.pictures.store(
            tx, job=job.id, index=1, content=b"another picture", size=size, seed=2, at=0.0
        )
    message = await posted(atelier, play, "atelier:1:remix:aaaaabbbbb:0")
    form = await (await ada.click(message, label="press me")).wait_for_modal()
    said = await answered(await ada.submit(form, {"prompt": "a calm sea"} | forged))
    assert "remixed from picture 1" in said and BUG not in said
