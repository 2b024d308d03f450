"""The list of commands and buttons, and the wiring from settings to a running bot."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.cases.buttons import (
    AppealButton,
    AppealPress,
    CaseAction,
    CaseButton,
    LogChannelButton,
    LogChannelPress,
)
from bot.client import Atelier
from bot.commands import help as help_command
from bot.commands import history, imagine, preset, privacy, queue, report, server, verify
from bot.commands.mod import audit as mod_audit
from bot.commands.mod import cases as mod_cases
from bot.commands.mod import group as mod
from bot.commands.mod import lockdown as mod_lockdown
from bot.commands.mod import log as mod_log
from bot.commands.mod import log_channel as mod_log_channel
from bot.commands.mod import rules as mod_rules
from bot.commands.mod import sanctions as mod_sanctions
from bot.gallery.cards import GalleryButton
from bot.gallery.delivery import Spawn
from bot.gallery.remix_form import remix_input_in
from bot.gallery.resume import resume
from bot.metrics_server import expose
from bot.privacy.cards import ForgetButton, PrivacyPress
from bot.studio import DISCORD_API, GalleryAction, Settings
from bot.studio.metrics import Metrics
from bot.studio.parts import Parts, build_parts
from bot.studio.pictures.provenance import Provenance
from bot.ui import Page, PageButton
from db import Database, Decision, Repositories
from generation import Configure, GuildId
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from moderation import PromptFilter
from moderation.pictures.check import PictureCheck
from startup import StartError

log = logging.getLogger(__name__)

_GOODBYE_SECONDS = 5.0
"""Seconds. A gateway that hangs would delay a stop by half a minute. The bot does not need its goodbye."""


def add_commands(tree: app_commands.CommandTree[Atelier]) -> None:
    tree.add_command(imagine.imagine)
    tree.add_command(preset.PresetGroup())
    tree.add_command(history.history)
    tree.add_command(queue.queue)
    tree.add_command(help_command.help_)
    moderators = mod.Mod()
    for each in (
        *mod_log_channel.COMMANDS,
        *mod_cases.COMMANDS,
        *mod_sanctions.COMMANDS,
        *mod_lockdown.COMMANDS,
        *mod_audit.COMMANDS,
    ):
        moderators.add_command(each)
    moderators.add_command(mod_rules.RULES)
    tree.add_command(moderators)
    tree.add_command(server.Server())
    tree.add_command(mod.remove_picture)
    tree.add_command(report.report)
    tree.add_command(privacy.PrivacyGroup())
    tree.add_command(verify.verify)
    tree.add_command(verify.verify_message)


def add_routes(client: Atelier) -> None:
    client.add_dynamic_items(
        GalleryButton, PageButton, CaseButton, AppealButton, ForgetButton, LogChannelButton
    )
    routes, delivery, appeal_forms = client.routes, client.delivery, client.appeal_forms
    routes.add_each(GalleryAction, delivery.press)
    routes.add(GalleryAction.REMIX, delivery.open_form)
    routes.add(GalleryAction.DELETE, delivery.delete)
    routes.add(GalleryAction.CANCEL, queue.cancel)
    routes.add_form(remix_input_in, delivery.remix)
    routes.add(Page.HISTORY, history.turn)
    routes.add(Page.LOG, mod_log.turn)
    routes.add(Page.CASES, mod_cases.turn)
    routes.add_each(CaseAction, client.case_actions.press)
    routes.add(LogChannelPress.CHOOSE, mod_log_channel.confirm)
    routes.add(AppealPress.APPEAL, appeal_forms.open_form)
    routes.add(AppealPress.UPHOLD, partial(appeal_forms.open_answer, Decision.UPHELD))
    routes.add(AppealPress.OVERTURN, partial(appeal_forms.open_answer, Decision.OVERTURNED))
    routes.add(PrivacyPress.FORGET, privacy.forget)


def dispatch_of(settings: Settings, metrics: Metrics) -> Dispatcher:
    generation = settings.generation
    configure = Configure(
        models=settings.resolved_models,
        default=settings.default_model.name,
        preview_seconds=generation.preview_seconds,
        slots=generation.slots,
        memory_gib=generation.memory_gib,
        model_wait=generation.model_wait,
        pinned_rows=generation.pinned_rows,
        log_format=settings.logging.format,
        log_level=settings.logging.level,
    )
    return Dispatcher(
        configure,
        [partial(open_connection, patience=generation.patience, listen=metrics.hear)],
        max_waiting=generation.max_waiting,
        retries=generation.retries,
        member_running=generation.member_running,
        weights={GuildId(int(server)): weight for server, weight in generation.server_weights.items()},
    )


def build(parts: Parts, spawn: Spawn) -> Atelier:
    """Builds a client with its commands and buttons. `spawn` is first used when a member orders."""
    # discord.py keeps both addresses on classes; Discord's own are the defaults.
    Route.BASE = parts.settings.discord.api
    if Route.BASE != DISCORD_API:
        # discord.py connects here when it can't resume. A token for another Discord must not be sent to the real one.
        api = URL(Route.BASE)
        scheme = "wss" if api.scheme == "https" else "ws"
        DiscordWebSocket.DEFAULT_GATEWAY = api.with_scheme(scheme).with_path("/gateway")
    client = Atelier(parts, spawn)
    add_commands(client.tree)
    add_routes(client)
    return client


async def run(
    settings: Settings,
    database: Database,
    screen: PromptFilter,
    pictures: PictureCheck,
    provenance: Provenance,
    token: str,
    stop: asyncio.Event,
) -> None:
    """Runs until `stop` is set or an error ends the bot. Raises WrongToken, DiscordUnreachable, CannotListen."""
    records, metrics, tasks = Repositories.of(database, settings.data), Metrics(), asyncio.TaskGroup()
    dispatch = dispatch_of(settings, metrics)
    metrics.show(dispatch)
    parts = build_parts(settings, records, dispatch, screen, pictures, provenance, metrics=metrics)
    async with contextlib.AsyncExitStack() as open_until_the_end:
        if settings.metrics.listen:
            await open_until_the_end.enter_async_context(expose(metrics, settings.metrics.listen))
        client = build(parts, lambda work: tasks.create_task(_guarded(work)))
        open_until_the_end.push_async_callback(_close, client)
        # Before other tasks start: a wrong token must be reported alone, not inside a group of failures.
        await _log_in(client, token)
        try:
            async with tasks:
                running = [
                    tasks.create_task(dispatch.run()),
                    tasks.create_task(_stay_connected(client)),
                    tasks.create_task(client.show_presence()),
                    tasks.create_task(client.mod_channel.run()),
                    tasks.create_task(client.sanction_ends.run()),
                    tasks.create_task(resume(client, client.parts, client.delivery)),
                    tasks.create_task(client.erasure_sweep.run()),
                ]
                if settings.metrics.listen:
                    running.append(tasks.create_task(metrics.watch_loop()))
                await stop.wait()
                log.info("stopping: jobs in line go on at the next start")
                for task in running:
                    task.cancel()
                raise Stopped
        except BaseExceptionGroup as failures:
            # The first failure cancelled the other tasks, so only the first one is raised.
            first = failures.exceptions[0]
            if isinstance(first, discord.ConnectionClosed):
                raise DiscordUnreachable(Route.BASE, str(first)) from first
            if not isinstance(first, Stopped):
                raise first from None


async def _stay_connected(client: Atelier) -> None:
    """Keeps the connection open. discord.py swallows a cancellation while it reconnects and then waits for ever; only closing
    ends it.
    """
    connection = asyncio.create_task(client.connect())
    try:
        await asyncio.shield(connection)
    finally:
        connection.cancel()
        await _close(client)
        await asyncio.wait({connection}, timeout=_GOODBYE_SECONDS)


async def _close(client: Atelier) -> None:
    if not client.is_closed():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await client.close()


async def _log_in(client: Atelier, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure as error:
        raise WrongToken from error
    except (aiohttp.ClientError, discord.HTTPException, OSError) as error:
        raise DiscordUnreachable(Route.BASE, str(error)) from error


class WrongToken(StartError):
    def __str__(self) -> str:
        return (
            "Discord refuses the token in DISCORD_TOKEN. "
            "Copy it again from the Developer Portal → Bot → Reset Token."
        )


@dataclass(eq=False)
class DiscordUnreachable(StartError):
    api: str
    reason: str

    def __str__(self) -> str:
        return f"Discord can't be reached at {self.api}: {self.reason}"


class Stopped(Exception):
    """Ends the task group and the jobs' tasks. The jobs' rows say where to continue."""


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """Runs a job's task; its failure must not stop the bot."""
    try:
        await work
    except discord.DiscordException as error:
        log.warning("not told to Discord: %s", error)
    except Exception:
        log.exception("a job's task failed")
