"""Answers that Discord does not take: told once more where that is possible, and never logged as a bug of the bot."""

import logging

import aiohttp
import discord
import pytest

from bot.client import Atelier
from bot.connection import ShortOutages
from bot.posted_message import is_our_fault
from playground.people.person import InteractionFailed
from playground.rest.api import Answer
from playground.server import Playground
from tests.bot.conftest import Shop, until
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

PAGE = Answer(200, "<html>Bad gateway</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize("name", ["queue", "history", "help"])
async def test_an_answer_that_comes_too_late_is_no_bug(
    play: Playground, atelier: Atelier, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    play.fail_next("POST", "/interactions/…", status=404, code=10062, times=2)
    use = await play.person("ada").slash("gallery", name)
    with pytest.raises(InteractionFailed):
        await use.wait_for_message()
    assert f"Discord failed in {name}: NotFound" in caplog.text
    assert " bug " not in caplog.text


async def test_an_answer_that_discord_did_not_take_is_told_again(
    play: Playground, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    play.fail_next("POST", "/interactions/…", status=429, has_via=False)
    use = await play.person("ada").slash("gallery", "queue")
    assert "Discord did not take the answer" in (await use.wait_for_message()).texts
    assert " bug " not in caplog.text


async def test_an_answer_that_discord_calls_wrong_is_a_bug(
    play: Playground, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    play.fail_next("POST", "/interactions/…", status=400, code=50035)
    use = await play.person("ada").slash("gallery", "queue")
    assert "Something broke on our side" in (await use.wait_for_message()).texts
    assert " bug " in caplog.text


async def test_a_page_in_place_of_discords_answer_costs_no_order(
    play: Playground, atelier: Atelier, busy: Shop, judge: Judge, caplog: pytest.LogCaptureFixture
) -> None:
    fault = play.fail_next("POST", "/interactions/…", status=200, is_after=True)
    fault.answer = PAGE
    await play.person("ada").slash("gallery", "imagine", prompt="a fox", images=1)
    await play.wait_for_message(lambda each: each.component(label="V1") is not None)
    await until(lambda: atelier.delivery.is_idle)
    assert len(await play.person("ada").sees("gallery")) == 1
    assert " bug " not in caplog.text
    judge.exchanges[:] = [each for each in judge.exchanges if each.answer != PAGE.body]


def test_a_missing_file_is_our_fault_and_a_lost_connection_is_not() -> None:
    assert is_our_fault(FileNotFoundError("a picture"))
    for error in (ConnectionResetError(), TimeoutError(), aiohttp.ServerDisconnectedError()):
        assert not is_our_fault(error)


@pytest.mark.parametrize("error", [aiohttp.ClientConnectionResetError("gone"), discord.GatewayNotFound()])
def test_a_lost_connection_is_one_line_of_the_log(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("tests.outages")
    log.addFilter(ShortOutages())
    log.error("Attempting a reconnect in %.2fs", 1.5, exc_info=error)
    log.error("a bug", exc_info=TypeError("a bug"))
    (line, bug) = caplog.records
    assert line.getMessage().startswith(f"Attempting a reconnect in 1.50s: {type(error).__name__}")
    assert (line.levelname, line.exc_info) == ("WARNING", None)
    assert bug.exc_info is not None
