"""The Discord client and its command tree: error boundary, command sync by hash, presence."""

import asyncio
import hashlib
import json
import logging
import math
from typing import Any, TypeAlias

import discord
from discord import app_commands

from bot import errors
from bot.cases.appeal_forms import AppealForms
from bot.cases.case_actions import CaseActions
from bot.cases.case_history import CaseHistory
from bot.cases.deciding.locales import MemberLocales
from bot.cases.deciding.reasons import Reasons
from bot.cases.deciding.several import SeveralActions
from bot.cases.direct_messages import DirectMessages
from bot.cases.effects import Effects
from bot.cases.greeting import greet
from bot.cases.lockdown_ends import LockdownEnds
from bot.cases.mod_channel import ModChannel
from bot.cases.posting.digests import Digests
from bot.connection import DiscordClock, growing_pauses, refuse_pages
from bot.gallery.actions import GalleryActions
from bot.gallery.delivery import Delivery, Spawn
from bot.gallery.intake import ORDERS
from bot.gallery.picture_orders import PictureOrders
from bot.gallery.region import Regions
from bot.gallery.typed_orders import TypedOrders
from bot.mask_page.drawn_regions import DrawnRegions
from bot.options import demand_options
from bot.permissions import demand_server, read_levels
from bot.posted_message import reason_of
from bot.privacy.departures import ServerDepartures
from bot.privacy.erasure import ErasureSweep
from bot.quick_refusal import QuickRefusal
from bot.routes import Routes
from bot.studio import Refusal
from bot.studio.parts import Parts
from bot.ui import Translator, note, say_in
from db import StorageError

log = logging.getLogger(__name__)

_SYNC_NOTE = "commands"
_SYNC_SECONDS = 10.0
"""Seconds that a start waits for the commands to be sent."""
_SYNC_PAUSE, _LONGEST_SYNC_PAUSE = 60.0, 3600.0  # seconds
_PRESENCE_SECONDS = 5.0
"""Seconds. Discord allows five presence updates in twenty seconds per shard."""


# Atelier does not use voice; discord.py would warn about missing voice libraries at every start.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class Tree(app_commands.CommandTree["Atelier"]):
    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        errors.limit_waits(interaction)
        try:
            await read_levels(interaction)
            demand_server(interaction)
            is_command = interaction.type is discord.InteractionType.application_command
            if is_command and (interaction.data or {}).get("name") in ORDERS:
                self.client.delivery.intake.demand_time(interaction)
            demand_options(interaction)
        except (Refusal, StorageError) as error:
            if interaction.type is discord.InteractionType.autocomplete:
                return False
            # Only an AppCommandError raised by a check reaches `on_error`.
            raise app_commands.CheckFailure from error
        return True

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
        failure = inner if isinstance(inner, Exception) else error
        if interaction.type is discord.InteractionType.autocomplete:
            errors.told(failure, say_in(self.client, None), "in an autocomplete")
            return
        await errors.answer(interaction, failure)


