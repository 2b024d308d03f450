"""Downloads files that members attach."""

import asyncio

import aiohttp
import discord

from bot.studio import FileTooLarge, FileUnreachable
from bot.studio.orders.prompt_file import MAX_PNG, MAX_TEXT

_PATIENCE = 1.5
"""Seconds. Discord requires an answer within three, and more work follows."""


_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


async def fetch(file: discord.Attachment) -> bytes:
    """Downloads the file. Raises FileTooLarge before the download, FileUnreachable."""
    is_picture = (file.content_type or "").startswith("image/") or file.filename.lower().endswith(_PICTURES)
    limit = MAX_PNG if is_picture else MAX_TEXT
    if file.size > limit:
        raise FileTooLarge(file.size, limit, is_picture)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await file.read()
    except (TimeoutError, aiohttp.ClientError, discord.HTTPException) as error:
        raise FileUnreachable from error
