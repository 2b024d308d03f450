"""The moderators' channel: cards of refusals, cases and appeals.

Each server has its own posting order, so a slow or closed channel holds up no other server. Cards of cases and appeals that are
not posted yet are found again in the database every minute. A refusal's card is tried a few times; after that, the refusal is in
/mod log alone.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field

import discord

from bot.cases import cards as case_cards
from bot.cases.cards import Dossier
from bot.cases.log_channels import LogChannels
from bot.posted_message import UNREACHABLE, is_final
from bot.studio import PictureGone
from bot.studio.parts import Parts
from bot.ui import note, say_in
from db import Appeal, Case, StorageError, VerdictRecord
from db.verdicts import PICTURE
from generation import JobId
from generation.files import images
from generation.files.images import PictureError
from moderation import Ruling

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 60.0
_EDIT_SECONDS = 3.0
"""Seconds between two edits of a card that counts a member's refusals."""
_FOLD_SECONDS = 600.0
"""Seconds without a refusal after which a member's next one gets a card of its own."""
_MOST_MEMBERS = 200
"""Maximum of members per server whose refusals have a card that counts: a raid must not fill the memory."""
_MOST_FAILURES = 3
"""Failures in a row, after which the rest of a server's cards waits for the next sweep."""
_GONE = {10003, 10008, 50001}
"""Unknown channel, unknown message, missing access: a card that can't be edited any more."""


def _new_nonce() -> str:
    return secrets.token_hex(12)


@dataclass(slots=True, eq=False, kw_only=True)
class _Refusals:
    """A member's refused prompts, shown on one card that counts them."""

    newest: VerdictRecord
    since: float  # unix seconds
    count: int = 1
    message: discord.Message | None = None
    has_more: asyncio.Event = field(default_factory=asyncio.Event)
    # The same for each try to post the card: after a lost answer, Discord answers with the card that is there.
    nonce: str = field(default_factory=_new_nonce)

    def add(self, record: VerdictRecord) -> None:
        self.newest = record
        self.count += 1
        self.has_more.set()


