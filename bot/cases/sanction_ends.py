"""Lifts Discord's own bans when their cases end: a ban in Discord has no end of its own, unlike a timeout.

The database says which bans are left, so a stop in between loses none.
"""

import asyncio
import logging

import discord

from bot.cases.mod_channel import ModChannel
from bot.posted_message import UNREACHABLE
from bot.studio import Moderator
from bot.studio.parts import Parts
from bot.ui import say_in
from db import Act, Case, StorageError
from generation import MemberId

log = logging.getLogger(__name__)

_SECONDS = 30.0
"""Seconds between two sweeps."""


class SanctionEnds:
    def __init__(self, client: discord.Client, parts: Parts, mod_channel: ModChannel) -> None:
        self._client = client
        self._parts = parts
        self._mod_channel = mod_channel

    async def run(self) -> None:
        await self._client.wait_until_ready()
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                log.warning("bans that have ended are lifted later: %s", error)
            except Exception:
                # A bug here must not stop the bot.
                log.exception("bans that have ended were not lifted; it is tried again")
            await asyncio.sleep(_SECONDS)

    async def sweep(self) -> None:
        """Lifts the bans whose cases have ended."""
        for case in await self._parts.records.cases.to_lift(self._parts.clock()):
            guild = self._client.get_guild(case.guild_id)
            if guild is not None and not guild.unavailable:
                await self._end(guild, case)

    async def _end(self, guild: discord.Guild, case: Case) -> None:
        say, is_lifted = say_in(self._client, guild.id), False
        in_force = await self._parts.takedown.in_force(guild.id, case.member)
        if not any(each.power == "ban" for each in in_force):
            try:
                reason = say("case-audit-ended", number=case.number)
                await guild.unban(discord.Object(case.member), reason=reason)
                is_lifted = True
            except discord.NotFound:
                log.info("case %s: its ban was lifted before", case.id)
            except discord.Forbidden:
                text = say("case-ban-not-lifted", number=case.number, member=case.member)
                await self._mod_channel.say(guild.id, text)
            except UNREACHABLE as error:
                log.warning("the ban of case %s is lifted later: %s", case.id, error)
                return
        async with self._parts.records.database.transaction() as tx:
            await self._parts.records.cases.set_lifted(tx, case.id)
            if is_lifted:
                details = {"power": case.power}
                act, number = Act.DISCORD_LIFTED, case.number
                await self._parts.takedown.note(
                    tx, self._as_moderator(guild.id), act, case.member, case=number, details=details
                )

    def _as_moderator(self, guild_id: int) -> Moderator:
        """Returns the bot, for the audit log."""
        user = self._client.user
        assert user is not None, "the bot is logged in"
        return Moderator(member=MemberId(user.id), name=user.name, guild_id=guild_id, channel_id=0)
