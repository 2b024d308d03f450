"""Cards of styles: name, owner, words, LoRAs and picture."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
from discord import ui

from bot.studio import PictureGone
from bot.ui import Language, View, card, markdown
from db import Style
from generation.files import images

THUMBNAIL, WHOLE = 160, 640  # pixels
_WORDS = 300
"""Characters of a style's words in a list: Discord allows 4,000 a message."""


async def style_card(
    say: Language,
    styles: Sequence[Style],
    read: Callable[[Style], Awaitable[tuple[bytes, bool]]],
    side: int,
    title: str = "",
    *,
    longest: int = _WORDS,
) -> tuple[View, list[discord.File]]:
    """Builds a card and its files. `side`: pixels of a picture. `longest`: characters that are shown of a style's words.

    `read`: returns a style's picture, and whether it is a spoiler; or raises PictureGone.
    """
    files: list[discord.File] = []
    items: list[ui.Item[Any]] = [ui.TextDisplay(title)] if title else []
    for style in styles:
        words = ui.TextDisplay[Any](_words(say, style, longest))
        try:
            content, is_spoiler = await read(style)
        except PictureGone:
            items.append(words)
            continue
        name = f"{style.id}.jpg"
        small = await asyncio.to_thread(images.thumbnail, content, side)
        files.append(discord.File(io.BytesIO(small), filename=name))
        items.append(ui.Section(words, accessory=ui.Thumbnail(f"attachment://{name}", spoiler=is_spoiler)))
    return card(*items), files


def _words(say: Language, style: Style, longest: int) -> str:
    lines = [say("style-about", name=style.name, version=style.version, member=style.member)]
    lines += [say("style-words", words=markdown.short(style.words, longest))] if style.words else []
    lines += [say("style-loras", loras=style.loras)] if style.loras else []
    return "\n".join(lines)
