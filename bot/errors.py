"""The one place where an error becomes a sentence: the boundary of every command and button."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import discord

from bot.posted_message import UNREACHABLE
from bot.studio.orders.order import MemberBlocked
from bot.texts import members as texts
from bot.texts import moderators as mod_texts
from bot.texts import privacy as privacy_texts
from bot.texts import prompts as wish_texts

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]


@asynccontextmanager
async def boundary(interaction: Interaction) -> AsyncGenerator[None]:
    """What is raised inside reaches the member as a sentence, privately; a bug as a reference that the log holds too."""
    try:
        yield
    except Exception as error:
        await answer(interaction, error)


async def answer(interaction: Interaction, error: Exception) -> None:
    text = sentence(error)
    if text is None:
        reference = new_reference()
        log.error("bug %s in %s", reference, _where(interaction), exc_info=error)
        text = texts.bug(reference)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
        if isinstance(error, MemberBlocked):
            # Why, and how to appeal, where no direct message could say it.
            await interaction.client.notices.tell_pending(interaction)
    except UNREACHABLE as gone:
        # Past its three seconds or fifteen minutes nobody can be told any more.
        log.warning("could not tell %s: %s", _where(interaction), gone)


def sentence(error: Exception) -> str | None:
    """What the member is told; None for what is a bug and not a refusal."""
    return (
        texts.sentence(error)
        or mod_texts.sentence(error)
        or privacy_texts.sentence(error)
        or wish_texts.sentence(error)
    )


def new_reference() -> str:
    return secrets.token_hex(4)


def _where(interaction: Interaction) -> str:
    command = interaction.command.qualified_name if interaction.command else ""
    custom_id = str((interaction.data or {}).get("custom_id", ""))
    return command or custom_id or "an interaction"
