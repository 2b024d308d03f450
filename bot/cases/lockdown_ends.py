"""Tells a server's moderators that raid mode or the panic switch has ended by itself, also after a restart."""

import asyncio
import logging

import discord

from bot.cases.mod_channel import ModChannel
from bot.studio import Moderator
from bot.studio.parts import Parts
from bot.ui import say_in
from db import StorageError
from generation import MemberId

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 15.0


class LockdownEnds:
    def __init__(self, client: discord.Client, parts: Parts, mod_channel: ModChannel) -> None:
        self._client = client
        self._lockdown = parts.lockdown
        self._mod_channel = mod_channel

    async def run(self) -> None:
        await self._client.wait_until_ready()
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                log.warning("ends of lockdowns are told later: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Ends what is due. Orders don't wait for that: each reads the end itself. Raises StorageError."""
        user = self._client.user
        assert user is not None, "the bot is logged in"
        for guild_id in await self._lockdown.servers_due():
            by = Moderator(member=MemberId(user.id), name=user.display_name, guild_id=guild_id, channel_id=0)
            ended = await self._lockdown.end(by)
            if not (ended.is_raid or ended.is_panic):
                continue  # a moderator has changed it in between
            say = say_in(self._client, guild_id)
            text = say("mod-lockdown-ended", is_raid=ended.is_raid, is_panic=ended.is_panic)
            await self._mod_channel.say(guild_id, text)
