"""Recorded payloads of real Discord, sent through a real socket to discord.py and compared with the playground's payloads."""

import json
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import discord
import pytest

from playground.server import Playground
from playground.world.values import Json, as_dict
from tests.data_folder import DATA_FOLDER
from tests.playground.little_bot import LittleBot

FOLDER = DATA_FOLDER / "discord"
FILES = [FOLDER / f"recorded_interactions_{year}.json" for year in (2025, 2026)]
pytestmark = [
    pytest.mark.timeout(20),
    pytest.mark.skipif(
        not all(file.is_file() for file in FILES),
        reason=f"the recorded payloads are not in {FOLDER} (ATELIER_TEST_DATA)",
    ),
]

EVENTS = {"MESSAGE_CREATE", "THREAD_CREATE", "MESSAGE_REACTION_ADD"}

# Fields in real payloads that none of our clients reads.
NOT_SENT = {
    "clan",
    "display_name_styles",
    "unusual_dm_activity_until",
    "content_scan_version",
    "collectibles",
    "display_name",
}


def recorded() -> dict[str, Json]:
    found: dict[str, Json] = {}
    for file in FILES:
        for name, body in json.loads(file.read_text("utf-8")).items():
            if name not in ("metadata", "dmButtonClick"):
                found[name] = body
    return found


def interactions() -> dict[str, Json]:
    complete = {"attachment_size_limit", "application_id", "data"}
    return {
        name: body
        for name, body in recorded().items()
        if body.keys() >= complete and str(body["id"]).isdecimal()  # the others were written by hand
    }


def events() -> list[tuple[str, Json]]:
    named = [(str(body.get("type")).removeprefix("GATEWAY_"), body) for body in recorded().values()]
    return [(name, body["data"]) for name, body in named if name in EVENTS]


@pytest.fixture
async def play(point_at: Callable[[Playground], None]) -> AsyncGenerator[Playground, None]:
    """A playground without the judge: recorded payloads differ from Discord's current description."""
    async with Playground.open() as play:
        point_at(play)
        yield play


async def test_recorded_interactions_reach_the_client(play: Playground, bot: LittleBot) -> None:
    await bot.wait_until_ready()
    sent = interactions()
    assert len(sent) >= 6
    for body in sent.values():
        play.gateway.dispatch("INTERACTION_CREATE", body, None)
    await play.world.changed.wait_until(lambda: len(bot.seen) == len(sent) or None, 5)
    assert {each.id for each in bot.seen} == {int(body["id"]) for body in sent.values()}
    clicked = [each for each in bot.seen if each.type is discord.InteractionType.component]
    assert all(each.message is not None and each.message.components for each in clicked)


async def test_recorded_events_reach_the_client(
    play: Playground, bot: LittleBot, caplog: pytest.LogCaptureFixture
) -> None:
    await bot.wait_until_ready()
    sent = events()
    assert len(sent) >= 10
    with caplog.at_level(logging.ERROR):
        for name, body in sent:
            play.gateway.dispatch(name, body, None)
        use = await play.person("ada").slash("gallery", "whisper")
        await use.wait_for_message(5)
    assert not caplog.records


async def test_a_click_carries_every_field_that_a_recorded_one_carried(
    play: Playground, bot: LittleBot
) -> None:
    ada = play.person("ada")
    message = await (await ada.slash("gallery", "draw", prompt="a fox")).wait_for_message(5)
    use = await ada.click(message, label="Form")
    await use.wait_for_modal(5)
    ours, theirs = use.interaction.payload, recorded()["buttonClickHello"]
    # The recorded click was in a thread, so its channel fields are compared with a recorded text channel.
    channel = recorded()["sampleCommandInteraction2"]["channel"]
    assert missing(theirs | {"channel": channel}, ours) == set()


def missing(theirs: Any, ours: Any, path: str = "") -> set[str]:
    """Returns the fields of a recorded payload that ours lacks, by path. List items are compared with their first item."""
    if isinstance(theirs, list) and isinstance(ours, list) and theirs and ours:
        return missing(theirs[0], ours[0], f"{path}[]")
    found: set[str] = set()
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, value in as_dict(theirs).items():
            if key in NOT_SENT:
                continue
            if key not in ours:
                found.add(f"{path}.{key}")
            else:
                found |= missing(value, ours[key], f"{path}.{key}")
    return found
