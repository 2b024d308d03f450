"""Files that members attach, fetched from Discord."""

import asyncio

import aiohttp
import discord

from bot.studio import FileTooLarge, FileUnreachable
from bot.studio.orders.prompt_file import MAX_PNG, MAX_TEXT

_PATIENCE = 1.5
"""Seconds. Discord wants its answer within three, and there is more to do before that."""


async def fetch(file: discord.Attachment) -> bytes:
    """Raises FileTooLarge before anything is fetched, FileUnreachable."""
    is_picture = (file.content_type or "").startswith("image/") or file.filename.lower().endswith(".png")
    limit = MAX_PNG if is_picture else MAX_TEXT
    if file.size > limit:
        raise FileTooLarge(file.size, limit, is_picture)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await file.read()
    except (TimeoutError, aiohttp.ClientError, discord.HTTPException) as error:
        raise FileUnreachable from error