class Atelier(discord.AutoShardedClient):
    """The bot's connection, and the parts of the bot that commands use."""

    def __init__(self, parts: Parts, spawn: Spawn) -> None:
        """`spawn` starts a task that outlives the interaction that started it."""
        self.discord_clock = DiscordClock()
        trace = self.discord_clock.trace
        trace.on_request_end.append(refuse_pages)
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=parts.settings.discord.ready_timeout,
            # Members' messages are not kept in memory.
            max_messages=None,
            http_trace=trace,
        )
        self.tree = Tree(
            self,
            # Limits, blocks and the moderators' log are per server: a direct message would bypass them.
            allowed_contexts=app_commands.AppCommandContext(guild=True),
            allowed_installs=app_commands.AppInstallationType(guild=True),
        )
        self.routes = Routes()
        self.parts = parts
        self.quick_refusal = QuickRefusal(self)
        self.mod_channel = ModChannel(self, parts)
        self.digests = Digests(self, parts, self.mod_channel.channels)
        self.locales = MemberLocales(self)
        self.reasons = Reasons(self, parts.reason_book)
        self.direct_messages = DirectMessages(self, parts.casework, self.locales, self.reasons)
        self.lockdown_ends = LockdownEnds(self, parts, self.mod_channel)
        self.effects = Effects(self, parts, self.mod_channel, self.direct_messages)
        self.case_actions = CaseActions(self, parts.casework, self.mod_channel, self.effects, self.reasons)
        self.several_cases = SeveralActions(parts, self.mod_channel, self.effects, self.reasons)
        self.case_history = CaseHistory(parts.casework)
        self.appeal_forms = AppealForms(parts.appeals, self.mod_channel, self.effects)
        self.delivery = Delivery(self, parts, self.mod_channel, self.direct_messages, spawn)
        self.typed_orders = TypedOrders(parts, self.delivery)
        self.picture_orders = PictureOrders(parts, self.delivery)
        self.departures = ServerDepartures(self, parts)
        self.regions = Regions(parts, self.delivery)
        self.drawn_regions = DrawnRegions(parts, self.delivery)
        self.gallery_actions = GalleryActions(self, parts, self.delivery, self.mod_channel, self.effects)
        self.erasure_sweep = ErasureSweep(
            self,
            parts.records,
            self.mod_channel,
            self.departures,
            parts.takedown,
            parts.settings.retention,
            parts.clock,
            self.discord_clock,
        )
        self._shown = ""
        self._is_synced = False

    async def close(self) -> None:
        try:
            await super().close()
        finally:
            await self.quick_refusal.close()

    async def setup_hook(self) -> None:
        await self._try_to_sync(_SYNC_SECONDS)

    async def keep_commands_synced(self) -> None:
        """Sends the commands that Discord did not take at the login. Returns when it has them."""
        for pause in growing_pauses(_SYNC_PAUSE, _LONGEST_SYNC_PAUSE):
            if self._is_synced:
                return
            log.warning("the commands that Discord has stay as they are; next try in %g s", pause)
            await asyncio.sleep(pause)
            # Without a limit: when Discord names a time to wait, discord.py waits that long.
            await self._try_to_sync(None)

    async def _try_to_sync(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.sync_commands()
            self._is_synced = True
        except Exception as error:
            # 200 new commands a day, a command that is refused, an outage: the bot works with the commands that are there.
            log.warning("the commands were not sent to Discord: %s", reason_of(error))

    async def sync_commands(self) -> bool:
        """Sends the commands only when they changed: Discord allows 200 creations a day. Returns whether they were sent."""
        translator = Translator()
        await self.tree.set_translator(translator)
        payload = [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        note = f"{self.application_id}:{digest}"
        there = {(c.type, c.name) for c in await self.tree.fetch_commands()}
        ours = {(command_type(command), command.name) for command in self.tree.get_commands()}
        if there == ours and await self.parts.records.key_values.get(_SYNC_NOTE) == note:
            log.info("commands unchanged: not synced")
            return False
        await self.tree.sync()
        await self.parts.records.key_values.set(_SYNC_NOTE, note)
        log.info("%d commands synced", len(payload))
        return True

    def gateway_latency(self) -> float | None:
        """Returns the slowest shard's latency in seconds; None while one is not connected."""
        if not self.is_ready() or any(shard.is_closed() for shard in self.shards.values()):
            return None
        latency = max((latency for _, latency in self.latencies), default=math.nan)
        return latency if math.isfinite(latency) else None

    async def on_ready(self) -> None:
        # A new session starts without the old presence.
        self._shown = ""
        log.info("logged in as %s in %d servers", self.user, len(self.guilds))
        await self.departures.compare()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        # Not called for an outage: that server is only unavailable.
        self.parts.levels.forget(guild.id)
        await self.departures.left(guild.id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.departures.returned(guild.id)
        await greet(self, guild, self.mod_channel.channels)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        self.locales.note(interaction.user.id, interaction.locale.value)
        # discord.py routes commands, buttons and known forms itself. It forgets forms at a restart.
        if interaction.type is discord.InteractionType.modal_submit:
            await self.routes.submit(interaction)
        elif interaction.type is discord.InteractionType.component:
            await self.routes.press_unknown(interaction)

    async def show_presence(self) -> None:
        """Shows the model and the queue length as the bot's presence. Runs for ever."""
        say = say_in(self, None)  # the presence is the same in every server
        while True:
            await self.wait_until_ready()
            line = self.parts.dispatch.state
            busy = line.waiting + line.running
            model = self.parts.settings.default_model.name
            if not line.is_ready or self.parts.dispatch.download_of(model):
                text = say("presence-loading", model=model)
            elif busy:
                text = say("presence-busy", busy=busy, model=model)
            else:
                text = say("presence-idle", model=model)
            if text != self._shown:
                try:
                    await self.change_presence(activity=discord.CustomActivity(text))
                    self._shown = text
                except (ConnectionError, discord.DiscordException) as error:
                    log.info("presence not shown: %s", error)
            await asyncio.sleep(_PRESENCE_SECONDS if line.is_ready else 1.0)


def command_type(command: Any) -> discord.AppCommandType:
    """Returns the command's type. Slash commands and groups have no attribute for it."""
    return (
        command.type if isinstance(command, app_commands.ContextMenu) else discord.AppCommandType.chat_input
    )


Interaction: TypeAlias = discord.Interaction[Atelier]


async def answer(interaction: Interaction, text: str) -> None:
    """Answers a command, deferred or not, with a message that only the member sees."""
    if interaction.response.is_done():
        await interaction.edit_original_response(view=note(text))
    else:
        await interaction.response.send_message(view=note(text), ephemeral=True)
