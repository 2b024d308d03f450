"""Refusals and flags as cards in the moderators' channel."""

from __future__ import annotations

import asyncio
import logging

import discord

from bot import cards
from bot.post import UNREACHABLE
from db.guilds import Guilds
from db.verdicts import VerdictRecord

log = logging.getLogger(__name__)

_MOST = 200
"""Cards waiting at the most: a raid of refusals must not fill the memory; the database has them all."""


class ReviewPost:
    """`note` never waits; `run` posts what was noted, in order."""

    def __init__(self, client: discord.Client, guilds: Guilds, default_name: str) -> None:
        self._client = client
        self._guilds = guilds
        self._default_name = default_name
        self._noted: asyncio.Queue[VerdictRecord] = asyncio.Queue(_MOST)

    def note(self, record: VerdictRecord) -> None:
        try:
            self._noted.put_nowait(record)
        except asyncio.QueueFull:
            log.warning("too many verdicts at once: %s is in the log only", record.id)

    async def run(self) -> None:
        while True:
            record = await self._noted.get()
            channel = await self._channel(record.guild_id)
            if channel is None:
                continue
            try:
                await channel.send(
                    view=cards.review_card(record), allowed_mentions=discord.AllowedMentions.none()
                )
            except UNREACHABLE as error:
                log.warning("verdict %s could not be posted: %s", record.id, error)

    async def _channel(self, guild_id: int | None) -> discord.TextChannel | None:
        """The chosen one; else the one with the default name, where the bot may write there."""
        guild = self._client.get_guild(guild_id) if guild_id is not None else None
        if guild is None:
            return None
        chosen = (await self._guilds.get(guild.id)).log_channel_id
        if chosen is not None:
            channel = guild.get_channel(chosen)
            return channel if isinstance(channel, discord.TextChannel) else None
        return discord.utils.get(guild.text_channels, name=self._default_name)
