"""The client and its command tree: error boundary, command sync by hash, presence."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot import errors
from bot.remix import answer_form

if TYPE_CHECKING:
    from bot.amendments import Amendments
    from bot.archive import Archive
    from bot.bench import Bench
    from bot.casework import Casework
    from bot.desk import Desk
    from bot.gallery import Galleries
    from bot.hearing import Hearing
    from bot.notices import Notices
    from bot.pages import Turn
    from bot.presets import PresetBook
    from bot.privacy import Privacy
    from bot.reports import ReportDesk
    from bot.review import ReviewPost
    from bot.studio import Studio
    from bot.sweep import Sweep
    from bot.verify import Verification

log = logging.getLogger(__name__)

_SYNC_NOTE = "commands"
_PRESENCE_SECONDS = 5.0
"""Discord takes five presence updates in twenty seconds from a shard."""


# Atelier has no voice; discord.py would warn about its missing libraries at every start.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class Tree(app_commands.CommandTree["Atelier"]):
    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        inner: BaseException = error
        if isinstance(error, app_commands.CommandInvokeError):
            inner = error.original
        elif isinstance(error, app_commands.CheckFailure) and error.__cause__:
            inner = error.__cause__
        if isinstance(inner, app_commands.CommandNotFound):
            log.warning("a command that is not ours was used: %s", inner)
        if interaction.type is discord.InteractionType.autocomplete:
            log.error("autocomplete failed", exc_info=inner)
            return
        await errors.answer(interaction, inner if isinstance(inner, Exception) else error)


class Atelier(discord.AutoShardedClient):
    """The bot's connection. The composition root sets its parts before it starts."""

    studio: Studio
    desk: Desk
    archive: Archive
    verification: Verification
    galleries: Galleries
    casework: Casework
    amendments: Amendments
    reports: ReportDesk
    review: ReviewPost
    notices: Notices
    bench: Bench
    hearing: Hearing
    presets: PresetBook
    privacy: Privacy
    sweep: Sweep
    lists: dict[str, Turn]

    def __init__(self, *, ready_timeout: float = 2.0) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=ready_timeout,
            # Nothing of what members write is kept in memory.
            max_messages=None,
        )
        self.tree = Tree(
            self,
            # Limits, blocks and the moderators' log are a server's: a direct message would get around them.
            allowed_contexts=app_commands.AppCommandContext(guild=True),
            allowed_installs=app_commands.AppInstallationType(guild=True),
        )
        self._shown = ""

    async def setup_hook(self) -> None:
        await self.sync_commands()

    async def sync_commands(self) -> bool:
        """Sends the commands only when they changed: Discord allows 200 creations a day. Returns whether it did."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        note = f"{self.application_id}:{digest}"
        there = {(c.type, c.name) for c in await self.tree.fetch_commands()}
        ours = {(command_type(command), command.name) for command in self.tree.get_commands()}
        if there == ours and await self.studio.records.notes.get(_SYNC_NOTE) == note:
            log.info("commands unchanged: not synced")
            return False
        await self.tree.sync()
        await self.studio.records.notes.set(_SYNC_NOTE, note)
        log.info("%d commands synced", len(payload))
        return True

    async def on_ready(self) -> None:
        # A new session knows nothing of the old one's presence.
        self._shown = ""
        log.info("logged in as %s in %d servers", self.user, len(self.guilds))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        # Forms alone: discord.py sends commands and buttons on their way itself.
        await answer_form(interaction)

    async def show_presence(self) -> None:
        """Model and line length beside the bot's name, for ever."""
        while True:
            await self.wait_until_ready()
            line = self.studio.dispatch.state
            busy = line.waiting + line.running
            model = self.studio.settings.default_model.name
            text = f"/imagine · {busy} in line at {model}" if busy else f"/imagine · model {model}"
            if not line.is_ready:
                text = f"{model} is loading"
            if text != self._shown:
                try:
                    await self.change_presence(activity=discord.CustomActivity(text))
                    self._shown = text
                except (ConnectionError, discord.DiscordException) as error:
                    log.info("presence not shown: %s", error)
            await asyncio.sleep(_PRESENCE_SECONDS if line.is_ready else 1.0)


def command_type(command: Any) -> discord.AppCommandType:
    """Slash commands and groups carry no type of their own."""
    return (
        command.type if isinstance(command, app_commands.ContextMenu) else discord.AppCommandType.chat_input
    )
