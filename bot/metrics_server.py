"""The HTTP server of GET /metrics and GET /health, at an address that the owner chooses."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.studio import address_of
from bot.studio.health import Look
from bot.studio.metrics import Metrics
from startup import StartError


@dataclass(eq=False)
class CannotListen(StartError):
    listen: str
    reason: str

    def __str__(self) -> str:
        return f"The metrics can't be offered at {self.listen}: {self.reason}. Change metrics.listen in the settings."


@asynccontextmanager
async def expose(metrics: Metrics, listen: str, look: Look) -> AsyncGenerator[int]:
    """Serves while the context is open. Yields the port, also when `listen` has port 0. Raises CannotListen.

    `look` returns the bot's health, which both answers contain.
    """

    async def tell_health(request: web.Request) -> web.Response:
        health = await look()
        return web.json_response(health.json, status=503 if health.faults else 200)

    async def tell_metrics(request: web.Request) -> web.Response:
        metrics.note(await look())
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", tell_metrics)
    app.router.add_get("/health", tell_health)
    async with listening(app, listen, lambda reason: CannotListen(listen, reason)) as port:
        yield port


@asynccontextmanager
async def listening(
    app: web.Application, listen: str, broken: Callable[[str], StartError]
) -> AsyncGenerator[int]:
    """Serves the application while the context is open. Yields the port. `broken` makes the error from its reason."""
    host, port = address_of(listen)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:  # the name of a host that can't be encoded
            raise broken(getattr(error, "strerror", "") or str(error)) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
