"""The frame of the HTTP API: authentication, parsing of requests, errors, and the observer of requests."""

import fnmatch
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from playground.world.errors import ApiError, ErrorCode
from playground.world.files import REQUEST_LIMIT, Upload
from playground.world.values import Json, as_dict, as_dicts, as_id, parse_json
from playground.world.world import World

API = "/api/v10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of the bot and its answer, for an observer that checks them."""

    method: str
    path: str  # without the prefix /api/v10
    route: str  # the path with named parameters, /channels/{channel_id}
    query: dict[str, str]
    headers: dict[str, str]
    body: Any  # parsed JSON with payload_json already decoded; None for an empty body
    files: tuple[Upload, ...]
    status: int
    answer: Any  # parsed JSON, or None
    answer_headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A parsed request."""

    params: dict[str, str]
    query: dict[str, str]
    body: Any
    files: list[Upload]
    reason: str | None = None  # the reason for the audit log

    def id(self, name: str) -> int:
        """Returns a snowflake of the path. Answers 404 for any other value."""
        found = as_id(self.params[name])
        if not found:
            raise ErrorCode.NOT_FOUND.error()
        return found

    def is_true(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("1", "true")

    @property
    def json(self) -> Json:
        return as_dict(self.body)

    @property
    def list(self) -> list[Json]:
        return as_dicts(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 204
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


Endpoint = Callable[[Call], Answer]


@dataclass(slots=True, eq=False)
class Fault:
    """An intended fault: the next `times` matching requests get an error answer."""

    method: str
    pattern: str  # for example /channels/*/messages/*
    answer: Answer
    times: int
    is_after: bool = False  # the request is carried out, and only its answer is lost

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and method == self.method and fnmatch.fnmatchcase(path, self.pattern)


class Api:
    """The routes of /api/v10. An endpoint takes a Call and returns an Answer or raises ApiError."""

    def __init__(
        self, app: web.Application, world: World, observer: Callable[[Exchange], None] | None
    ) -> None:
        self._app = app
        self._world = world
        self._observer = observer
        self.faults: list[Fault] = []

    def fail_next(
        self,
        method: str,
        path: str,
        *,
        status: int,
        times: int = 1,
        code: int = 0,
        retry_after: float = 0.05,
        has_via: bool = True,
        is_after: bool = False,
    ) -> Fault:
        """Makes the next `times` matching requests fail. `*` and `…` in `path` match any text, for example `/channels/…`.

        Without the `Via` header a 429 looks like a ban by Discord's proxy. With `is_after`, the requests are carried out all the
        same, and only their answers are lost.
        """
        message = f"{status}: {HTTPStatus(status).phrase}"
        answer = Answer(status, {"message": message, "code": code})
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            limit: Json = {
                "message": "You are being rate limited.",
                "retry_after": retry_after,
                "global": False,
            }
            answer.body.update(limit)
            answer.headers.update({"Retry-After": str(retry_after), "X-RateLimit-Scope": "user"})
            answer.headers.update({"Via": "1.1 google"} if has_via else {})
        fault = Fault(method.upper(), path.replace("…", "*"), answer, times, is_after)
        self.faults.append(fault)
        return fault

    def add(self, method: str, path: str, endpoint: Endpoint, *, is_open: bool = False) -> None:
        """Adds a route. `is_open` endpoints have their secret in the path and need no Authorization header."""

        async def serve(request: web.Request) -> web.Response:
            return await self._serve(request, path, endpoint, is_open=is_open)

        self._app.router.add_route(method, API + path, serve)

    def finish(self) -> None:
        """Answers 404 on every other path. Call it after the last `add`, because the first matching route wins."""
        self._app.router.add_route("*", API + "/{rest:.*}", self._nowhere)

    async def _nowhere(self, request: web.Request) -> web.Response:
        def refuse(call: Call) -> Answer:
            raise ErrorCode.NOT_FOUND.error()

        return await self._serve(request, request.path.removeprefix(API), refuse, is_open=False)

    async def _serve(
        self, request: web.Request, route: str, endpoint: Endpoint, *, is_open: bool
    ) -> web.Response:
        body: Any = None
        files: list[Upload] = []
        try:
            body, files = await read(request)
            fault = self._fault(request)
            if fault is not None and not fault.is_after:
                answer = fault.answer
            else:
                if not is_open and request.headers.get("Authorization") != f"Bot {self._world.token}":
                    raise ErrorCode.UNAUTHORIZED.error()
                reason = request.headers.get("X-Audit-Log-Reason")
                call = Call(
                    params=dict(request.match_info),
                    query=dict(request.query),
                    body=body,
                    files=files,
                    reason=unquote(reason) if reason else None,
                )
                if route.startswith("/guilds/{guild_id}") and call.id("guild_id") != self._world.guild.id:
                    raise ErrorCode.UNKNOWN_GUILD.error()
                answer = endpoint(call)
                if fault is not None:
                    answer = fault.answer
        except ApiError as error:
            answer = Answer(error.status, error.body)
        if self._observer is not None:
            self._observer(
                Exchange(
                    method=request.method,
                    path=request.path.removeprefix(API),
                    route=route,
                    query=dict(request.query),
                    headers=dict(request.headers),
                    body=body,
                    files=tuple(files),
                    status=answer.status,
                    answer=None if answer.body is None else json.loads(json.dumps(answer.body)),
                    answer_headers=answer.headers,
                )
            )
        if answer.body is None:
            return web.Response(status=answer.status, headers=answer.headers)
        # Clients parse a body as JSON only when the type is exactly this, without a charset.
        headers = {"Content-Type": "application/json"} | answer.headers
        return web.Response(
            status=answer.status, body=json.dumps(answer.body, ensure_ascii=False).encode(), headers=headers
        )

    def _fault(self, request: web.Request) -> Fault | None:
        path = request.path.removeprefix(API)
        for fault in self.faults:
            if fault.fits(request.method, path):
                fault.times -= 1
                return fault
        return None


async def read(request: web.Request) -> tuple[Any, list[Upload]]:
    """Returns the JSON and the files of a request with a plain or multipart body."""
    if request.content_type == "multipart/form-data":
        return await read_form(request)
    text = await request.text()
    if not text:
        return None, []
    return parse(text), []


def parse(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        raise ErrorCode.INVALID_JSON.error() from None


async def read_form(request: web.Request) -> tuple[Any, list[Upload]]:
    body: Json = {}
    files: list[Upload] = []
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        name = part.name or ""
        content = bytes(await part.read(decode=False))
        size += len(content)
        if size > 4 * REQUEST_LIMIT:
            raise ErrorCode.TOO_LARGE.error()
        if name == "payload_json":
            body |= as_dict(parse(content.decode()))
        elif part.filename is not None:
            kind = part.headers.get("Content-Type")
            files.append(Upload(field=name, filename=part.filename, content_type=kind, content=content))
        else:
            body[name] = content.decode()
    return body, files
