"""Downloads files that members attach."""

import asyncio
from urllib.parse import urlsplit

import aiohttp
import discord
from discord.http import Route

from bot.studio import FileTooLarge, FileUnreachable, PictureGone
from bot.studio.orders.prompt_file import MAX_PNG, MAX_TEXT

_PATIENCE = 1.5
"""Seconds. Discord requires an answer within three, and more work follows."""


_CDN = ("cdn.discordapp.com", "media.discordapp.net")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


async def fetch(file: discord.Attachment, most: int) -> bytes:
    """Downloads the file. `most`: bytes that the bot may post here, so that its own pictures can be read.

    Raises FileTooLarge, mostly before the download; FileUnreachable.
    """
    is_picture = (file.content_type or "").startswith("image/") or file.filename.lower().endswith(_PICTURES)
    limit = max(MAX_PNG, most) if is_picture else MAX_TEXT
    if file.size > limit:
        raise FileTooLarge(file.size, limit, is_picture)
    try:
        content = await fetched(file.url, limit, _PATIENCE)
    except PictureGone as error:
        raise FileUnreachable from error
    if len(content) > limit:
        raise FileTooLarge(len(content), limit, is_picture)
    return content


async def fetch_text(file: discord.Attachment, most: int) -> bytes:
    """Downloads a file of at most `most` bytes. Raises FileTooLarge, mostly before the download; FileUnreachable."""
    if file.size > most:
        raise FileTooLarge(file.size, most, False)
    try:
        content = await fetched(file.url, most, _PATIENCE)
    except PictureGone as error:
        raise FileUnreachable from error
    if len(content) > most:
        raise FileTooLarge(len(content), most, False)
    return content


async def fetched(address: str, most: int, patience: float) -> bytes:
    """Downloads at most `most` bytes and one more; the stated size may be wrong. `patience`: seconds.

    Raises PictureGone when the file is deleted; FileUnreachable, also for an address that is not Discord's.
    """
    content = bytearray()
    if not is_discords(address):
        raise FileUnreachable
    try:
        async with (
            asyncio.timeout(patience),
            aiohttp.ClientSession() as session,
            session.get(address, allow_redirects=False) as response,
        ):
            if response.status in (403, 404):
                raise PictureGone
            response.raise_for_status()
            if response.status != 200:  # a redirection
                raise FileUnreachable
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > most:
                    break
    except (TimeoutError, ValueError, aiohttp.ClientError) as error:
        raise FileUnreachable from error
    return bytes(content[: most + 1])


def is_discords(address: str) -> bool:
    """Returns whether Discord itself stores the file: nothing else is ever fetched for a member.

    A local Discord stores its files on its own host.
    """
    try:
        parts, api = urlsplit(address), urlsplit(Route.BASE)
    except ValueError:
        return False
    if parts.hostname in _CDN:
        return parts.scheme == "https"
    return parts.hostname is not None and parts.hostname == api.hostname and parts.scheme == api.scheme
