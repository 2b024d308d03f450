"""The log channel of a server: the one that its moderators chose, otherwise the one with the default name.

When the chosen one is deleted, the one with the default name takes its place, if it is not open to everyone. Where no channel can
be used, the server's owner is told, once: the bot can't list a server's admins.
"""

import logging
from enum import StrEnum

import discord

from bot.posted_message import UNREACHABLE
from bot.studio.parts import Parts
from bot.ui import Language, note, say_in

log = logging.getLogger(__name__)

NEEDED = discord.Permissions(view_channel=True, send_messages=True, embed_links=True, attach_files=True)
_LOOK_AGAIN_SECONDS = 60.0
"""Seconds until an unseen channel is asked for again: each refusal counts towards Discord's limit of invalid requests."""


class Loss(StrEnum):
    """The reason that a server's log channel can't be used."""

    NONE_CHOSEN = "none-chosen"
    DELETED = "deleted"
    UNSEEN = "unseen"
    FORBIDDEN = "forbidden"


def missing_in(channel: discord.abc.GuildChannel, me: discord.Member | None = None) -> discord.Permissions:
    """Returns the permissions that the bot needs in a log channel and lacks there.

    `me`: the bot; None where the gateway told who it is.
    """
    held = channel.permissions_for(me or channel.guild.me)
    return discord.Permissions(NEEDED.value & ~held.value)


def is_public(channel: discord.abc.GuildChannel) -> bool:
    return channel.permissions_for(channel.guild.default_role).view_channel


def keys_of(permissions: discord.Permissions) -> list[str]:
    """Returns the permissions' names in the catalogue; the one that the others depend on comes first."""
    return [name.replace("_", "-") for name, is_set in permissions if is_set]


def names_of(say: Language, permissions: discord.Permissions) -> str:
    """Returns the permissions' names as Discord's menus write them."""
    return ", ".join(say("permission", name=name) for name in keys_of(permissions))


class LogChannels:
    def __init__(self, client: discord.Client, parts: Parts) -> None:
        self._client = client
        self._guilds = parts.records.guilds
        self._default = parts.settings.moderation.log_channel
        self._clock = parts.clock
        self._looked_at: dict[int, float] = {}  # unseen channels, and when they were asked for
        self._deleted: set[int] = set()

    def by_name(self, guild: discord.Guild) -> discord.TextChannel | None:
        """Returns the channel with the default name."""
        return discord.utils.get(guild.text_channels, name=self._default)

    async def of(self, guild_id: int | None, *, is_needed: bool = False) -> discord.TextChannel | None:
        """Returns the channel for the moderators' cards; None when there is none that the bot may use.

        `is_needed`: a case waits, so the owner is told when there is no channel at all.
        """
        guild = self._client.get_guild(guild_id) if guild_id is not None else None
        if guild is None:
            return None
        settings = await self._guilds.get(guild.id)
        chosen = settings.log_channel_id
        channel = self.by_name(guild) if chosen is None else guild.get_channel(chosen)
        if not isinstance(channel, discord.TextChannel):
            if chosen is not None:
                return await self._instead_of(guild, chosen)
            if is_needed:
                await self._tell_owner(guild, 0, Loss.NONE_CHOSEN)
            return None
        if missing := missing_in(channel):
            await self._tell_owner(guild, channel.id, Loss.FORBIDDEN, missing)
            return None
        if settings.told_of_channel_id == channel.id:
            await self._guilds.tell(guild.id, None)
        return channel

    async def _instead_of(self, guild: discord.Guild, chosen: int) -> discord.TextChannel | None:
        """Returns the channel that takes the place of a deleted one; None for one that the bot only can't see.

        The moderators may have hidden it from others on purpose, so nothing goes to a channel that they did not choose.
        """
        if not await self._is_deleted(guild, chosen):
            return None
        channel = self.by_name(guild)
        if channel is None or is_public(channel) or missing_in(channel):
            await self._tell_owner(guild, chosen, Loss.DELETED)
            return None
        if await self._guilds.tell(guild.id, chosen):
            try:
                await channel.send(view=note(say_in(self._client, guild.id)("log-channel-instead")))
            except UNREACHABLE as error:
                log.warning("the moderators of %s were not told of their log channel: %s", guild.id, error)
        return channel

    async def _is_deleted(self, guild: discord.Guild, chosen: int) -> bool:
        if chosen in self._deleted:
            return True
        if self._clock() - self._looked_at.get(chosen, 0.0) < _LOOK_AGAIN_SECONDS:
            return False
        try:
            await self._client.fetch_channel(chosen)
        except discord.NotFound:
            self._deleted.add(chosen)
            return True
        except (discord.Forbidden, discord.InvalidData):
            await self._tell_owner(guild, chosen, Loss.UNSEEN)
        except UNREACHABLE as error:
            log.warning("the log channel of %s could not be looked up: %s", guild.id, error)
        self._looked_at[chosen] = self._clock()
        return False

    async def _tell_owner(
        self,
        guild: discord.Guild,
        channel: int,
        loss: Loss,
        missing: discord.Permissions | None = None,
    ) -> None:
        """Tells the owner by direct message; when those are closed, in the channel for Discord's own messages to moderators."""
        if not await self._guilds.tell(guild.id, channel):
            return
        say = say_in(self._client, guild.id)
        names = names_of(say, missing) if missing else ""
        text = say("log-channel-lost", server=guild.name, loss=loss, channel=channel, missing=names)
        try:
            owner = await self._client.create_dm(discord.Object(guild.owner_id or 0))
            await owner.send(view=note(text))
        except UNREACHABLE as error:
            log.warning("the owner of %s has no direct message about their log channel: %s", guild.id, error)
            updates = guild.public_updates_channel
            if updates is not None and not is_public(updates) and not missing_in(updates):
                try:
                    await updates.send(view=note(text))
                except UNREACHABLE as refused:
                    log.warning("nor was it posted in their channel for updates: %s", refused)
