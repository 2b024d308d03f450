"""Orders that can't be answered in time are not taken, and a double press is one press."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.client import Atelier
from bot.gallery.intake import LATEST, Intake
from bot.studio.errors import TooBusy
from generation.request import MemberId
from playground.people.person import Use
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.conftest import ADA, Shop, ended, until

pytestmark = pytest.mark.timeout(60)

NOON = 1_790_000_000.0  # unix seconds, on Discord's clock


class Watch:
    """A clock that only tests change."""

    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


def sent(at: float) -> discord.Interaction[Any]:
    """Returns an interaction that Discord made at that time. Only its id is read."""
    id = discord.utils.time_snowflake(discord.utils.utcnow().fromtimestamp(NOON + at).astimezone())
    return cast("discord.Interaction[Any]", SimpleNamespace(id=id))


async def taken(intake: Intake, at: float) -> bool:
    try:
        async with intake.admission(sent(at)):
            return True
    except TooBusy:
        return False


async def test_an_order_that_is_too_old_is_not_taken() -> None:
    watch = Watch()
    intake = Intake(watch)
    assert await taken(intake, 0)
    watch.now += 10
    assert await taken(intake, 10 - LATEST + 0.1)
    assert not await taken(intake, 10 - LATEST - 0.1)


@pytest.mark.parametrize("ahead", [-3600.0, -3.0, 3.0, 3600.0])
async def test_a_clock_that_is_wrong_refuses_no_member(ahead: float) -> None:
    watch = Watch()
    intake = Intake(watch)
    for second in range(20):
        watch.now = 500.0 + second
        assert await taken(intake, second - ahead)


async def test_a_clock_that_runs_away_refuses_no_member() -> None:
    watch = Watch()
    intake = Intake(watch)
    for hour in range(100):
        watch.now = 500.0 + hour * 3600 * 1.0001
        assert await taken(intake, hour * 3600)


async def test_the_first_come_are_admitted_first_and_no_later_than_they_can_be_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.gallery.intake._TURN_BY", 0.2)
    monkeypatch.setattr("bot.gallery.intake._AT_ONCE", 1)
    intake, admitted, done = Intake(Watch()), list[int](), asyncio.Event()

    async def order(number: int) -> None:
        async with intake.admission(sent(0)):
            admitted.append(number)
            await done.wait()

    orders = [asyncio.create_task(order(number)) for number in range(3)]
    results = await asyncio.wait_for(asyncio.gather(*orders[1:], return_exceptions=True), 20)
    assert [type(each) for each in results] == [TooBusy, TooBusy], "they waited as long as they could"
    done.set()
    await orders[0]
    assert admitted == [0]
    assert await taken(intake, 0), "no place is lost"


# ---- double presses


async def gallery_of(play: Playground) -> Message:
    await play.person("ada").slash("gallery", "imagine", prompt="a fox", images=1)
    return await play.wait_for_message(lambda message: message.component(label="V1") is not None)


async def orders_of(shop: Shop) -> list[str]:
    rows = await shop.records.database.reader.all("SELECT action FROM jobs ORDER BY created_at, id")
    return [row["action"] for row in rows]


async def pressed(uses: list[Use]) -> None:
    for use in uses:
        await use.wait_for_answer()
        assert not use.failed


@pytest.mark.slow
@pytest.mark.parametrize(("button", "presses"), [("vary", 2), ("reroll", 5)])
async def test_a_button_pressed_twice_at_once_is_one_order(
    play: Playground, atelier: Atelier, busy: Shop, button: str, presses: int
) -> None:
    gallery, ben = await gallery_of(play), play.person("ben")
    custom_id = next(
        each["custom_id"] for each in gallery.components if f":{button}:" in each.get("custom_id", "")
    )
    await pressed([await ben.click(gallery, custom_id=custom_id) for _ in range(presses)])
    await until(lambda: atelier.delivery.is_idle)
    assert len(await orders_of(busy)) == 2


@pytest.mark.slow
async def test_presses_of_others_and_later_ones_are_orders_of_their_own(
    play: Playground, atelier: Atelier, busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, ada, ben = await gallery_of(play), play.person("ada"), play.person("ben")
    await pressed([await person.click(gallery, label="U1") for person in (ada, ben)])
    monkeypatch.setattr("bot.gallery.intake._SAME_PRESS", 0.0)
    await pressed([await ben.click(gallery, label="U1")])
    await until(lambda: atelier.delivery.is_idle)
    assert await orders_of(busy) == ["imagine", "upscale", "upscale", "upscale"]


def test_a_refused_press_may_be_repeated_at_once() -> None:
    intake = Intake(Watch())
    press = cast(
        "discord.Interaction[Any]",
        SimpleNamespace(data={"custom_id": "a"}, user=SimpleNamespace(id=1), message=SimpleNamespace(id=2)),
    )
    with suppress(TooBusy), intake.press(press) as is_new:
        assert is_new
        raise TooBusy
    with intake.press(press) as is_new:
        assert is_new
    with intake.press(press) as is_new:
        assert not is_new


async def test_an_order_behind_too_many_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.gallery.intake._AT_ONCE", 1)
    watch = Watch()
    intake, done = Intake(watch), asyncio.Event()
    for _ in range(100):
        began = watch.now
        watch.now += 0.4
        intake.answered(began)

    async def order() -> None:
        async with intake.admission(sent(watch.now - 500.0)):
            await done.wait()

    waiting = [asyncio.create_task(order()) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        intake.demand_time(sent(watch.now - 500.0))
    done.set()
    await asyncio.gather(*waiting)
    intake.demand_time(sent(watch.now - 500.0))


async def test_while_orders_are_refused_the_others_wait_for_a_shorter_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.gallery.intake._AT_ONCE", 1)
    watch = Watch()
    intake, is_held = Intake(watch), asyncio.Event()

    async def hold() -> None:
        async with intake.admission(sent(0)):
            is_held.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await is_held.wait()
    watch.now += 1
    intake.demand_time(sent(0))
    watch.now += 2
    with pytest.raises(TooBusy):
        intake.demand_time(sent(0))
    with pytest.raises(TooBusy):
        intake.demand_time(sent(2))
    watch.now += 10
    intake.demand_time(sent(12))
    await ended(holding)


async def test_what_discord_takes_no_answer_to_is_over() -> None:
    watch = Watch()
    intake = Intake(watch)
    assert not intake.is_over(sent(0))
    watch.now += 10
    assert not intake.is_over(sent(7.1))
    assert intake.is_over(sent(6.9))


async def test_an_order_that_became_too_old_while_it_was_screened_is_refused() -> None:
    watch = Watch()
    intake = Intake(watch)
    async with intake.admission(sent(0)):
        intake.demand_answer(sent(0))
        watch.now += LATEST + 0.1
        with pytest.raises(TooBusy):
            intake.demand_answer(sent(0))


@pytest.mark.slow
async def test_an_order_that_became_too_old_is_neither_recorded_nor_charged(
    play: Playground, atelier: Atelier, busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(_: object) -> None:
        raise TooBusy

    monkeypatch.setattr(atelier.delivery.intake, "demand_answer", too_late)
    ada = play.person("ada")
    use = await ada.slash("gallery", "imagine", prompt="a fox", images=1)
    assert "more orders at the moment" in (await use.wait_for_message()).texts
    assert await orders_of(busy) == []
    assert await busy.spent(replace(ADA, member=MemberId(ada.id))) == 0
