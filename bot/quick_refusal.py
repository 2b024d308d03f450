"""Refuses an order, when there are more than the bot can answer, with a part of an ordinary answer's work.

In such a moment most of the bot's time goes into refusals. discord.py reads back the message of each answer, and takes a lock
for each token.
"""

import json
import logging
from typing import Any

import aiohttp
import discord
from discord.http import Route
from yarl import URL

from bot.posted_message import UNREACHABLE, reason_of
from bot.studio import TooBusy
from bot.ui import Language

log = logging.getLogger(__name__)

_SECONDS = 3.0
"""Seconds in which Discord takes a first answer."""
_CONNECTIONS = 64
"""Connections that are kept. A new one costs more time than a refusal."""
_MESSAGE, _EPHEMERAL = 4, 64
"""Discord's numbers of a message as first answer, and of one that only the member sees."""


class QuickRefusal:
    """Sends the sentence of TooBusy as an interaction's first answer, without a second try."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._session: aiohttp.ClientSession | None = None
        self._bodies: dict[Language, bytes] = {}

    async def send(self, interaction: discord.Interaction[Any], say: Language) -> bool:
        """Returns False when Discord did not take it, and another try may succeed."""
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        try:
            async with self._opened().post(
                URL(Route.BASE + path, encoded=True), data=self._body(say)
            ) as answer:
                return answer.status != 429 and answer.status < 500
        except UNREACHABLE as error:
            log.info("a quick refusal was not sent: %s", reason_of(error))
            return False

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            headers = {"User-Agent": self._client.http.user_agent, "Content-Type": "application/json"}
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
            )
        return self._session

    def _body(self, say: Language) -> bytes:
        if say not in self._bodies:
            data = {"content": say.sentence(TooBusy()), "flags": _EPHEMERAL}
            self._bodies[say] = json.dumps({"type": _MESSAGE, "data": data}).encode()
        return self._bodies[say]
