"""Edits a running job's card with the newest progress, within Discord's rate limits and at a readable pace."""

import asyncio
import contextlib
import logging
from dataclasses import replace
from weakref import WeakValueDictionary

from asyncio_throttle import Throttler

from bot.gallery import cards
from bot.posted_message import UNREACHABLE, MessageGone, PostedMessage
from bot.studio.orders.reading import noted
from bot.studio.screening.pictures import PreviewScreening
from bot.ui import Language
from db import Job, StorageError
from generation import Progress, Running, Ticket, Waiting

log = logging.getLogger(__name__)

_CHANNEL_EDITS = 5
_CHANNEL_PERIOD = 5.0
"""Seconds. Discord allows about five edits in five seconds per channel."""
_CARD_PERIOD = 1.5
_WAITING_PERIOD = 5.0
"""Seconds between two edits that only change the queue position: fifty waiting cards must leave room for previews."""


class EditPace:
    """One throttler per channel, kept as long as a job there uses it."""

    def __init__(self) -> None:
        self._channels: WeakValueDictionary[int, Throttler] = WeakValueDictionary()

    def of(self, channel_id: int) -> Throttler:
        throttler = Throttler(_CHANNEL_EDITS, _CHANNEL_PERIOD, retry_interval=0.1)
        return self._channels.setdefault(channel_id, throttler)


async def show_progress(
    say: Language,
    job: Job,
    ticket: Ticket,
    post: PostedMessage,
    pace: EditPace,
    *,
    shown: Progress | None,
    previews: PreviewScreening,
    is_spoiler: bool,
) -> None:
    """Follows the ticket until it is done, or until the caller cancels this while it holds the post's lock."""
    channel, own = pace.of(post.place.channel_id), Throttler(1, _CARD_PERIOD, retry_interval=0.1)
    number = 0
    async for _ in ticket:
        if isinstance(ticket.progress, Waiting):
            # The job's start ends the pause: the first preview must not wait for an edit of the queue position.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ticket.wait_for_start(), _WAITING_PERIOD)
        await own.acquire()
        await channel.acquire()
        newest = ticket.progress
        if newest == shown or ticket.is_done:
            continue
        number += 1
        as_posted = newest
        if isinstance(newest, Running) and newest.preview:
            as_posted = replace(newest, preview=await previews.shown(newest.preview))
        told = noted(job, ticket.reading)
        view, files = cards.progress_card(say, told, as_posted, number, is_spoiler=is_spoiler)
        try:
            await post.edit(view, files)
        except MessageGone:
            return
        except (StorageError, *UNREACHABLE) as error:
            # A missed preview does no harm: the next one or the result follows.
            log.info("progress not shown: %s", error)
        shown = newest
