"""An order that arrives when there are too many is refused at once, by a request of its own."""

import asyncio
from typing import Any

import pytest

from bot.client import Atelier
from bot.gallery.intake import ORDERS
from bot.studio.errors import TooBusy
from playground.server import Playground
from tests.bot.conftest import Shop
from tests.bot.forger import Forger
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

SAID = "There are more orders at the moment than I can answer."


@pytest.fixture
def overloaded(atelier: Atelier, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise TooBusy

    monkeypatch.setattr(atelier.delivery.intake, "demand_time", refuse)


def answers(judge: Judge) -> list[dict[str, Any]]:
    """Returns the queries of the requests that answered an interaction."""
    return [each.query for each in judge.exchanges if each.path.endswith("/callback")]


@pytest.mark.usefixtures("overloaded")
async def test_every_command_that_orders_is_refused_before_its_options_are_read(
    play: Playground, atelier: Atelier, shop: Shop, judge: Judge
) -> None:
    forger, ada = Forger(play, atelier), play.person("ada")
    for command in ORDERS:
        assert SAID in await forger.command(ada, command, [])
    seen = await ada.sees("gallery")
    assert len(seen) == len(ORDERS) and all(each.is_ephemeral for each in seen)
    assert answers(judge) == [{}] * len(ORDERS), "Discord sends no message back"
    assert await shop.records.database.reader.all("SELECT 1 FROM jobs") == []


@pytest.mark.usefixtures("overloaded")
@pytest.mark.parametrize("status", [429, 502])
async def test_a_refusal_that_discord_does_not_take_is_sent_again(
    play: Playground, judge: Judge, status: int
) -> None:
    play.fail_next("POST", "/interactions/…", status=status)
    use = await play.person("ada").slash("gallery", "imagine", prompt="a fox")
    assert SAID in (await use.wait_for_message()).texts
    assert len(answers(judge)) == 2


@pytest.mark.usefixtures("overloaded")
async def test_no_answer_is_sent_when_discord_would_not_take_it(
    play: Playground, atelier: Atelier, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    def is_over(_: object) -> bool:
        asked.set()
        return True

    monkeypatch.setattr(atelier.delivery.intake, "is_over", is_over)
    await play.person("ada").slash("gallery", "imagine", prompt="a fox")
    await asyncio.wait_for(asked.wait(), 10)
    monkeypatch.setattr(atelier.delivery.intake, "is_over", lambda _: False)  # pyright: ignore[reportUnknownLambdaType]
    await (await play.person("ada").slash("gallery", "queue")).wait_for_answer()
    assert len(answers(judge)) == 1, "of /queue"


@pytest.mark.usefixtures("overloaded")
async def test_suggestions_are_given_all_the_same(play: Playground, atelier: Atelier) -> None:
    assert await Forger(play, atelier).suggestions(play.person("ada"), "imagine", "sm", "model")
