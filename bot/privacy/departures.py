"""Servers that remove the bot: their orders end at once, their data later. An outage of a server is no removal."""

import asyncio
import logging
from math import inf

import discord

from bot.posted_message import UNREACHABLE
from bot.studio.parts import Parts
from db import StorageError
from moderation import DAY

log = logging.getLogger(__name__)

_AT_ONCE = 20  # pictures per transaction
_PAUSE = 0.05
"""Seconds between two steps, so that other tasks get the database first."""


class ServerDepartures:
    def __init__(self, client: discord.Client, parts: Parts, *, pause: float = _PAUSE) -> None:
        self._client = client
        self._records = parts.records
        self._takedown = parts.takedown
        self._clock = parts.clock
        days = parts.settings.retention.left_servers_days
        self._seconds = days * DAY or inf
        self._pause = pause

    async def left(self, guild_id: int) -> None:
        """Cancels and refunds the server's orders, and notes when its data is to be forgotten."""
        if self._seconds < inf:
            async with self._records.database.transaction() as tx:
                await self._records.departures.note(tx, guild_id, self._clock() + self._seconds)
        cancelled = await self._takedown.cancel_server(guild_id)
        log.info("the server %s removed the bot: %d orders cancelled and refunded", guild_id, cancelled)

    async def compare(self) -> None:
        """Finds the servers that removed or invited the bot while it did not run. Errors are logged."""
        records, present = self._records, {guild.id for guild in self._client.guilds}
        try:
            async with records.database.transaction() as tx:
                await records.departures.returned(tx, present, self._clock())
            missing = await records.departures.servers() - present - await records.departures.noted()
            for guild_id in sorted(missing):
                if await self._is_left(guild_id):
                    await self.left(guild_id)
        except (*UNREACHABLE, StorageError) as error:
            log.warning("servers were not compared with the database: %s", error)

    async def returned(self, guild_id: int) -> None:
        async with self._records.database.transaction() as tx:
            if await self._records.departures.returned(tx, [guild_id], self._clock()):
                log.info("the server %s invited the bot again: its data stays", guild_id)

    async def sweep(self) -> None:
        """Forgets the servers that are due, in small transactions. Raises StorageError."""
        records = self._records
        for guild_id in await records.departures.due(self._clock()):
            await self._takedown.cancel_server(guild_id)
            while found := await records.departures.pictures(guild_id, _AT_ONCE):
                async with records.database.transaction() as tx:
                    await records.pictures.remove_each(tx, found, by=None, reason="", at=self._clock())
                await asyncio.sleep(self._pause)
            while left := await records.uploads.of_guild(guild_id, _AT_ONCE):
                async with records.database.transaction() as tx:
                    await records.uploads.remove(tx, left, self._clock())
                await asyncio.sleep(self._pause)
            rows = await records.departures.forget(guild_id)
            await records.database.tidy()
            log.info("the server %s is forgotten: %d rows", guild_id, rows)

    async def _is_left(self, guild_id: int) -> bool:
        """Asks Discord: the list at a start may miss a server."""
        try:
            await self._client.fetch_guild(guild_id, with_counts=False)
        except (discord.NotFound, discord.Forbidden):
            return True
        return False
