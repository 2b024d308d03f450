"""The data that the page receives, and the requests that it may make."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import aiohttp
import pytest

from playground.server import Playground
from playground.world.values import Json
from tests.playground.little_bot import LittleBot, png, running

pytestmark = pytest.mark.timeout(20)


class Page:
    """A browser without a screen."""

    def __init__(self, play: Playground, session: aiohttp.ClientSession) -> None:
        self.play = play
        self._session = session

    async def get(self, path: str) -> Json:
        async with self._session.get(self.play.page_url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, Json]:
        async with self._session.post(self.play.page_url + path, json=body) as answer:
            return answer.status, await answer.json()

    async def use(self, name: str, options: list[Json], **more: Any) -> tuple[int, Json]:
        data = {"name": name, "type": 1, "options": options}
        gallery = str(self.play.channel("gallery").id)
        body: Json = {"as": str(self.play.person("ada").id), "channel_id": gallery, "type": 2, "data": data}
        return await self.post("play/interactions", body | more)

    def listen(self, name: str) -> Any:
        return self._session.ws_connect(f"{self.play.page_url}play/ws?as={self.play.person(name).id}")


@pytest.fixture
async def page(play: Playground) -> AsyncGenerator[Page, None]:
    async with aiohttp.ClientSession() as session:
        yield Page(play, session)


async def frame(socket: aiohttp.ClientWebSocketResponse, name: str) -> Json:
    """Returns the body of the next frame with that name."""
    while True:
        found = await socket.receive_json(timeout=5)
        if found["t"] == name:
            return found["d"]


async def test_members_and_moderators_see_different_rooms_and_commands(page: Page, bot: LittleBot) -> None:
    for name, rooms, has_mod in (
        ("ada", ["gallery", "after-dark"], False),
        ("mia", ["gallery", "after-dark", "mod-log"], True),
    ):
        state = await page.get(f"play/state?as={page.play.person(name).id}")
        assert [each["name"] for each in state["channels"]] == rooms
        assert ("mod" in [each["name"] for each in state["commands"] if each["in_guild"]]) is has_mod
        assert state["me"]["is_moderator"] is has_mod
    assert [each["username"] for each in state["users"]] == ["ada", "ben", "mia", "Atelier"]
    assert state["bot"]["status"] == "online" and state["bot"]["activity"] == "Painting"
    assert (await page.get("play/state"))["me"]["username"] == "ada"


async def test_the_page_uses_a_command_and_hears_of_the_answer(page: Page, bot: LittleBot) -> None:
    async with page.listen("ada") as socket:
        status, use = await page.use("draw", [{"name": "prompt", "type": 3, "value": "a fox"}])
        assert status == 200
        assert (await frame(socket, "MESSAGE_CREATE"))["content"].startswith("a fox")
        assert (await frame(socket, "INTERACTION_DONE"))["id"] == use["id"]


async def test_half_a_surrogate_pair_does_not_deafen_the_gateway(page: Page, bot: LittleBot) -> None:
    async with page.listen("ada") as socket:
        for typed, shown in (
            ("half \ud83d a fox", "half \ufffd a fox"),
            ("a whole \U0001f98a", "a whole \U0001f98a"),
        ):
            status, _ = await page.use("draw", [{"name": "prompt", "type": 3, "value": typed}])
            assert status == 200
            assert (await frame(socket, "MESSAGE_CREATE"))["content"].startswith(shown)
        gallery = str(page.play.channel("gallery").id)
        said, _ = await page.post("play/messages", {"channel_id": gallery, "content": "\udd8a"})
        assert said == 200
        assert (await frame(socket, "MESSAGE_CREATE"))["content"] == "\ufffd"
    assert page.play.gateway.is_online


async def test_a_form_opens_for_its_person_alone_and_is_sent_back(page: Page, bot: LittleBot) -> None:
    async with page.listen("ada") as ada, page.listen("ben") as ben:
        await page.use("note", [])
        modal = await frame(ada, "MODAL")
        (label,) = modal["components"]
        entry = {"type": 4, "custom_id": label["component"]["custom_id"], "value": "hi"}
        data = {
            "custom_id": modal["custom_id"],
            "components": [{"type": 18, "component": entry}],
            "interaction_id": modal["interaction_id"],
        }
        body = {"as": "ada", "channel_id": str(page.play.channel("gallery").id), "type": 5, "data": data}
        assert (await page.post("play/interactions", body))[0] == 200
        first = await ben.receive_json(timeout=5)
        assert first["t"] == "MESSAGE_CREATE" and first["d"]["content"] == "noted: hi"


async def test_the_ephemeral_answers_of_others_are_not_sent(page: Page, bot: LittleBot) -> None:
    async with page.listen("ben") as ben:
        await page.use("whisper", [])
        await page.play.wait_for_message(lambda each: each.content == "psst", timeout=5)
        await page.play.person("ada").say("gallery", "aloud")
        assert (await ben.receive_json(timeout=5))["d"]["content"] == "aloud"
    state = await page.get(f"play/state?as={page.play.person('ben').id}")
    assert [each["content"] for each in state["messages"][str(page.play.channel("gallery").id)]] == ["aloud"]


async def test_suggestions_come_as_choices(page: Page, bot: LittleBot) -> None:
    options = [{"name": "model", "type": 3, "value": "sk", "focused": True}]
    status, body = await page.use("draw", options, type=4)
    assert (status, body["choices"]) == (200, [{"name": "Sketch", "value": "sketch"}])


async def test_wrong_input_is_answered_with_a_sentence(page: Page, bot: LittleBot) -> None:
    status, body = await page.use("draw", [])
    assert (status, body["message"]) == (400, "prompt: this option is required.")
    status, body = await page.use("mod", [{"name": "log", "type": 1}])
    assert (status, body["message"]) == (400, "You may not use mod here.")
    status, body = await page.use("draw", [], type=3, message_id="1")
    assert (status, body["message"]) == (400, "That message is gone.")


async def test_an_upload_becomes_an_option(page: Page, bot: LittleBot) -> None:
    form = aiohttp.FormData()
    form.add_field("file", png(side=32), filename="me.png", content_type="image/png")
    ada = page.play.person("ada").id
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{page.play.page_url}play/uploads?as={ada}", data=form) as answer,
    ):
        upload = await answer.json()
    assert upload["width"] == 32
    options: list[Json] = [
        {"name": "prompt", "type": 3, "value": "me"},
        {"name": "likeness", "type": 11, "value": upload["id"]},
    ]
    assert (await page.use("draw", options))[0] == 200
    await page.play.wait_for_message(lambda each: str(len(png(side=32))) in each.content, timeout=5)


async def test_without_the_bot_the_page_says_so(page: Page, play: Playground) -> None:
    async with running(play):
        pass
    await play.wait_until_offline(5)
    status, body = await page.use("whisper", [])
    assert (status, body["message"]) == (400, "The application is offline.")
    assert (await page.get("play/state"))["bot"]["status"] == "offline"
    assert (await page.post("play/bot", {"action": "start"}))[0] == 409


async def test_a_handle_on_the_bot_is_used(point_at: Callable[[Playground], None]) -> None:
    class Control:
        def __init__(self) -> None:
            self.calls: list[str] = []

        @property
        def is_running(self) -> bool:
            return self.calls[-1:] == ["start"]

        async def start(self) -> None:
            self.calls.append("start")

        async def stop(self) -> None:
            self.calls.append("stop")

        async def kill(self) -> None:
            self.calls.append("kill")

    control = Control()
    async with Playground.open(bot_control=control) as play, aiohttp.ClientSession() as session:
        page = Page(play, session)
        for action, shown in (("start", "starting"), ("stop", "offline"), ("kill", "offline")):
            status, body = await page.post("play/bot", {"action": action})
            assert status == 200 and body["controllable"]
            assert body["status"] == (await page.get("play/bot"))["status"] == shown
        assert (await page.post("play/bot", {"action": "dance"}))[0] == 400
    assert control.calls == ["start", "stop", "kill"]


async def test_older_messages_are_paged(page: Page, play: Playground) -> None:
    ada = play.person("ada")
    said = [(await ada.say("gallery", str(number))).id for number in range(60)]
    state = await page.get("play/state")
    gallery = str(play.channel("gallery").id)
    shown = state["messages"][gallery]
    assert [int(each["id"]) for each in shown] == said[10:]
    older = await page.get(f"play/messages?channel_id={gallery}&before={shown[0]['id']}")
    assert [int(each["id"]) for each in older["messages"]] == said[:10]


async def test_a_member_writes_and_can_not_write_nothing(page: Page) -> None:
    gallery = str(page.play.channel("gallery").id)
    status, message = await page.post("play/messages", {"as": "ben", "channel_id": gallery, "content": "hi"})
    assert status == 200 and message["author"]["username"] == "ben"
    assert (await page.post("play/messages", {"as": "ben", "channel_id": gallery, "content": " "}))[0] == 400
    hidden = str(page.play.channel("mod-log").id)
    assert (await page.post("play/messages", {"as": "ben", "channel_id": hidden, "content": "hi"}))[0] == 400


async def test_scripts_of_other_sites_are_turned_away(page: Page) -> None:
    async with aiohttp.ClientSession(headers={"Origin": "http://elsewhere.example"}) as session:
        async with session.get(page.play.page_url + "play/state") as answer:
            assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(page.play.page_url + "play/ws")
    async with (
        aiohttp.ClientSession(headers={"Origin": page.play.page_url.rstrip("/")}) as session,
        session.get(page.play.page_url + "play/state") as answer,
    ):
        assert answer.status == 200
