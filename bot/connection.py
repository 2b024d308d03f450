"""The connection to Discord: logs in and stays connected. While Discord is down, it tries again with growing pauses."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
import discord
from discord.http import Route

from bot.posted_message import reason_of
from startup import StartError

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 120.0
"""Seconds between two tries to reach Discord. Cloudflare bans an address that asks too often."""
_LOGIN_SECONDS = 90.0
"""Seconds of one try to log in. discord.py itself waits half a minute for a server that fails."""
_GOODBYE_SECONDS = 5.0
"""Seconds. A gateway that hangs would delay a stop by half a minute. The bot does not need its goodbye."""
_WRONG_TOKEN = 4004
"""Discord's close code for a token that is wrong, or was reset while the bot ran."""
_NO_SUCH_INTENTS = 4014
"""The close code for which discord.py has an exception of its own."""


class WrongToken(StartError):
    def __str__(self) -> str:
        return (
            "Discord refuses the token in DISCORD_TOKEN. "
            "Copy it again from the Developer Portal → Bot → Reset Token."
        )


@dataclass(eq=False)
class GatewayRefused(StartError):
    """Discord closed the gateway with a code that another try can't change."""

    api: str
    code: int

    def __str__(self) -> str:
        return f"Discord at {self.api} refuses this bot on its gateway: close code {self.code}."


def growing_pauses(first: float, longest: float) -> Iterator[float]:
    """Yields seconds, for ever. Each pause is twice the one before."""
    pause = first
    while True:
        yield pause
        pause = min(2 * pause, longest)


class DiscordClock:
    """Discord's time, read from its answers: a second clock, by which an error of this machine's clock is noticed."""

    def __init__(self) -> None:
        self._read: tuple[float, float] | None = None  # the last time read, and the monotonic time then
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_end.append(self._note)

    def __call__(self) -> float | None:
        """Returns unix seconds, to about a second; None before the first answer."""
        return self._read and self._read[0] + time.monotonic() - self._read[1]

    async def _note(self, _: object, context: object, request: aiohttp.TraceRequestEndParams) -> None:
        with contextlib.suppress(KeyError, ValueError):
            date = parsedate_to_datetime(request.response.headers["Date"])
            self._read = date.timestamp(), time.monotonic()


async def refuse_pages(_: object, context: object, request: aiohttp.TraceRequestEndParams) -> None:
    """Raises aiohttp.ContentTypeError for a page that a proxy sends as a success: discord.py would read fields of it."""
    answer = request.response
    is_success = 200 <= answer.status < 300 and answer.status != 204
    if is_success and str(request.url).startswith(Route.BASE) and answer.content_type != "application/json":
        raise aiohttp.ContentTypeError(
            answer.request_info,
            answer.history,
            status=answer.status,
            message=f"{answer.content_type} in place of JSON",
            headers=answer.headers,
        )


class ShortOutages(logging.Filter):
    """Makes one line of each lost connection that discord.py logs with a traceback. It connects again by itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info and record.exc_info[1]
        if isinstance(error, discord.DiscordException | aiohttp.ClientError | OSError):
            record.msg, record.args = f"{record.getMessage()}: {reason_of(error)}", ()
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = None
        return True


async def log_in(client: discord.Client, token: str) -> None:
    """Logs in. Raises WrongToken; every other failure, an odd answer included, is tried again."""
    for pause in growing_pauses(FIRST_PAUSE, LONGEST_PAUSE):
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                await client.login(token)
        except discord.LoginFailure as error:
            raise WrongToken from error
        except Exception as error:
            if isinstance(error, discord.HTTPException) and error.status == 401:
                raise WrongToken from error
            log.warning(
                "Discord can't be reached at %s: %s. Next try in %g s", Route.BASE, reason_of(error), pause
            )
        else:
            return
        # discord.py would leave the session open, and use its closed connector again.
        await client.http.close()
        client.http.connector = discord.utils.MISSING
        await asyncio.sleep(pause)


async def stay_connected(client: discord.AutoShardedClient) -> None:
    """Keeps the connection open. discord.py swallows a cancellation while it reconnects and then waits for ever; only closing
    ends it.

    Raises WrongToken or GatewayRefused, and the error that ended discord.py's own connection for good. Then the client is not
    closed: tasks that use it still run, and end first.
    """
    connection = asyncio.create_task(_connect(client))
    try:
        await asyncio.shield(connection)
    except asyncio.CancelledError:
        connection.cancel()
        await close(client)
        await asyncio.wait({connection}, timeout=_GOODBYE_SECONDS)
        raise


async def close(client: discord.Client) -> None:
    if not client.is_closed():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await client.close()


async def _connect(client: discord.AutoShardedClient) -> None:
    for pause in growing_pauses(FIRST_PAUSE, LONGEST_PAUSE):
        try:
            await client.connect()
            return
        except discord.PrivilegedIntentsRequired as error:
            raise GatewayRefused(Route.BASE, _NO_SUCH_INTENTS) from error
        except discord.ConnectionClosed as error:
            if error.code == _WRONG_TOKEN:
                raise WrongToken from error
            raise GatewayRefused(Route.BASE, error.code) from error
        except Exception as error:
            # The request for the gateway's address failed. discord.py tries everything after it again by itself.
            if client.is_closed() or client.shards:
                raise
            log.warning("the gateway can't be reached: %s. Next try in %g s", reason_of(error), pause)
            await asyncio.sleep(pause)
