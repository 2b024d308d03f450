"""A posted message and its edits: by the interaction's token while that lives, then by the bot's own rights."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import aiohttp
import discord
from discord import ui

from db import ReplyTarget
from generation import JobId

log = logging.getLogger(__name__)

TOKEN_SECONDS = 14.5 * 60
"""Discord's interaction tokens live fifteen minutes; half a minute is left for clocks that differ."""

_GONE = {10003, 10008}
"""Unknown channel, unknown message: the only refusals that are final. All others may pass."""
_NO_ACCESS = 50001
_NOT_BY_EDIT = {30046, 50083}
"""Too many edits of an old message, archived thread: a new message is still possible, and reopens the thread."""
_TOO_LARGE = 40005
_ACKNOWLEDGED = 40060
"""Discord has the first answer already: the confirmation of an earlier try was lost."""


_EARLIER = 60.0
"""Seconds before the order from which on its card is looked for: this machine's clock may differ from Discord's."""
_SINCE, _NEWEST = 500, 100
"""Messages that are looked at, from the order on and back from now. A request gives a hundred."""
_MOST_REASON = 200  # characters

_FIRST_PAUSE, LONGEST_PAUSE = 5.0, 15 * 60.0
"""Seconds between two tries of what Discord did not take. The pause doubles with each try."""

UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, OSError, json.JSONDecodeError)
"""Discord refused, sent an invalid answer, or could not be reached. discord.py passes the other errors through."""


def pause_after(failures: int, longest: float = LONGEST_PAUSE) -> float:
    """Returns the seconds until the next try. `failures`: the tries that failed before the last one."""
    return min(longest, _FIRST_PAUSE * 2 ** min(failures, 30))


def reason_of(error: Exception) -> str:
    """Returns the error for a log line. A proxy's error page is cut off."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_MOST_REASON]


def is_final(error: Exception) -> bool:
    """Returns whether an early second try is useless: Discord refused for a reason other than the rate limit or the token."""
    return (
        isinstance(error, discord.HTTPException)
        and 400 <= error.status < 500
        and error.status not in (401, 408, 429)
    )


def is_our_fault(error: Exception) -> bool:
    """Returns whether one of UNREACHABLE is a bug: Discord calls a request wrong, or a file of this machine is missing."""
    if isinstance(error, discord.HTTPException):
        return error.status == 400 and error.code not in {_ACKNOWLEDGED, *_NOT_BY_EDIT}
    return isinstance(error, OSError) and not isinstance(
        error, aiohttp.ClientError | ConnectionError | TimeoutError
    )


def is_gone(error: Exception) -> bool:
    """Returns whether a message that the bot has posted can't be edited any more: it, or the channel, is gone or closed."""
    return isinstance(error, discord.HTTPException) and error.code in {*_GONE, _NO_ACCESS}


def needs_repost(error: Exception) -> bool:
    """Returns whether no edit can succeed, but a new message can."""
    return isinstance(error, discord.HTTPException) and error.code in _NOT_BY_EDIT


def is_too_large(error: Exception) -> bool:
    return isinstance(error, discord.HTTPException) and (error.status == 413 or error.code == _TOO_LARGE)


class MessageGone(Exception):
    """The message or its channel was deleted, or the bot is not in the server any more."""


