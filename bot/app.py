"""The list of commands and buttons, and the wiring from settings to a running bot."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

import discord
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.cases.buttons import (
    AppealButton,
    AppealForm,
    AppealPress,
    CaseAction,
    CaseButton,
    CaseForm,
    FoldedAction,
    FoldedButton,
    LogChannelButton,
    LogChannelPress,
    ProposalAction,
    ProposalButton,
    RaidAction,
    RaidButton,
    SeveralAction,
    SeveralButton,
    SeveralForm,
)
from bot.client import Atelier
from bot.commands import help as help_command
from bot.commands import (
    ideas,
    imagine,
    picture,
    picture_forms,
    report,
    server,
    sketch,
    style,
    vary,
    verify,
)
from bot.commands.mod import audit as mod_audit
from bot.commands.mod import cases as mod_cases
from bot.commands.mod import export as mod_export
from bot.commands.mod import group as mod
from bot.commands.mod import lockdown as mod_lockdown
from bot.commands.mod import log as mod_log
from bot.commands.mod import log_channel as mod_log_channel
from bot.commands.mod import member as mod_member
from bot.commands.mod import rules as mod_rules
from bot.commands.mod import sanctions as mod_sanctions
from bot.commands.mod.desk import notes as mod_notes
from bot.commands.own import history, preset, privacy, queue, show
from bot.commands.own import settings as settings_command
from bot.commands.picture import PanelPress
from bot.connection import FIRST_PAUSE, LONGEST_PAUSE, close, growing_pauses, log_in, stay_connected
from bot.gallery.cards import GalleryButton
from bot.gallery.delivery import Spawn
from bot.gallery.ideas import IdeaButton, IdeaPress
from bot.gallery.region import region_input_in
from bot.gallery.remix_form import remix_input_in
from bot.gallery.resume import resume, sort_files
from bot.gallery.tries import TryButton, TryPress
from bot.gallery.typed_cards import TypedButton, TypedPress, typed_in
from bot.mask_page.drawn_regions import drawn_input_in
from bot.mask_page.server import serve_page
from bot.metrics_server import expose
from bot.posted_message import UNREACHABLE, reason_of
from bot.privacy.cards import ForgetButton, PrivacyPress
from bot.studio import DISCORD_API, GalleryAction, Settings, health
from bot.studio.metrics import Metrics
from bot.studio.parts import Parts, build_parts
from bot.studio.pictures.provenance import Provenance
from bot.ui import Page, PageButton, texts_in
from db import Database, Decision, Repositories, StorageError
from generation import Configure, GuildId
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from moderation import PromptFilter
from moderation.pictures.check import PictureCheck
from startup import StartError

log = logging.getLogger(__name__)

_PARK_SECONDS = 6.0
"""Seconds that a stop waits for results under way and for the cards of parked jobs. Docker kills after ten."""
_GRACE_SECONDS = 1.0
"""Seconds in which answers to presses and commands may end by themselves at a stop."""
_ANSWERS = ("CommandTree", "discord-ui", "discord.py")
"""The first words of the names that discord.py gives to their tasks."""


def add_commands(tree: app_commands.CommandTree[Atelier]) -> None:
    tree.add_command(imagine.imagine)
    tree.add_command(vary.vary)
    tree.add_command(vary.blend)
    tree.add_command(vary.edit)
    tree.add_command(sketch.sketch)
    tree.add_command(ideas.ideas)
    tree.add_command(preset.PresetGroup())
    tree.add_command(style.StyleGroup())
    tree.add_command(settings_command.settings)
    tree.add_command(history.history)
    tree.add_command(show.show)
    tree.add_command(queue.queue)
    tree.add_command(help_command.help_)
    moderators = mod.Mod()
    for each in (
        *mod_log_channel.COMMANDS,
        *mod_cases.COMMANDS,
        *mod_member.COMMANDS,
        *mod_notes.COMMANDS,
        *mod_sanctions.COMMANDS,
        *mod_lockdown.COMMANDS,
        *mod_audit.COMMANDS,
        *mod_export.COMMANDS,
    ):
        moderators.add_command(each)
    moderators.add_command(mod_rules.RULES)
    tree.add_command(moderators)
    tree.add_command(server.Server())
    tree.add_command(picture.picture)
    tree.add_command(privacy.PrivacyGroup())
    tree.add_command(verify.verify)


def add_routes(client: Atelier) -> None:
    routes, actions, appeal_forms = client.routes, client.gallery_actions, client.appeal_forms
    typed = client.typed_orders
    routes.add_buttons(
        client,
        GalleryButton,
        TryButton,
        IdeaButton,
        PageButton,
        CaseButton,
        FoldedButton,
        ProposalButton,
        SeveralButton,
        RaidButton,
        AppealButton,
        ForgetButton,
        LogChannelButton,
        TypedButton,
        picture.PanelButton,
    )
    routes.add_each(GalleryAction, actions.press)
    routes.add(GalleryAction.REMIX, actions.open_form)
    routes.add(GalleryAction.REGION, client.regions.show)
    routes.add(GalleryAction.CELLS, client.regions.open_form)
    routes.add_form(region_input_in, client.regions.order)
    routes.add(GalleryAction.DRAW, client.drawn_regions.give_link)
    routes.add(GalleryAction.DRAWN, client.drawn_regions.open_form)
    routes.add_form(drawn_input_in, client.drawn_regions.order)
    routes.add(GalleryAction.DELETE, actions.delete)
    routes.add(GalleryAction.CANCEL, queue.cancel)
    routes.add(GalleryAction.SHOW, actions.show)
    routes.add(GalleryAction.PING, actions.toggle_ping)
    routes.add(GalleryAction.SEND, actions.send)
    routes.add(TryPress.TRY, actions.try_prompt)
    routes.add(IdeaPress.SURPRISE, actions.surprise)
    routes.add(IdeaPress.MORE, ideas.more)
    routes.add_form(remix_input_in, actions.remix)
    routes.add(TypedPress.EDIT, typed.open_form)
    routes.add(TypedPress.DRAW, typed.draw)
    routes.add(TypedPress.DISMISS, typed.dismiss)
    routes.add_form(typed_in, typed.order)
    routes.add(Page.HISTORY, history.turn)
    routes.add(Page.STYLES, style.turn)
    routes.add(Page.LOG, mod_log.turn)
    routes.add(Page.CASES, mod_cases.turn)
    routes.add_each(CaseAction, client.case_actions.press)
    routes.add(CaseAction.HISTORY, client.case_history.press)
    routes.add(Page.CASE, client.case_history.turn)
    routes.add_form(texts_in(CaseForm), client.case_actions.submit)
    routes.add_form(texts_in(AppealForm), appeal_forms.submit)
    routes.add_form(texts_in(report.ReportForm), report.submit)
    routes.add_each(FoldedAction, client.case_actions.press_folded)
    routes.add_each(ProposalAction, client.case_actions.press_proposal)
    routes.add_each(SeveralAction, client.several_cases.press)
    routes.add_each(RaidAction, client.several_cases.press_raid)
    routes.add_form(texts_in(SeveralForm), client.several_cases.submit)
    routes.add(LogChannelPress.CHOOSE, mod_log_channel.confirm)
    routes.add(AppealPress.APPEAL, appeal_forms.open_form)
    routes.add(AppealPress.UPHOLD, partial(appeal_forms.open_answer, Decision.UPHELD))
    routes.add(AppealPress.OVERTURN, partial(appeal_forms.open_answer, Decision.OVERTURNED))
    routes.add(PrivacyPress.FORGET, privacy.forget)
    routes.add(PanelPress.SUBTLE, picture.vary_subtle)
    routes.add(PanelPress.STRONG, picture.vary_strong)
    routes.add(PanelPress.REMIX, picture.open_form)
    routes.add(PanelPress.EDIT, picture.open_instruction)
    routes.add(PanelPress.STYLE, picture.open_style)
    routes.add(PanelPress.VERIFY, picture.look_up)
    routes.add(PanelPress.REPORT, picture.open_report)
    routes.add(PanelPress.REMOVE, picture.remove)
    routes.add_form(picture_forms.remix_in, picture.remix)
    routes.add_form(picture_forms.instruction_in, picture.edit)
    routes.add_form(picture_forms.style_in, picture.use_as_style)


def dispatch_of(settings: Settings, metrics: Metrics) -> Dispatcher:
    generation = settings.generation
    configure = Configure(
        models=settings.resolved_models,
        default=settings.default_model.name,
        preview_seconds=generation.preview_seconds,
        slots=generation.slots,
        memory_gib=generation.memory_gib,
        model_wait=generation.model_wait,
        weights={GuildId(int(server)): weight for server, weight in generation.server_weights.items()},
        pinned_rows=generation.pinned_rows,
        log_format=settings.logging.format,
        log_level=settings.logging.level,
        log_file=settings.logging.worker_file,
    )
    return Dispatcher(
        configure,
        [partial(open_connection, patience=generation.patience, listen=metrics.hear)],
        max_waiting=generation.max_waiting,
        retries=generation.retries,
        member_running=generation.member_running,
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
    """Runs until `stop` is set. Raises WrongToken, GatewayRefused, CannotListen.

    After an unexpected error, everything but the database starts again.
    """
    records, metrics = Repositories.of(database, settings.data), Metrics()
    dispatch = dispatch_of(settings, metrics)
    metrics.show(dispatch)
    parts = build_parts(settings, records, dispatch, screen, pictures, provenance, metrics=metrics)
    for pause in growing_pauses(FIRST_PAUSE, LONGEST_PAUSE):
        try:
            await _run_once(parts, metrics, token, stop)
            return
        except StartError:
            raise
        except Exception:
            log.exception("the bot starts again in %g s after an unexpected error", pause)
        if not await _until(stop, asyncio.sleep(pause)):
            return


async def _run_once(parts: Parts, metrics: Metrics, token: str, stop: asyncio.Event) -> None:
    """Runs until `stop` is set, then parks the jobs. Raises the first error of a task that must not fail."""
    tasks, jobs = asyncio.TaskGroup(), set[asyncio.Task[None]]()
    listen = parts.settings.metrics.listen

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        guarded = _guarded(client, work)
        try:
            job = tasks.create_task(guarded)
        except RuntimeError:
            # The group is ending. The job's row is committed: the next start takes it up.
            guarded.close()
            work.close()
            return
        jobs.add(job)
        job.add_done_callback(jobs.discard)

    async with contextlib.AsyncExitStack() as open_until_the_end:
        client = build(parts, spawn)
        open_until_the_end.push_async_callback(_end_answers)
        open_until_the_end.push_async_callback(close, client)
        if listen:
            look = partial(
                health.examine,
                parts.records,
                parts.dispatch,
                parts.settings,
                client.gateway_latency,
                parts.clock,
            )
            await open_until_the_end.enter_async_context(expose(metrics, listen, look))
        if parts.region_links.is_offered:
            page = serve_page(parts, parts.settings.mask_page.listen)
            await open_until_the_end.enter_async_context(page)
        # Before other tasks start: a wrong token must be reported alone, not inside a group of failures.
        if not await _until(stop, log_in(client, token)):
            return
        try:
            async with tasks:
                connection = tasks.create_task(stay_connected(client))
                running = [tasks.create_task(parts.dispatch.run())]
                if listen:
                    running.append(tasks.create_task(metrics.watch_loop()))
                for loop in (
                    client.show_presence,
                    client.keep_commands_synced,
                    client.mod_channel.run,
                    client.digests.run,
                    client.effects.run,
                    client.lockdown_ends.run,
                    partial(sort_files, parts),
                    parts.likeness.prepare,
                    partial(resume, client, parts, client.delivery),
                    client.erasure_sweep.run,
                ):
                    running.append(tasks.create_task(_again_after_errors(loop)))
                await stop.wait()
                log.info("stopping: %d jobs in line go on at the next start", len(jobs))
                # The connection stays open until the cards are updated.
                parts.dispatch.park()
                for task in running:
                    task.cancel()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PARK_SECONDS):
                        while jobs:
                            await asyncio.wait(jobs)
                connection.cancel()
                raise Stopped
        except BaseExceptionGroup as failures:
            # The first failure cancelled the other tasks, so only the first one is raised.
            first = failures.exceptions[0]
            if not isinstance(first, Stopped):
                raise first from None


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Runs `work` until it is done, or `stop` is set. Returns whether it is done; raises its error."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.wait({task, stopped})


async def _end_answers() -> None:
    """Ends the answers to presses and commands that a closed client leaves, because the database closes next.

    Most end by themselves: no request of a closed client succeeds.
    """
    answers = {task for task in asyncio.all_tasks() if task.get_name().startswith(_ANSWERS)}
    if not answers:
        return
    _, late = await asyncio.wait(answers, timeout=_GRACE_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.wait(answers)
    for task in answers:
        if not task.cancelled() and (error := task.exception()):
            log.warning("an answer ended with the connection: %s", reason_of(cast(Exception, error)))


class Stopped(Exception):
    """Ends the task group and the jobs' tasks. The jobs' rows say where to continue."""


async def _again_after_errors(loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a background loop again after an error: one odd answer of Discord must not end the bot."""
    for pause in growing_pauses(FIRST_PAUSE, LONGEST_PAUSE):
        try:
            await loop()
            return
        except Exception:
            log.exception("a background task failed and starts again in %g s", pause)
        await asyncio.sleep(pause)


async def _guarded(client: discord.Client, work: Coroutine[Any, Any, None]) -> None:
    """Runs a job's task; its failure must not stop the bot."""
    try:
        await work
    except (discord.DiscordException, StorageError, *UNREACHABLE) as error:
        log.warning("a job's task stopped: %s", error)
    except Exception as error:
        if client.is_closed():
            # discord.py raises RuntimeError then. The job's row is committed: the next start takes it up.
            log.warning("a job's task stopped with the connection: %s", reason_of(error))
        else:
            log.exception("a job's task failed")
