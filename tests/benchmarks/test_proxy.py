"""The proxy of the fault bench breaks answers as it says: before the deed, or after it."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import pytest

from benchmarks.faults import proxy as proxies
from benchmarks.faults.proxy import ANSWERS, SPOILT, Proxy, Spoilt, kinds_of
from playground.server import Playground

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@dataclass(frozen=True, slots=True)
class Line:
    """A bot's requests through the proxy."""

    play: Playground
    proxy: Proxy
    session: aiohttp.ClientSession

    async def post(self) -> tuple[int, str]:
        """Posts a message. Returns status and body, or 0 when the connection was cut."""
        url = f"{self.proxy.api_url}/channels/{self.play.channel('gallery').id}/messages"
        try:
            async with self.session.post(
                url, json={"content": "hello"}, headers={"Authorization": f"Bot {self.play.token}"}
            ) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    @property
    def posted(self) -> int:
        return len(self.play.world.messages.of(self.play.channel("gallery").id))


@pytest.fixture
async def line() -> AsyncGenerator[Line]:
    async with (
        Playground.open() as play,
        Proxy.open(play.world.address, random.Random(1)) as proxy,
        aiohttp.ClientSession() as session,
    ):
        yield Line(play, proxy, session)


async def test_in_fair_weather_every_answer_passes(line: Line) -> None:
    status, body = await line.post()
    assert (status, json.loads(body)["content"], line.posted) == (200, "hello", 1)


@pytest.mark.parametrize("fault", [each for each in SPOILT if each.of != ANSWERS], ids=lambda each: each.name)
async def test_a_broken_answer_is_broken_before_or_after_the_deed(
    line: Line, fault: Spoilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_this_kind(method: str, path: str, content_type: str) -> set[str]:
        return {fault.of}

    monkeypatch.setattr(proxies, "SPOILT", (fault,))
    monkeypatch.setattr(proxies, "kinds_of", of_this_kind)
    line.proxy.share = 1.0
    status, body = await line.post()
    if fault.late[1]:
        assert (status, line.posted) == (200, 1)
        return
    assert line.posted == fault.is_after
    assert status == fault.status
    if fault.code:
        assert json.loads(body)["code"] == fault.code
    assert line.proxy.spoilt[fault.name] == 1


async def test_an_outage_answers_nothing_and_accepts_no_gateway(line: Line) -> None:
    line.proxy.is_down = True
    assert (await line.post())[0] == 503
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await line.session.ws_connect(f"{line.proxy.address}/gateway")


@pytest.mark.parametrize("code", [4000, 4009, 4004, 1000])
async def test_a_gateway_is_closed_with_the_code(line: Line, code: int) -> None:
    async with line.session.ws_connect(f"{line.proxy.address}/gateway?v=10&compress=zlib-stream") as socket:
        assert (await socket.receive_json())["op"] == 10
        _, frame = await asyncio.gather(line.proxy.close_gateway(code), socket.receive())
        assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, code)


async def test_a_resume_is_refused(line: Line) -> None:
    line.proxy.refuse_resume(may_retry=False)
    async with line.session.ws_connect(f"{line.proxy.address}/gateway") as socket:
        await socket.receive_json()
        await socket.send_json({"op": 6, "d": {"token": line.play.token, "session_id": "", "seq": 0}})
        assert await socket.receive_json() == {"op": 9, "d": False, "s": None, "t": None}


@pytest.mark.parametrize(
    ("method", "path", "content_type", "kinds"),
    [
        ("GET", "/users/@me", "application/json", {""}),
        ("POST", "/interactions/1/token/callback", "application/json", {"", "answers"}),
        ("PATCH", "/channels/1/messages/2", "multipart/form-data", {"", "messages", "edits", "files"}),
    ],
)
def test_faults_happen_to_the_requests_that_they_fit(
    method: str, path: str, content_type: str, kinds: set[str]
) -> None:
    assert kinds_of(method, path, content_type) == kinds
