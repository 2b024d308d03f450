"""A posted message and its edits: by the interaction's token while that lives, then by the bot's own rights."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import aiohttp
import discord

from db import ReplyTarget

log = logging.getLogger(__name__)

TOKEN_SECONDS = 14.5 * 60
"""Discord's interaction tokens live fifteen minutes; half a minute is left for clocks that differ."""

_EXPIRED = {10015, 10062, 50027}
"""Unknown webhook, unknown interaction, invalid webhook token: the answers of Discord and its stand-ins to an expired token."""
_GONE = {10003, 10008, 50001}
"""Unknown channel, unknown message, missing access: there is no message to edit."""


UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, OSError)
"""Discord refused, sent an invalid answer, or could not be reached. discord.py passes aiohttp's own errors through."""


def is_final(error: Exception) -> bool:
    """Returns whether another try is useless: Discord refused for a reason other than the rate limit or the token."""
    return (
        isinstance(error, discord.HTTPException)
        and 400 <= error.status < 500
        and error.status not in (401, 408, 429)
    )


class MessageGone(Exception):
    """The message or its channel was deleted."""


class PostedMessage:
    """A message that is edited in order. `lock` is held during each edit, so that a late preview can't overwrite the result."""

    def __init__(self, client: discord.Client, place: ReplyTarget) -> None:
        self._client = client
        self.place = place
        self.lock = asyncio.Lock()

    async def edit(self, view: discord.ui.LayoutView, files: Sequence[discord.File]) -> int:
        """Replaces the message and returns its id. `files` may be sent twice, so they must be seekable.

        Raises MessageGone, or discord.HTTPException when Discord fails for another reason.
        """
        async with self.lock:
            message_id = await self._edit(view, files)
            # When the message had to be posted again, later edits go to the new one.
            self.place = replace(self.place, message_id=message_id)
            return message_id

    async def _edit(self, view: discord.ui.LayoutView, files: Sequence[discord.File]) -> int:
        token = self.place.token
        if token and time.time() - self.place.token_at < TOKEN_SECONDS and self._client.application_id:
            webhook = discord.Webhook.partial(self._client.application_id, token, client=self._client)
            # "@original" names the answer when the bot stopped before it recorded the id.
            message_id = cast(int, self.place.message_id or "@original")
            try:
                message = await webhook.edit_message(message_id, view=view, attachments=files)
            except discord.HTTPException as error:
                if error.code not in _EXPIRED and error.status != 401:
                    # An unknown @original was never answered: a new message is posted below.
                    if error.code in _GONE and self.place.message_id is not None:
                        raise MessageGone from error
                    if error.code not in _GONE:
                        raise
                log.info("token of message %s has expired: going on as the bot", self.place.message_id)
                # Permanently: each further try would be another 401, and Discord counts those.
                self.place = replace(self.place, token="")
                for file in files:
                    file.reset(seek=True)
            else:
                return message.id
        return await self._edit_as_bot(view, files)

    async def _edit_as_bot(self, view: discord.ui.LayoutView, files: Sequence[discord.File]) -> int:
        channel = self._client.get_partial_messageable(self.place.channel_id, guild_id=self.place.guild_id)
        try:
            if self.place.message_id is None:
                return (await channel.send(view=view, files=files)).id
            message = channel.get_partial_message(self.place.message_id)
            # For an edit without `content`, discord.py leaves out the client's allowed mentions.
            quiet = discord.AllowedMentions.none()
            return (await message.edit(view=view, attachments=files, allowed_mentions=quiet)).id
        except discord.HTTPException as error:
            if error.code in _GONE:
                raise MessageGone from error
            raise

    async def delete(self) -> None:
        """Deletes the message; no error when it does not exist."""
        if self.place.message_id is None:
            return
        channel: Any = self._client.get_partial_messageable(
            self.place.channel_id, guild_id=self.place.guild_id
        )
        try:
            await channel.get_partial_message(self.place.message_id).delete()
        except discord.NotFound:
            return