class PostedMessage:
    """A message that is edited in order. `lock` is held during each edit, so that a late preview can't overwrite the result."""

    def __init__(
        self,
        client: discord.Client,
        place: ReplyTarget,
        job: JobId | None = None,
        record: Callable[[int], Awaitable[object]] | None = None,
    ) -> None:
        """`job`: the job that it shows, when it may have to be posted. `record`: called with the id of each new message."""
        self._client = client
        self._job = job
        self._record = record
        self.place = place
        self.lock = asyncio.Lock()

    async def edit(self, view: ui.LayoutView, files: Sequence[discord.File]) -> int:
        """Replaces what the message shows, or posts it when it was never posted. Returns its id. `files` must be seekable.

        Raises MessageGone, which is final, or one of UNREACHABLE, after which a later try may succeed.
        """
        async with self.lock:
            webhook = self._webhook()
            if webhook is None or not await self._edit_by_token(webhook, view, files):
                await self._edit_as_bot(view, files)
            assert self.place.message_id is not None
            return self.place.message_id

    async def repost(self, view: ui.LayoutView, files: Sequence[discord.File]) -> None:
        """Posts a new message in place of one that can't be edited, and deletes that. Raises like `edit`."""
        async with self.lock:
            old = self.place
            await self._post(view, files)
            try:
                await PostedMessage(self._client, old).delete()
            except UNREACHABLE as error:
                log.warning("message %s has a newer one beside it: %s", old.message_id, error)

    async def _edit_by_token(
        self, webhook: discord.Webhook, view: ui.LayoutView, files: Sequence[discord.File]
    ) -> bool:
        """Returns False when the bot's own rights must be tried."""
        # "@original" names the answer when the bot stopped before it recorded the id.
        message_id = cast(int, self.place.message_id or "@original")
        try:
            message = await webhook.edit_message(message_id, view=view, attachments=files)
        except discord.HTTPException as error:
            if error.status == 429 or error.status >= 500 or is_too_large(error):
                raise
            log.info("message %s is not edited by its token: %s", self.place.message_id, error)
            if error.status in (401, 404):
                # Expired, or no message of this interaction: never answered, deleted, or posted by the bot's own rights.
                # Permanently: Discord counts each further 401.
                self.place = replace(self.place, token="")
            return False
        await self._now_is(message.id)
        return True

    async def _edit_as_bot(self, view: ui.LayoutView, files: Sequence[discord.File]) -> None:
        if self.place.message_id is None and not await self._is_found():
            await self._post(view, files)
            return
        assert self.place.message_id is not None
        _rewind(files)
        message = self._channel.get_partial_message(self.place.message_id)
        try:
            # For an edit without `content`, discord.py leaves out the client's allowed mentions.
            quiet = discord.AllowedMentions.none()
            await message.edit(view=view, attachments=files, allowed_mentions=quiet)
        except discord.HTTPException as error:
            if self._is_gone(error):
                raise MessageGone from error
            raise

    async def _is_found(self) -> bool:
        """Looks in the channel for the job's card when its id was lost: with the answer to the first post, or by a kill.

        Without the permission to read the history, a new message is posted beside it.
        """
        if self._job is None:
            return False
        try:
            async for message in self._candidates():
                if message.author == self._client.user and _shows(message, self._job):
                    await self._now_is(message.id)
                    return True
        except discord.HTTPException as error:
            if self._is_gone(error):
                raise MessageGone from error
            if not isinstance(error, discord.Forbidden) or self._may_read_history():
                raise
            log.info("a card without its id is not looked for: %s", error)
        return False

    async def _candidates(self) -> AsyncGenerator[discord.Message]:
        """Yields the messages since the order, and then the newest ones, because this machine's clock may have been wrong."""
        ordered = datetime.fromtimestamp(max(0.0, self.place.token_at - _EARLIER), UTC)
        after = discord.Object(max(0, discord.utils.time_snowflake(ordered)))
        async for message in self._channel.history(limit=_SINCE, after=after):
            yield message
        async for message in self._channel.history(limit=_NEWEST):
            yield message

    def _may_read_history(self) -> bool:
        """Returns whether the gateway says so. Then a refusal may pass, as one by a proxy does."""
        channel = self._client.get_channel(self.place.channel_id)
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return False
        return channel.permissions_for(channel.guild.me).read_message_history

    async def _post(self, view: ui.LayoutView, files: Sequence[discord.File]) -> None:
        _rewind(files)
        # For a repeated nonce, Discord answers with the message that the first request posted, even when its answer was lost.
        nonce = f"{self._job}{(self.place.message_id or 0) % 2**56:014x}" if self._job else None
        try:
            message = await self._channel.send(view=view, files=files, nonce=cast(str, nonce))
        except discord.HTTPException as error:
            if self._is_gone(error):
                raise MessageGone from error
            raise
        await self._now_is(message.id)
        if _texts(ui.LayoutView.from_message(message)) != _texts(view):
            await self._edit_as_bot(view, files)

    async def _now_is(self, message_id: int) -> None:
        if message_id == self.place.message_id:
            return
        self.place = replace(self.place, message_id=message_id)
        if self._record is not None:
            # At once: an id that a kill loses is a card that keeps its Cancel button.
            await self._record(message_id)

    @property
    def _channel(self) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(self.place.channel_id, guild_id=self.place.guild_id)

    def _webhook(self) -> discord.Webhook | None:
        """Returns the webhook of the interaction's token while that is valid."""
        token, application_id = self.place.token, self._client.application_id
        if not token or not application_id or time.time() - self.place.token_at >= TOKEN_SECONDS:
            return None
        return discord.Webhook.partial(application_id, token, client=self._client)

    def _is_gone(self, error: discord.HTTPException) -> bool:
        guild_id = self.place.guild_id
        # A server in an outage stays in the cache; one that the bot has left does not.
        has_left = guild_id is not None and self._client.is_ready() and not self._client.get_guild(guild_id)
        return error.code in _GONE or (has_left and error.status in (403, 404))

    async def mention(self, text: str, member: int) -> None:
        """Posts `text` as one more message, which notifies this member alone. Raises one of UNREACHABLE."""
        only = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(member)])
        # As in `_post`: the nonce keeps a second try from notifying twice. Discord takes none by a token.
        nonce = f"mention-{self._job}" if self._job else None
        try:
            await self._channel.send(text, allowed_mentions=only, nonce=cast(str, nonce))
        except discord.HTTPException as error:
            webhook = self._webhook()
            if webhook is None or not is_final(error):
                raise
            log.info("mentioned by the token: %s", error)
            await webhook.send(text, allowed_mentions=only, wait=True)

    async def has_mention(self, text: str) -> bool:
        """Returns whether `mention` has posted this text behind the message; False where the history can't be read.

        Raises one of UNREACHABLE.
        """
        after = discord.Object(self.place.message_id or 0)
        try:
            async for message in self._channel.history(limit=_SINCE, after=after):
                if message.author == self._client.user and message.content == text:
                    return True
        except discord.Forbidden:
            log.info("the channel's history can't be read")
        return False

    async def delete(self) -> None:
        """Deletes the message; no error when it does not exist. Raises one of UNREACHABLE when Discord refuses."""
        message_id, webhook = self.place.message_id, self._webhook()
        try:
            if message_id is not None:
                try:
                    await self._channel.get_partial_message(message_id).delete()
                    return
                except discord.Forbidden:
                    if webhook is None:
                        raise
            if webhook is not None:
                await webhook.delete_message(cast(int, message_id or "@original"))
        except discord.NotFound:
            return


def link_of(place: ReplyTarget) -> str:
    """Returns a link to the message; empty for one that was never posted."""
    if place.message_id is None:
        return ""
    return f"https://discord.com/channels/{place.guild_id or '@me'}/{place.channel_id}/{place.message_id}"


def _rewind(files: Sequence[discord.File]) -> None:
    for file in files:
        file.reset(seek=True)


def _shows(message: discord.Message, job: JobId) -> bool:
    """Returns whether the message is the job's card: a button names the job, or a line that names nothing else.

    A case's card names a job too, among other things.
    """
    view = ui.LayoutView.from_message(message)
    buttons = [(getattr(each, "custom_id", None) or "").split(":") for each in view.walk_children()]
    lines = [text.split() for text in _texts(view)]
    return any(job in parts for parts in buttons) or any(
        words[-1:] == [job] and len(words) <= 3 for words in lines
    )


def _texts(view: ui.LayoutView) -> list[str]:
    return [each.content.strip() for each in view.walk_children() if isinstance(each, ui.TextDisplay)]
