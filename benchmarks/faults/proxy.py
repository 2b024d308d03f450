"""A proxy between the bot and a Discord on localhost: passes requests and gateway frames on, and breaks a share of the answers.

An answer is broken before the deed (Discord never saw the request) or after it (Discord did what was asked, and the bot is told
otherwise). Knows nothing about orders.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

PREFIX = "/api/v10"
MOST_SENT = 110 * 2**20  # bytes of a request
RESUME, INVALID_SESSION = 6, 9  # opcodes of the gateway
KEPT_HEADERS = {"authorization", "content-type", "user-agent", "x-audit-log-reason"}
RETURNED_HEADERS = {"retry-after", "via", "x-ratelimit-scope"}

PAGE = "<!doctype html><title>Bad gateway</title><h1>The web server reported a bad gateway error</h1>"

EVERYWHERE, MESSAGES, EDITS, FILES, ANSWERS = "", "messages", "edits", "files", "answers"
"""The requests that a fault can happen to: all, those about messages, edits of messages, those with files, first answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """One way to break an answer. Exactly one of `status`, `is_cut`, `is_half`, `late` says what the bot sees."""

    name: str
    of: str = EVERYWHERE
    is_after: bool = False  # Discord carries the request out
    status: int = 0
    code: int | None = None  # Discord's error code; None: an HTML page
    retry_after: float = 0.0  # seconds
    is_cut: bool = False  # the connection ends without an answer
    is_half: bool = False  # the connection ends within the answer
    late: tuple[float, float] = (0.0, 0.0)  # seconds, at least and at most, that the answer is delayed

    @property
    def headers(self) -> dict[str, str]:
        # Without the Via header a 429 comes from the proxy before Discord, which bans an address.
        via = {"Via": "1.1 google"} if self.code is not None else {}
        return {"Retry-After": f"{self.retry_after:g}", **via} if self.retry_after else {}

    @property
    def body(self) -> str:
        if self.code is None:
            return PAGE
        told: dict[str, Any] = {"message": self.name, "code": self.code}
        if self.retry_after:
            told |= {"retry_after": self.retry_after, "global": False}
        return json.dumps(told)


SPOILT = (
    Spoilt(name="429", status=429, code=0, retry_after=0.4),
    Spoilt(name="429 of a proxy", status=429, retry_after=1.0),
    Spoilt(name="500", status=500, code=0),
    Spoilt(name="502", status=502),
    Spoilt(name="503", status=503),
    Spoilt(name="page 403", status=403, of=MESSAGES),
    Spoilt(name="403/50013", status=403, code=50013, of=MESSAGES),
    Spoilt(name="403/50001", status=403, code=50001, of=MESSAGES),
    Spoilt(name="400/50083", status=400, code=50083, of=EDITS),
    Spoilt(name="413/40005", status=413, code=40005, of=FILES),
    Spoilt(name="404/10062", status=404, code=10062, of=ANSWERS),
    Spoilt(name="cut", is_cut=True),
    Spoilt(name="late", late=(0.5, 4.0)),
    Spoilt(name="500 after the deed", status=500, code=0, is_after=True),
    Spoilt(name="502 after the deed", status=502, is_after=True),
    Spoilt(name="page after the deed", status=200, is_after=True),
    Spoilt(name="cut after the deed", is_cut=True, is_after=True),
    Spoilt(name="half an answer", is_half=True, is_after=True),
    Spoilt(name="late after the deed", late=(0.5, 4.0), is_after=True),
)


def kinds_of(method: str, path: str, content_type: str) -> set[str]:
    """Returns the kinds of requests that a request belongs to."""
    found = {EVERYWHERE}
    if path.startswith("/interactions/"):
        found.add(ANSWERS)
    elif "/messages" in path:
        found.add(MESSAGES)
        if method == "PATCH":
            found.add(EDITS)
    if content_type.startswith("multipart/"):
        found.add(FILES)
    return found


