"""The error boundary of commands, buttons and forms: the one place where errors become answers."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import discord

from bot.gallery import typed_cards
from bot.permissions import read_levels
from bot.posted_message import UNREACHABLE, is_our_fault, reason_of
from bot.studio import MemberBlocked, PromptRefused, TooBusy
from bot.ui import Language, markdown, say_to
from db.database import write_patience

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

_LONGEST_ANSWER = 2000  # characters; Discord's limit
_STORE_SECONDS = 2.0
"""Seconds that an interaction without an answer waits for the database. Discord waits three."""


@asynccontextmanager
async def boundary(interaction: Interaction) -> AsyncGenerator[None]:
    """Sends the sentence of a raised error to the member, privately. A bug is sent as a reference that the log holds too."""
    limit_waits(interaction)
    try:
        await read_levels(interaction)
        yield
    except Exception as error:
        await answer(interaction, error)


def limit_waits(interaction: Interaction) -> None:
    """Makes the database refuse this task's writes in time for an answer. After the answer, they wait without a limit."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    until = loop.time() + _STORE_SECONDS

    def seconds() -> float:
        # A job's task begins in the interaction's context, but outlives it.
        is_answered = interaction.response.is_done() or asyncio.current_task() is not task
        return inf if is_answered else max(0.0, until - loop.time())

    write_patience.set(seconds)


async def answer(interaction: Interaction, error: Exception) -> None:
    if interaction.client.is_closed():
        log.warning("no answer in %s, because the bot is ending: %s", _where(interaction), reason_of(error))
        return
    say = say_to(interaction)
    if isinstance(error, TooBusy) and not interaction.response.is_done():
        if interaction.client.delivery.intake.is_over(interaction):
            return
        if await interaction.client.quick_refusal.send(interaction, say):
            return
    text = markdown.short(told(error, say, f"in {_where(interaction)}"), _LONGEST_ANSWER)
    said: dict[str, Any] = {"content": text}
    if isinstance(error, PromptRefused) and (error.verdict or error.remixed):
        said = {"view": typed_cards.refusal(say, text, error)}
    try:
        if interaction.response.is_done():
            await interaction.followup.send(**said, ephemeral=True)
        else:
            await interaction.response.send_message(**said, ephemeral=True)
        if isinstance(error, MemberBlocked):
            # Sends the case and its appeal button here when no direct message could.
            await interaction.client.direct_messages.tell_pending(interaction)
    except Exception as gone:
        # After three seconds (first answer) or fifteen minutes (token) Discord accepts no answer; a closed client sends none.
        if not (isinstance(gone, UNREACHABLE) or interaction.client.is_closed()):
            raise
        log.warning("could not tell %s: %s", _where(interaction), gone)


def told(error: Exception, say: Language, where: str) -> str:
    """Returns the error's sentence; for a bug, its reference, which is also logged. `where`: for the log."""
    if sentence := say.sentence(error):
        return sentence
    if isinstance(error, UNREACHABLE) and not is_our_fault(error):
        log.warning("Discord failed %s: %s", where, reason_of(error))
        return say("discord-failed")
    reference = secrets.token_hex(4)
    log.error("bug %s %s", reference, where, exc_info=error)
    return say("bug", reference=reference)


def _where(interaction: Interaction) -> str:
    command = interaction.command.qualified_name if interaction.command else ""
    custom_id = str((interaction.data or {}).get("custom_id", ""))
    return command or custom_id or "an interaction"
