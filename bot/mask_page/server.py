"""The web server of the page on which a member draws a region: GET /region/TOKEN/, its files and its picture; POST one region.

Behind a proxy that the owner runs, which speaks HTTPS. docs/adr/0040-the-mask-page.md says what keeps it safe.
"""

import asyncio
import html
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.mask_page.headers import Handler, guarded
from bot.metrics_server import listening
from bot.studio import PictureGone
from bot.studio.parts import Parts
from bot.studio.region_links import DrawingBroken, LinkBroken, LinkFault, Opened, grid_of
from bot.texts import ENGLISH, Language, language
from db import Parent
from generation import ImageSize
from generation.files.images import open_picture, to_jpeg
from moderation import MINUTE, RateLimit
from startup import StartError

MOST_BYTES = 1024
"""Of a region that is sent: twice as many as the largest one has."""
REQUESTS_A_MINUTE = 60  # for each link
SHOWN_SIDE = 1024
"""Pixels of the picture on the page."""
_LINKS = 1000
"""Links whose requests are counted at a time."""
_STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATUS = {LinkFault.UNKNOWN: 404, LinkFault.EXPIRED: 410, LinkFault.USED: 410}


@dataclass(eq=False)
class PageCannotListen(StartError):
    listen: str
    reason: str

    def __str__(self) -> str:
        return f"The mask page can't be offered at {self.listen}: {self.reason}. Change mask_page.listen in the settings."


@asynccontextmanager
async def serve_page(parts: Parts, listen: str) -> AsyncGenerator[int]:
    """Serves while the context is open. Yields the port, also when `listen` has port 0. Raises PageCannotListen."""
    page = _Page(parts)
    app = web.Application(middlewares=[guarded], client_max_size=MOST_BYTES)
    folder = "/region/{token:[A-Za-z0-9_-]{60,300}}"
    app.router.add_get(f"{folder}/", page.show)
    app.router.add_get(f"{folder}/picture", page.show_picture)
    app.router.add_post(f"{folder}/region", page.take)
    for name in ("icon.svg", "page.css", "page.js"):
        app.router.add_get(f"{folder}/{name}", page.file(name))
    async with listening(app, listen, lambda reason: PageCannotListen(listen, reason)) as port:
        yield port


class _Page:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._template = (_STATIC / "page.html").read_text("utf-8")
        self._told = (_STATIC / "told.html").read_text("utf-8")
        self._requests: dict[str, RateLimit] = {}

    def file(self, name: str) -> Handler:
        content, kind = (_STATIC / name).read_bytes(), _TYPES[Path(name).suffix]

        async def send(request: web.Request) -> web.Response:
            return web.Response(body=content, content_type=kind, charset="utf-8")

        return send

    async def show(self, request: web.Request) -> web.Response:
        try:
            opened = await self._opened(request)
            size = await self._size(opened)
        except LinkBroken as broken:
            return self._refused(broken.fault)
        say, (rows, columns) = language(opened.locale), grid_of(size)
        values = _head(say) | {"rows": rows, "columns": columns, "width": size.width, "height": size.height}
        return _html(_filled(self._template, say, values))

    async def show_picture(self, request: web.Request) -> web.Response:
        try:
            content = await self._content(await self._opened(request))
        except LinkBroken as broken:
            raise web.HTTPNotFound from broken
        return web.Response(body=await asyncio.to_thread(_small, content), content_type="image/jpeg")

    async def take(self, request: web.Request) -> web.Response:
        """Takes the region. Its body: as in `region_in`."""
        if request.content_type != "application/octet-stream":
            raise web.HTTPUnsupportedMediaType
        say = language(ENGLISH)
        try:
            opened = await self._opened(request)
            say = language(opened.locale)
            size = await self._size(opened)
            await self._parts.region_links.keep(opened, await request.read(), size)
        except LinkBroken as broken:
            said = say("mask-page-link", fault=broken.fault)
            return web.json_response({"said": said}, status=_STATUS[broken.fault])
        except DrawingBroken as broken:
            return web.json_response({"said": say("mask-page-drawing", fault=broken.fault)}, status=422)
        return web.json_response({"said": say("mask-page-sent")})

    async def _opened(self, request: web.Request) -> Opened:
        """Raises LinkBroken, HTTPTooManyRequests."""
        opened = await self._parts.region_links.open(request.match_info["token"])
        # Only after the seal was checked: a forged link uses up neither a member's requests nor the memory.
        link, clock = opened.drawn.link, self._parts.clock
        limit = self._requests.pop(link, None) or RateLimit("minute", REQUESTS_A_MINUTE, MINUTE, clock=clock)
        self._requests[link] = limit
        while len(self._requests) > _LINKS:
            del self._requests[next(iter(self._requests))]
        if limit.retry_after(1):
            raise web.HTTPTooManyRequests
        limit.take(1)
        return opened

    async def _size(self, opened: Opened) -> ImageSize:
        """Raises LinkBroken if the picture is gone."""
        stored = await self._parts.records.pictures.get(opened.drawn.job, opened.drawn.image_index)
        if stored is None or stored.is_removed:
            raise LinkBroken(LinkFault.UNKNOWN)
        return ImageSize(width=stored.width, height=stored.height)

    async def _content(self, opened: Opened) -> bytes:
        """Raises LinkBroken if the picture is gone."""
        source = Parent(job=opened.drawn.job, image=opened.drawn.image_index)
        try:
            return await self._parts.stored_pictures.read_picture(source)
        except PictureGone as gone:
            raise LinkBroken(LinkFault.UNKNOWN) from gone

    def _refused(self, fault: LinkFault) -> web.Response:
        say = language(ENGLISH)
        values = _head(say) | {"said": say("mask-page-link", fault=fault)}
        return _html(_filled(self._told, say, values), _STATUS[fault])


def _head(say: Language) -> dict[str, str | int]:
    return {"language": say.name, "title": say("mask-page")}


def _filled(template: str, say: Language, values: Mapping[str, str | int]) -> str:
    """Returns the page. `{{name}}` is one of the values, and `{{say name}}` a part of the message `mask-page`."""

    def put(match: re.Match[str]) -> str:
        name = match[2]
        return html.escape(say(f"mask-page.{name}") if match[1] else str(values[name]))

    return re.sub(r"\{\{(say )?([a-z-]+)\}\}", put, template)


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)


def _small(content: bytes) -> bytes:
    """Returns a JPEG without the parameters that the PNG has."""
    picture = open_picture(content)
    picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return to_jpeg(picture, quality=90)
