"""Everything that happened in the playground is still there after a kill at any moment."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from playground.server import Playground
from playground.world.messages import MESSAGES_A_CHANNEL
from tests.playground.little_bot import running

pytestmark = pytest.mark.timeout(30)

ROOT = Path(__file__).parents[3]

# Writes messages forever and prints each one's number only after it was written.
SCRIBE = """
import asyncio, sys
from pathlib import Path
from playground.server import Playground

async def main():
    async with Playground.open(folder=Path(sys.argv[1])) as play:
        for number in range(10_000):
            await play.person("ada").say("gallery", str(number))
            print(number, flush=True)

asyncio.run(main())
"""


async def test_a_restarted_playground_knows_everybody_and_everything(tmp_path: Path) -> None:
    async with Playground.open(folder=tmp_path) as play:
        zoe = play.add_member("zoe")
        spoken = await zoe.say("gallery", "hello")
        token, guild = play.token, play.world.guild.id
    async with Playground.open(folder=tmp_path) as play:
        assert (play.token, play.world.guild.id) == (token, guild)
        (kept,) = await play.person("ada").sees("gallery")
        assert kept.json == spoken.json and play.person("zoe").id == zoe.id
        assert (await play.person("ada").say("gallery", "again")).id > kept.id


async def test_an_old_button_works_after_both_were_restarted(
    tmp_path: Path, point_at: Callable[[Playground], None]
) -> None:
    async with Playground.open(folder=tmp_path) as play:
        point_at(play)
        async with running(play) as bot:
            bot.go_on.set()
            gallery = await (await play.person("ada").slash("gallery", "later")).wait_for_message(5)
            whisper = await (await play.person("ada").slash("gallery", "whisper")).wait_for_message(5)
    async with Playground.open(folder=tmp_path) as play:
        point_at(play)
        async with running(play):
            ada, ben = play.person("ada"), play.person("ben")
            assert whisper.id in {each.id for each in await ada.sees("gallery")}
            assert whisper.id not in {each.id for each in await ben.sees("gallery")}
            old = await play.wait_for_message(lambda each: each.id == gallery.id, timeout=1)
            assert (await (await ben.click(old, label="Again")).wait_for_message(5)).content == "again"
            media = next(each for each in old.components if each["type"] == 12)["items"][0]["media"]
            async with aiohttp.ClientSession() as session, session.get(media["url"]) as answer:
                assert answer.status == 200, "addresses follow the playground to its new port"


async def test_a_token_outlives_a_restart(tmp_path: Path, point_at: Callable[[Playground], None]) -> None:
    async with Playground.open(folder=tmp_path) as play:
        point_at(play)
        async with running(play) as bot:
            use = await play.person("ada").slash("gallery", "draw", prompt="a fox")
            await use.wait_for_message(5)
            interaction = bot.seen[0]
    async with Playground.open(folder=tmp_path) as play:
        path = f"/webhooks/{play.world.application_id}/{interaction.token}/messages/@original"
        async with (
            aiohttp.ClientSession() as session,
            session.patch(play.api_url + path, json={"content": "after"}) as answer,
        ):
            assert answer.status == 200
        assert [each.content for each in await play.person("ada").sees("gallery")] == ["after"]


async def test_nothing_that_was_said_is_lost_by_a_kill(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIBE, str(tmp_path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = ""
    while not said.startswith("40"):
        said = (await process.stdout.readline()).decode() or pytest.fail("the scribe stopped early")
    process.kill()
    rest = (await process.stdout.read()).decode().split()
    await process.wait()
    last = int(rest[-1]) if rest else int(said)
    async with Playground.open(folder=tmp_path) as play:
        kept = [int(each.content) for each in await play.person("ben").sees("gallery")]
    assert kept[-1] >= last
    assert kept == list(range(kept[0], kept[-1] + 1)) and (kept[0] == 0 or len(kept) == MESSAGES_A_CHANNEL)


async def test_a_given_token_names_the_application(tmp_path: Path) -> None:
    token = "MTIzNDU2Nzg5MDEyMzQ1Njc4.abc.defghi"
    async with Playground.open(folder=tmp_path, token=token) as play:
        assert play.token == token and play.world.application_id == 123456789012345678
    with pytest.raises(ValueError, match="base64"):
        async with Playground.open(token="!"):
            pass
