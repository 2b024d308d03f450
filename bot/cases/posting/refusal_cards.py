"""Cards of refused prompts: one for each member, which counts the refusals while they follow one another.

A card is tried a few times; after that, the refusal is in /mod log alone. During a raid, newcomers' refusals are counted on the
raid's card instead.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import discord

from bot.cases import cards as case_cards
from bot.cases.log_channels import LogChannels
from bot.cases.posting.loudness import loudness
from bot.studio.cases.folding import live_raid
from bot.studio.cases.review_queue import Waiting
from bot.ui import say_in
from db import Repositories, VerdictRecord
from generation import MemberId

log = logging.getLogger(__name__)

EDIT_SECONDS = 3.0
"""Seconds between two edits of a card that counts."""
_FOLD_SECONDS = 600.0
"""Seconds without a refusal after which a member's next one gets a card of its own."""
_MOST_MEMBERS = 200
"""Maximum of members per server whose refusals are counted at the same time. The one who is longest without a refusal makes room:
their next one gets a new card."""
_MOST_FAILURES = 3


def _new_nonce() -> str:
    return secrets.token_hex(12)


@dataclass(slots=True, eq=False, kw_only=True)
class _Refusals:
    """A member's refused prompts, shown on one card that counts them."""

    newest: VerdictRecord
    since: float  # unix seconds
    count: int
    message: discord.Message | None = None
    is_over: bool = False
    has_more: asyncio.Event = field(default_factory=asyncio.Event)
    # The same for each try to post the card: after a lost answer, Discord answers with the card that is there.
    nonce: str = field(default_factory=_new_nonce)

    def add(self, waiting: Waiting) -> None:
        self.newest = waiting.newest
        self.count += waiting.count
        self.has_more.set()


class RefusalCards:
    def __init__(
        self,
        client: discord.Client,
        records: Repositories,
        channels: LogChannels,
        posting: defaultdict[int, asyncio.Lock],
        guarded: Callable[[Awaitable[None], int], Awaitable[bool]],
        refresh_case: Callable[[int], Awaitable[bool]],
        show_raids: Callable[[int], None],
    ) -> None:
        """`posting`: by server, so that cards are posted in order. `guarded`: runs a server's work, and returns its success."""
        self._client = client
        self._records = records
        self._channels = channels
        self._posting = posting
        self._guarded = guarded
        self._refresh_case = refresh_case
        self._show_raids = show_raids
        self._refusals: dict[int, dict[MemberId, _Refusals]] = defaultdict(dict)  # by server and member

    def take(self, waiting: Waiting, guild_id: int, tasks: asyncio.TaskGroup) -> None:
        """Starts the posting of a member's refusals, or adds them to the card that counts; never waits."""
        of_server, member = self._refusals[guild_id], waiting.newest.member
        if (known := of_server.get(member)) is not None:
            known.add(waiting)
            return
        if len(of_server) >= _MOST_MEMBERS:
            shown = [
                each for each in of_server.values() if each.message is not None and not each.has_more.is_set()
            ]
            if shown:
                _end(of_server, min(shown, key=lambda each: each.newest.at))
        refusals = _Refusals(newest=waiting.newest, since=waiting.since, count=waiting.count)
        of_server[member] = refusals
        tasks.create_task(self._count(refusals, guild_id))

    async def _count(self, refusals: _Refusals, guild_id: int) -> None:
        """Shows a member's refusals on one card until there is none for a while. Tries again a few times after an error."""
        failures = 0
        try:
            while not refusals.is_over:
                refusals.has_more.clear()
                is_shown = await self._guarded(self._show(refusals, guild_id), guild_id)
                failures = 0 if is_shown else failures + 1
                await asyncio.sleep(EDIT_SECONDS * 2**failures)
                if is_shown or failures >= _MOST_FAILURES:
                    failures = 0
                    await asyncio.wait_for(refusals.has_more.wait(), _FOLD_SECONDS)
        except TimeoutError:
            pass
        finally:
            _end(self._refusals[guild_id], refusals)

    async def _show(self, refusals: _Refusals, guild_id: int) -> None:
        """Posts or edits the card. A card that became a case stays, and the refusals since then get another one."""
        async with self._posting[guild_id]:
            edited = await self._edit(refusals, guild_id)
            if edited is None and await self._is_of_raid(refusals, guild_id):
                self._show_raids(guild_id)
                _end(self._refusals[guild_id], refusals)
            elif edited is None and (channel := await self._channels.of(guild_id)) is not None:
                view = self._card(refusals, guild_id)
                settings = await self._records.guilds.get(guild_id)
                loud = loudness(settings, refusals.newest.at, is_new_case=False)
                refusals.message = await channel.send(view=view, nonce=refusals.nonce, **loud.arguments)
                refusals.nonce = _new_nonce()
        if edited is not None and (case := await self._records.cases.of_card(edited)) is not None:
            await self._refresh_case(case.id)  # opened while the edit was under way

    async def _is_of_raid(self, refusals: _Refusals, guild_id: int) -> bool:
        """Whether the raid's card counts these refusals."""
        newest = refusals.newest
        raid = await live_raid(self._records, guild_id, newest.at)
        if raid is None or refusals.since < raid.began_at:
            return False
        return not await self._records.raids.is_known(guild_id, newest.member, raid.began_at)

    async def _edit(self, refusals: _Refusals, guild_id: int) -> int | None:
        """Edits the card and returns its id. Returns None when there is none to edit."""
        message = refusals.message
        if message is None:
            return None
        if await self._records.cases.of_card(message.id) is not None:
            refusals.message, refusals.count, refusals.since = None, 1, refusals.newest.at
            return None
        try:
            await message.edit(
                view=self._card(refusals, guild_id), allowed_mentions=discord.AllowedMentions.none()
            )
        except (discord.NotFound, discord.Forbidden):
            refusals.message = None
            return None
        return message.id

    def _card(self, refusals: _Refusals, guild_id: int) -> discord.ui.LayoutView:
        say = say_in(self._client, guild_id)
        return case_cards.review_card(say, refusals.newest, count=refusals.count, since=refusals.since)


def _end(of_server: dict[MemberId, _Refusals], refusals: _Refusals) -> None:
    """Ends the counting, if it has not ended yet."""
    refusals.is_over = True
    refusals.has_more.set()
    if of_server.get(refusals.newest.member) is refusals:
        del of_server[refusals.newest.member]