@dataclass(slots=True, eq=False)
class Proxy:
    """A running proxy. Create it with `open`."""

    upstream: str  # the Discord's address, http://host:port
    chance: random.Random
    address: str  # its own
    session: aiohttp.ClientSession
    share: float = 0.0  # of the answers that are broken
    is_down: bool = False  # every request fails, and the gateway refuses connections
    spoilt: Counter[str] = field(default_factory=Counter[str])  # broken answers by name
    refused_resumes: int = 0
    _refuse: list[bool] = field(default_factory=list[bool])
    _gateways: set[web.WebSocketResponse] = field(default_factory=set[web.WebSocketResponse])

    @classmethod
    @asynccontextmanager
    async def open(cls, upstream: str, chance: random.Random) -> AsyncGenerator["Proxy"]:
        app = web.Application(client_max_size=MOST_SENT)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        async with aiohttp.ClientSession(auto_decompress=True) as session:
            proxy = cls(upstream, chance, "", session)
            app.router.add_get("/gateway", proxy._gateway)
            app.router.add_route("*", "/{rest:.*}", proxy._request)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            proxy.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield proxy
            finally:
                await runner.cleanup()

    @property
    def api_url(self) -> str:
        return self.address + PREFIX

    async def close_gateway(self, code: int) -> None:
        """Closes every gateway connection of the bot with this code; 1006: without a close frame."""
        for socket in list(self._gateways):
            if code != 1006:
                await socket.close(code=code)
            elif (transport := _transport(socket)) is not None:
                transport.abort()

    def refuse_resume(self, *, may_retry: bool) -> None:
        """Answers the next RESUME with INVALID_SESSION."""
        self._refuse.append(may_retry)

    # ---- requests

    async def _request(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        body = await request.read()
        if self.is_down:
            self.spoilt["outage"] += 1
            return web.Response(status=503, text=PAGE, content_type="text/html")
        fault = self._choose(kinds_of(request.method, path, request.content_type))
        if fault is None:
            return _response(*await self._ask(request, body))
        self.spoilt[fault.name] += 1
        answer = await self._ask(request, body) if fault.is_after else None
        if fault.late[1]:
            await asyncio.sleep(self.chance.uniform(*fault.late))
            return _response(*(answer or await self._ask(request, body)))
        if fault.is_cut:
            return _cut(request)
        if fault.is_half and answer is not None:
            return await _half(request, *answer)
        kind = "text/html" if fault.code is None else "application/json"
        return _response(fault.status, {"Content-Type": kind, **fault.headers}, fault.body.encode())

    def _choose(self, kinds: set[str]) -> Spoilt | None:
        if self.chance.random() >= self.share:
            return None
        return self.chance.choice([each for each in SPOILT if each.of in kinds])

    async def _ask(self, request: web.Request, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in request.headers.items() if name.lower() in KEPT_HEADERS}
        url = f"{self.upstream}{request.raw_path}"
        async with self.session.request(request.method, url, data=body, headers=headers) as answer:
            content = self._moved(await answer.text(encoding="utf-8")).encode()
            kept = {"Content-Type": answer.headers.get("Content-Type", "application/json")}
            kept |= {name: text for name, text in answer.headers.items() if name.lower() in RETURNED_HEADERS}
            return answer.status, kept, content

    def _moved(self, text: str) -> str:
        """Replaces the gateway's address, so that the bot connects through the proxy. Files are loaded from the Discord."""
        there, here = (f"{each.replace('http', 'ws', 1)}/gateway" for each in (self.upstream, self.address))
        return text.replace(there, here)

    # ---- the gateway

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if self.is_down:
            return web.Response(status=503, text=PAGE, content_type="text/html")
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        self._gateways.add(socket)
        # Uncompressed, so that frames can be read here.
        query = {name: value for name, value in request.query.items() if name != "compress"}
        try:
            async with self.session.ws_connect(f"{self.upstream}/gateway", params=query) as upstream:
                await _first_of(self._up(socket, upstream), self._down(socket, upstream))
                await socket.close(code=upstream.close_code or 1001)
        except aiohttp.ClientError:
            await socket.close(code=1001)
        finally:
            self._gateways.discard(socket)
        return socket

    async def _up(self, socket: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            if self._refuse and json.loads(frame.data).get("op") == RESUME:
                self.refused_resumes += 1
                await socket.send_json(
                    {"op": INVALID_SESSION, "d": self._refuse.pop(0), "s": None, "t": None}
                )
                continue
            await upstream.send_str(frame.data)
        # A bot that ends its session says so with its code; everything else is a lost connection.
        await upstream.close(code=socket.close_code if socket.close_code in (1000, 1001) else 4000)

    async def _down(self, socket: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in upstream:
            if frame.type is not WSMsgType.TEXT:
                break
            with suppress(ConnectionError):
                await socket.send_str(self._moved(frame.data))


async def _first_of(*works: Any) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    _, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.wait(tasks)


def _response(status: int, headers: dict[str, str], content: bytes) -> web.Response:
    if status == 204:
        return web.Response(status=status)
    return web.Response(status=status, headers=headers, body=content)


def _transport(of: web.WebSocketResponse | web.Request) -> asyncio.Transport | None:
    request = of if isinstance(of, web.Request) else of._req  # pyright: ignore[reportPrivateUsage]
    return None if request is None else request.transport  # pyright: ignore[reportReturnType]


def _cut(request: web.Request) -> web.Response:
    if (transport := _transport(request)) is not None:
        transport.abort()
    return web.Response()


async def _half(
    request: web.Request, status: int, headers: dict[str, str], content: bytes
) -> web.StreamResponse:
    if len(content) < 2:
        return _cut(request)
    response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    await asyncio.sleep(0.01)  # so that the half leaves before the connection ends
    if (transport := _transport(request)) is not None:
        transport.abort()
    return response
