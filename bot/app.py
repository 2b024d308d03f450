"""The list of commands and buttons, and the wiring: settings in, a running bot out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.amendments import Amendments
from bot.appeals import AppealDesk
from bot.archive import Archive
from bot.bench import Bench
from bot.buttons import GalleryButton
from bot.case_buttons import AnswerButton, AppealButton, CaseButton
from bot.casework import Casework
from bot.client import Atelier
from bot.commands import (
    history,
    imagine,
    mod,
    mod_audit,
    mod_cases,
    mod_gate,
    mod_log,
    mod_rules,
    mod_sanctions,
    preset,
    privacy,
    queue,
    report,
    server,
    verify,
)
from bot.derive import Derive
from bot.desk import Desk
from bot.exposition import expose
from bot.gallery import Galleries
from bot.hearing import Hearing
from bot.metrics import Metrics
from bot.notices import Notices
from bot.pages import PageButton
from bot.presets import PresetBook
from bot.privacy import Privacy
from bot.privacy_cards import ForgetButton
from bot.provenance import Provenance
from bot.records import Records
from bot.reports import ReportDesk
from bot.resume import resume
from bot.review import ReviewPost
from bot.settings import DISCORD_API, Settings
from bot.studio import Studio
from bot.sweep import Sweep
from bot.verify import Verification
from db.database import Database
from generation.dispatch import Dispatch
from generation.link import open_link
from generation.messages import Configure
from generation.request import GuildId
from moderation.pictures import PictureCheck
from moderation.screen import Screen
from startup import StartError

log = logging.getLogger(__name__)

_GOODBYE_SECONDS = 5.0
"""A gateway that hangs would keep a stop waiting for its farewell for half a minute; nothing depends on it."""


def add_commands(tree: app_commands.CommandTree[Atelier]) -> None:
    tree.add_command(imagine.imagine)
    tree.add_command(preset.PresetGroup())
    tree.add_command(history.history)
    tree.add_command(queue.queue)
    moderators = mod.Mod()
    for each in (*mod_cases.COMMANDS, *mod_sanctions.COMMANDS, *mod_gate.COMMANDS, *mod_audit.COMMANDS):
        moderators.add_command(each)
    moderators.add_command(mod_rules.RULES)
    tree.add_command(moderators)
    tree.add_command(server.Server())
    tree.add_command(mod.remove_picture)
    tree.add_command(report.report)
    tree.add_command(privacy.PrivacyGroup())
    tree.add_command(verify.verify)
    tree.add_command(verify.verify_message)


def dispatch_of(settings: Settings, metrics: Metrics) -> Dispatch:
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
    return Dispatch(
        configure,
        max_waiting=generation.max_waiting,
        retries=generation.retries,
        connect=lambda: open_link(configure, patience=generation.patience, listen=metrics.hear),
        member_running=generation.member_running,
        weights={GuildId(int(server)): weight for server, weight in generation.server_weights.items()},
    )


def build(
    settings: Settings,
    records: Records,
    dispatch: Dispatch,
    screen: Screen,
    pictures: PictureCheck,
    provenance: Provenance,
    metrics: Metrics | None = None,
) -> Atelier:
    """A client that knows its commands and buttons; `galleries` needs a task group and is set by `run`."""
    # discord.py keeps both addresses on classes, Discord's own as the defaults.
    Route.BASE = settings.discord.api
    if settings.discord.api != DISCORD_API:
        # It identifies here whenever it can't resume: a token for another Discord must not go to the real one.
        api = URL(settings.discord.api)
        scheme = "wss" if api.scheme == "https" else "ws"
        DiscordWebSocket.DEFAULT_GATEWAY = api.with_scheme(scheme).with_path("/gateway")
    client = Atelier(ready_timeout=settings.discord.ready_timeout)
    add_commands(client.tree)
    client.add_dynamic_items(GalleryButton, PageButton, CaseButton, AppealButton, AnswerButton, ForgetButton)
    client.lists = {
        "history": history.turn,
        "log": mod_log.turn,
        "queue": queue.turn,
        "cases": mod_cases.turn,
    }
    client.studio = Studio(settings, records, dispatch, screen, pictures, provenance, metrics=metrics)
    client.presets = PresetBook(client.studio)
    client.desk = Desk(records, dispatch)
    client.archive = Archive(records)
    client.verification = Verification(records, provenance)
    _open_the_desk(client, settings)
    return client


def _open_the_desk(client: Atelier, settings: Settings) -> None:
    """What the moderators work with."""
    client.casework = Casework(client.studio.records, client.desk, settings.moderation)
    client.amendments = Amendments(client.casework)
    client.reports = ReportDesk(client.casework, settings.moderation.reports_an_hour)
    client.review = ReviewPost(client, client.casework, client.archive, settings.moderation.log_channel)
    client.notices = Notices(client, client.casework)
    client.bench = Bench(client, client.casework, client.review, client.notices)
    appeals = AppealDesk(client.casework, client.amendments)
    client.hearing = Hearing(appeals, client.review, client.notices)
    client.studio.review = client.review.note
    records, clock = client.studio.records, client.studio.clock
    client.privacy = Privacy(records, client.desk, settings.retention)
    client.sweep = Sweep(client, records, client.review, settings.retention, clock)


async def run(
    settings: Settings,
    database: Database,
    screen: Screen,
    pictures: PictureCheck,
    provenance: Provenance,
    token: str,
    stop: asyncio.Event,
) -> None:
    """Runs until `stop` is set or something fails for good. Raises WrongToken, DiscordUnreachable, CannotListen."""
    async with contextlib.AsyncExitStack() as open_until_the_end:
        metrics = Metrics()
        if settings.metrics.listen:
            await open_until_the_end.enter_async_context(expose(metrics, settings.metrics.listen))
        await _run(settings, database, screen, pictures, provenance, token, stop, metrics)


async def _run(
    settings: Settings,
    database: Database,
    screen: Screen,
    pictures: PictureCheck,
    provenance: Provenance,
    token: str,
    stop: asyncio.Event,
    metrics: Metrics,
) -> None:
    records = Records.of(database, settings.data)
    dispatch = dispatch_of(settings, metrics)
    metrics.show(dispatch)
    client = build(settings, records, dispatch, screen, pictures, provenance, metrics)
    try:
        # Before anything else is started: a wrong token must be said, not buried in a group of failures.
        await _log_in(client, token)
        async with asyncio.TaskGroup() as tasks:

            def spawn(work: Coroutine[Any, Any, None]) -> object:
                return tasks.create_task(_guarded(work))

            client.galleries = Galleries(client, client.studio, Derive(settings, records), client.desk, spawn)
            running = [
                tasks.create_task(dispatch.run()),
                tasks.create_task(_stay_connected(client)),
                tasks.create_task(client.show_presence()),
                tasks.create_task(client.review.run()),
                tasks.create_task(resume(client)),
                tasks.create_task(client.sweep.run()),
            ]
            if settings.metrics.listen:
                running.append(tasks.create_task(metrics.watch_loop()))
            await stop.wait()
            log.info("stopping: jobs in line go on at the next start")
            for task in running:
                task.cancel()
            raise Stopped
    except BaseExceptionGroup as failures:
        # The first failure has cancelled the rest; it is what there is to say.
        first = failures.exceptions[0]
        if isinstance(first, discord.ConnectionClosed):
            raise DiscordUnreachable(Route.BASE, str(first)) from first
        if not isinstance(first, Stopped):
            raise first from None
    finally:
        await _close(client)


async def _stay_connected(client: Atelier) -> None:
    """discord.py swallows a cancellation that finds it reconnecting, and then waits for ever: only closing ends it."""
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
    """Ends the task group, the jobs' own tasks included; their rows say where to go on."""


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """A job's own failure must not take the bot down with it."""
    try:
        await work
    except discord.DiscordException as error:
        log.warning("not told to Discord: %s", error)
    except Exception:
        log.exception("a job's task failed")
