"""The moderators' channel: cards of refusals, cases and appeals.

Each server has its own posting order, so a slow or closed channel holds up no other server. Cards of cases, appeals and raids
that are missing or out of date are found again in the database every minute. A refusal's card is tried a few times; after that,
the refusal is in /mod log alone.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable
from time import monotonic

import discord

from bot.cases import cards as case_cards
from bot.cases.cards import Dossier
from bot.cases.log_channels import LogChannels
from bot.cases.posting import refusal_cards
from bot.cases.posting.loudness import loudness
from bot.cases.posting.raid_cards import RaidCards
from bot.cases.posting.refusal_cards import RefusalCards
from bot.posted_message import UNREACHABLE, is_final, is_gone
from bot.studio import PictureGone
from bot.studio.parts import Parts
from bot.ui import note, say_in
from db import Appeal, Case, EntryKind, StorageError
from generation import JobId
from generation.files import images
from generation.files.images import PictureError

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 60.0
_LINKED = 3
"""Orders that joined a case whose messages its card links to."""
_MOST_FAILURES = 3
"""Failures in a row, after which the rest of a server's cards waits for the next sweep."""


class ModChannel:
    """The moderators' channel. `run` posts queued verdicts, each server's in order, and the cards that are still missing."""

    def __init__(self, client: discord.Client, parts: Parts) -> None:
        self.channels = LogChannels(client, parts)
        self._client = client
        self._parts = parts
        self._records = parts.records
        self._posting: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sweeps: dict[int, bool] = {}  # servers whose sweep runs, and whether another one is wanted
        self._swept_soon: set[int] = set()  # servers that are swept again a little later
        self._tasks: asyncio.TaskGroup | None = None  # while `run` runs
        self._edited: dict[tuple[str, int], float] = {}  # cards that count, and when they were edited
        self._refusals = RefusalCards(
            client, parts.records, self.channels, self._posting, self._guarded, self.refresh_case, self.sweep
        )
        self._raids = RaidCards(client, parts.records, self.channels, self._is_due)

    async def run(self) -> None:
        await self._client.wait_until_ready()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                tasks.create_task(self._sweep_for_ever())
                while True:
                    waiting = await self._parts.review_queue.get()
                    if (guild_id := waiting.newest.guild_id) is None:
                        continue
                    if waiting.is_case:
                        self.sweep(guild_id)  # it was opened, or joined one, in the verdict's transaction
                    else:
                        self._refusals.take(waiting, guild_id, tasks)
            finally:
                # No task starts while the group ends, and another run begins anew.
                self._tasks = None
                self._sweeps.clear()
                self._swept_soon.clear()

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

    # ---- cards that are not posted yet

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                waiting = await self._records.cases.servers_without_card()
                waiting |= await self._records.raids.servers_to_show()
                for guild_id in waiting | await self._records.appeals.servers_without_card():
                    self.sweep(guild_id)
            except StorageError as error:
                log.warning("cards that are not posted yet were not swept: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)

    def sweep(self, guild_id: int) -> None:
        """Starts a sweep of the server's cards; one that runs is followed by another, because it may have passed the newest."""
        if self._tasks is None:
            return  # `run` sweeps all servers when it starts
        if guild_id not in self._sweeps:
            self._tasks.create_task(self._sweep_while_wanted(guild_id))
        self._sweeps[guild_id] = True

    async def _sweep_soon(self, guild_id: int) -> None:
        await asyncio.sleep(refusal_cards.EDIT_SECONDS)
        self._swept_soon.discard(guild_id)
        self.sweep(guild_id)

    def _is_due(self, card: tuple[str, int]) -> bool:
        """Whether the card of a case or a raid may be edited again already. Remembers that it is edited now."""
        now = monotonic()
        if now - self._edited.get(card, -refusal_cards.EDIT_SECONDS) < refusal_cards.EDIT_SECONDS:
            return False
        self._edited = {
            each: at for each, at in self._edited.items() if now - at < refusal_cards.EDIT_SECONDS
        }
        self._edited[card] = now
        return True

    async def _sweep_while_wanted(self, guild_id: int) -> None:
        while self._sweeps.get(guild_id):
            self._sweeps[guild_id] = False
            await self._guarded(self._sweep(guild_id), guild_id)
            await self._guarded(self._update(guild_id), guild_id)
        self._sweeps.pop(guild_id, None)

    async def _update(self, guild_id: int) -> None:
        """Edits the cards of cases that orders have joined, and of raids; those that were edited just now a little later."""
        is_left = await self._raids.show(guild_id)
        for case_id in await self._records.cases.stale(guild_id):
            if not self._is_due(("case", case_id)):
                is_left = True
                continue
            await self._records.cases.set_stale(case_id, False)
            if not await self.refresh_case(case_id):
                await self._records.cases.set_stale(case_id, True)
        if is_left and guild_id not in self._swept_soon and self._tasks is not None:
            self._swept_soon.add(guild_id)
            self._tasks.create_task(self._sweep_soon(guild_id))

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
        entries = await self._records.entries.of_case(case.id)
        joined = [each.job for each in entries if each.kind is EntryKind.JOINED and each.job is not None]
        linked = [await self._records.jobs.get(each) for each in joined[-_LINKED:]]
        return Dossier(
            case=case,
            standing=standing,
            rung=rung,
            entries=entries,
            job=await self._records.jobs.get(case.job) if case.job else None,
            has_look=await self._records.banned.has_look(case.id),
            has_strike=strike is not None and strike.is_live(self._parts.clock()),
            open_cases=await self._records.cases.open_of(case.guild_id, case.member),
            linked={each.id: each for each in linked if each is not None},
        )

    async def post_case(self, case: Case) -> None:
        """Posts the case's card if it has none. Does nothing in a server without a channel.

        Raises StorageError, and the errors in UNREACHABLE.
        """
        async with self._posting[case.guild_id]:
            known = await self._records.cases.get(case.id)
            channel = await self.channels.of(case.guild_id, is_needed=True)
            if (
                known is None
                or known.card_message_id is not None
                or known.raid is not None
                or channel is None
            ):
                return
            settings = await self._records.guilds.get(case.guild_id)
            loud = loudness(settings, self._parts.clock(), is_new_case=True)
            dossier = await self.dossier(known)
            view, files = case_cards.case_card(say_in(self._client, case.guild_id), dossier, role=loud.role)
            message = await channel.send(view=view, files=files, nonce=f"case-{case.id}", **loud.arguments)
            async with self._records.database.transaction() as tx:
                await self._records.cases.set_card(tx, case.id, channel.id, message.id)
            if len(await self._records.entries.joined(case.id)) > len(dossier.joined):
                await self._records.cases.set_stale(case.id, True)  # an order joined in between

    async def refresh_case(self, case_id: int) -> bool:
        """Updates the case's card; posts it if the case is open and has none.

        Returns False when another try may help; True otherwise, also when the card is gone.
        """
        case = await self._records.cases.get(case_id)
        if case is None:
            return True
        try:
            if case.raid is not None:
                await self._records.raids.changed(case.raid)
                self.sweep(case.guild_id)
            if case.card_message_id is None or case.card_channel_id is None:
                if case.is_open:
                    await self.post_case(case)
                return True
            view, files = case_cards.case_card(say_in(self._client, case.guild_id), await self.dossier(case))
            await self._message(case.card_channel_id, case.card_message_id).edit(
                view=view, attachments=files, allowed_mentions=discord.AllowedMentions.none()
            )
        except UNREACHABLE as error:
            if is_gone(error):
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
        if case.job != job:  # it joined the case: the card links to its message now
            await self._records.cases.set_stale(case.id, True)
            self.sweep(case.guild_id)
            return
        if case.picture is not None:  # stored by the picture check; only the card is out of date
            await self.refresh_case(case.id)
            return
        known = await self._records.jobs.get(job)
        if known is None:
            return
        try:
            gallery = await self._parts.stored_pictures.gallery_of(known)
            blurred = await asyncio.to_thread(lambda: images.blurred(images.open_picture(gallery.grid)))
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