class ModChannel:
    """The moderators' channel. `run` posts queued verdicts, each server's in order, and the cards that are still missing."""

    def __init__(self, client: discord.Client, parts: Parts) -> None:
        self.channels = LogChannels(client, parts)
        self._client = client
        self._parts = parts
        self._records = parts.records
        self._posting: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._refusals: dict[int, dict[int, _Refusals]] = defaultdict(dict)  # by server and member
        self._sweeps: dict[int, bool] = {}  # servers whose sweep runs, and whether another one is wanted

    async def run(self) -> None:
        await self._client.wait_until_ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep_for_ever(tasks))
            while True:
                record = await self._parts.review_queue.get()
                if record.guild_id is not None:
                    self._take(record, record.guild_id, tasks)

    def _take(self, record: VerdictRecord, guild_id: int, tasks: asyncio.TaskGroup) -> None:
        """Starts the posting of a record; never waits."""
        if record.verdict.ruling is Ruling.FLAG or record.source == PICTURE:
            self._start_sweep(guild_id, tasks)  # its case was opened with it
            return
        of_server = self._refusals[guild_id]
        if (known := of_server.get(record.member)) is not None:
            known.add(record)
        elif len(of_server) >= _MOST_MEMBERS:
            log.warning("too many members with refusals at once: %s is in the log only", record.id)
        else:
            of_server[record.member] = refusals = _Refusals(newest=record, since=record.at)
            tasks.create_task(self._count(refusals, guild_id))

    async def _guarded(self, work: Awaitable[None], guild_id: int) -> bool:
        """Runs a server's task: its failure must stop neither the other servers nor the bot. Returns whether it succeeded."""
        try:
            await work
            return True
        except (*UNREACHABLE, StorageError) as error:
            log.warning("cards of server %s could not be posted: %s", guild_id, error)
        except Exception:
            log.exception("cards of server %s could not be posted", guild_id)
        return False

    # ---- refusals

    async def _count(self, refusals: _Refusals, guild_id: int) -> None:
        """Shows a member's refusals on one card until there is none for a while. Tries again a few times after an error."""
        failures = 0
        try:
            while True:
                refusals.has_more.clear()
                is_shown = await self._guarded(self._show_refusals(refusals, guild_id), guild_id)
                failures = 0 if is_shown else failures + 1
                await asyncio.sleep(_EDIT_SECONDS * 2**failures)
                if is_shown or failures >= _MOST_FAILURES:
                    failures = 0
                    await asyncio.wait_for(refusals.has_more.wait(), _FOLD_SECONDS)
        except TimeoutError:
            pass
        finally:
            del self._refusals[guild_id][refusals.newest.member]

    async def _show_refusals(self, refusals: _Refusals, guild_id: int) -> None:
        """Posts or edits the card. A card that became a case stays, and the refusals since then get another one."""
        async with self._posting[guild_id]:
            edited = await self._edit_refusals(refusals, guild_id)
            if edited is None and (channel := await self.channels.of(guild_id)) is not None:
                view = self._review_card(refusals, guild_id)
                refusals.message = await channel.send(view=view, nonce=refusals.nonce)
                refusals.nonce = _new_nonce()
        if edited is not None and (case := await self._records.cases.of_card(edited)) is not None:
            await self.refresh_case(case.id)  # opened while the edit was under way

    async def _edit_refusals(self, refusals: _Refusals, guild_id: int) -> int | None:
        """Edits the card and returns its id. Returns None when there is none to edit."""
        message = refusals.message
        if message is None:
            return None
        if await self._records.cases.of_card(message.id) is not None:
            refusals.message, refusals.count, refusals.since = None, 1, refusals.newest.at
            return None
        try:
            await message.edit(
                view=self._review_card(refusals, guild_id), allowed_mentions=discord.AllowedMentions.none()
            )
        except (discord.NotFound, discord.Forbidden):
            refusals.message = None
            return None
        return message.id

    def _review_card(self, refusals: _Refusals, guild_id: int) -> discord.ui.LayoutView:
        say = say_in(self._client, guild_id)
        return case_cards.review_card(say, refusals.newest, count=refusals.count, since=refusals.since)

    # ---- cards that are not posted yet

    async def _sweep_for_ever(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                waiting = await self._records.cases.servers_without_card()
                for guild_id in waiting | await self._records.appeals.servers_without_card():
                    self._start_sweep(guild_id, tasks)
            except StorageError as error:
                log.warning("cards that are not posted yet were not swept: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)

    def _start_sweep(self, guild_id: int, tasks: asyncio.TaskGroup) -> None:
        """Starts a sweep of the server's cards; one that runs is followed by another, because it may have passed the newest."""
        if guild_id not in self._sweeps:
            tasks.create_task(self._sweep_while_wanted(guild_id))
        self._sweeps[guild_id] = True

    async def _sweep_while_wanted(self, guild_id: int) -> None:
        while self._sweeps[guild_id]:
            self._sweeps[guild_id] = False
            await self._guarded(self._sweep(guild_id), guild_id)
        del self._sweeps[guild_id]

    async def _sweep(self, guild_id: int) -> None:
        """Posts the server's cases and appeals without a card. Discord counts refused requests, so it gives up after a few."""
        if await self.channels.of(guild_id, is_needed=True) is None:
            return
        failures = after = 0
        while cases := await self._records.cases.without_card(guild_id, after):
            for case in cases:
                failures = 0 if await self._is_posted(self.post_case(case), "case", case.id) else failures + 1
                if failures == _MOST_FAILURES:
                    return
            after = cases[-1].id
        after = 0
        while appeals := await self._records.appeals.without_card(guild_id, after):
            for each in appeals:
                failures = (
                    0 if await self._is_posted(self.post_appeal(each), "appeal", each.id) else failures + 1
                )
                if failures == _MOST_FAILURES:
                    return
            after = appeals[-1].id

    async def _is_posted(self, posting: Awaitable[None], what: str, id: int) -> bool:
        """Waits for the posting of one card. An error of one card stops no other."""
        try:
            await posting
        except (*UNREACHABLE, StorageError) as error:
            log.warning("the card of %s %s could not be posted: %s", what, id, error)
            return False
        except Exception:
            log.exception("the card of %s %s could not be posted", what, id)
            return False
        return True

    # ---- cases

    async def dossier(self, case: Case) -> Dossier:
        """Reads everything that a case's card shows."""
        standing, rung = await self._parts.casework.standing(case.guild_id, case.member)
        strike = await self._records.strikes.of_case(case.id)
        return Dossier(
            case=case,
            standing=standing,
            rung=rung,
            entries=await self._records.entries.of_case(case.id),
            job=await self._records.jobs.get(case.job) if case.job else None,
            has_look=await self._records.banned.has_look(case.id),
            has_strike=strike is not None and strike.is_live(self._parts.clock()),
        )

    async def post_case(self, case: Case) -> None:
        """Posts the case's card if it has none. Does nothing in a server without a channel.

        Raises StorageError, and the errors in UNREACHABLE.
        """
        async with self._posting[case.guild_id]:
            known = await self._records.cases.get(case.id)
            channel = await self.channels.of(case.guild_id, is_needed=True)
            if known is None or known.card_message_id is not None or channel is None:
                return
            view, files = case_cards.case_card(say_in(self._client, case.guild_id), await self.dossier(known))
            message = await channel.send(view=view, files=files, nonce=f"case-{case.id}")
            async with self._records.database.transaction() as tx:
                await self._records.cases.set_card(tx, case.id, channel.id, message.id)

    async def refresh_case(self, case_id: int) -> bool:
        """Updates the case's card; posts it if the case is open and has none.

        Returns False when another try may help; True otherwise, also when the card is gone.
        """
        case = await self._records.cases.get(case_id)
        if case is None:
            return True
        try:
            if case.card_message_id is None or case.card_channel_id is None:
                if case.is_open:
                    await self.post_case(case)
                return True
            view, files = case_cards.case_card(say_in(self._client, case.guild_id), await self.dossier(case))
            await self._message(case.card_channel_id, case.card_message_id).edit(
                view=view, attachments=files, allowed_mentions=discord.AllowedMentions.none()
            )
        except UNREACHABLE as error:
            if isinstance(error, discord.HTTPException) and error.code in _GONE:
                log.info("the card of case %s is gone", case.id)
            else:
                log.warning("the card of case %s is not up to date: %s", case.id, error)
                return is_final(error)
        return True

    async def show_picture(self, job: JobId) -> None:
        """Puts a blurred grid of the job's pictures on the card of the job's open case; does nothing without one."""
        case = await self._records.cases.of_job(job)
        if case is None or not case.is_open:
            return
        if case.picture is not None:  # stored by the picture check; only the card is out of date
            await self.refresh_case(case.id)
            return
        known = await self._records.jobs.get(job)
        if known is None:
            return
        try:
            gallery = await self._parts.stored_pictures.gallery_of(known)
            blurred = await asyncio.to_thread(images.blurred, gallery.grid)
        except (PictureGone, PictureError) as error:
            log.info("case %s has no picture to show: %r", case.id, error)
            return
        async with self._records.database.transaction() as tx:
            await self._records.cases.set_picture(tx, case.id, blurred)
        await self.refresh_case(case.id)

    # ---- appeals

    async def post_appeal(self, appeal: Appeal) -> None:
        """Posts the appeal's card, like `post_case`."""
        case = await self._records.cases.get(appeal.case_id)
        if case is None:
            return
        async with self._posting[case.guild_id]:
            known = await self._records.appeals.get(appeal.id)
            channel = await self.channels.of(case.guild_id, is_needed=True)
            if known is None or known.card_message_id is not None or channel is None:
                return
            view = case_cards.appeal_card(say_in(self._client, case.guild_id), known, case)
            message = await channel.send(view=view, nonce=f"appeal-{appeal.id}")
            async with self._records.database.transaction() as tx:
                await self._records.appeals.set_card(tx, appeal.id, channel.id, message.id)

    # ---- messages

    async def say(self, guild_id: int, text: str) -> None:
        """Posts one line for the moderators. Does nothing in a server without a channel. Discord's errors are logged."""
        channel = await self.channels.of(guild_id)
        if channel is None:
            return
        try:
            await channel.send(view=note(text))
        except UNREACHABLE as error:
            log.warning("the moderators of %s were not told: %s", guild_id, error)

    def _message(self, channel_id: int, message_id: int) -> discord.PartialMessage:
        return self._client.get_partial_messageable(channel_id).get_partial_message(message_id)
