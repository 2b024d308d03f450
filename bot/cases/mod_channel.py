"""The moderators' channel: cards of refusals, cases and appeals.

Cards of cases and appeals that are not posted yet are found again in the database every minute. A refusal's card is tried once;
after that, the refusal is only in /mod log.
"""

import asyncio
import logging

import discord

from bot.cases import cards as case_cards
from bot.cases.cards import Dossier
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
_GONE = {10003, 10008, 50001}
"""Unknown channel, unknown message, missing access: a card that can't be edited any more."""


class ModChannel:
    """The moderators' channel. `run` posts queued verdicts in order, and once a minute the cards that are still missing."""

    def __init__(self, client: discord.Client, parts: Parts) -> None:
        self._client = client
        self._parts = parts
        self._records = parts.records
        self._posting = asyncio.Lock()

    async def run(self) -> None:
        await self._client.wait_until_ready()
        clock = asyncio.get_running_loop().time
        while True:
            await self._sweep()
            next_sweep = clock() + _SWEEP_SECONDS
            while (left := next_sweep - clock()) > 0:
                try:
                    record = await asyncio.wait_for(self._parts.review_queue.get(), left)
                except TimeoutError:
                    break
                await self._post(record)

    async def _post(self, record: VerdictRecord) -> None:
        try:
            case = await self._records.cases.of_verdict(record.id)
            if case is not None:
                await self.post_case(case)
            if case is not None or record.verdict.ruling is Ruling.FLAG:
                return
            if record.source == PICTURE and record.guild_id is not None:
                return  # the prompt had already opened a case, whose card shows this verdict
            channel = await self._channel(record.guild_id)
            if channel is not None:
                view = case_cards.review_card(say_in(self._client, record.guild_id), record)
                await channel.send(view=view)
        except (*UNREACHABLE, StorageError) as error:
            log.warning("verdict %s could not be posted: %s", record.id, error)

    async def _sweep(self) -> None:
        """Posts cases and appeals without a card, in every server that has a channel for them."""
        try:
            after = 0
            while found := await self._records.cases.without_card(after):
                for case in found:
                    await self.post_case(case)
                after = found[-1].id
            after = 0
            while waiting := await self._records.appeals.without_card(after):
                for appeal in waiting:
                    await self.post_appeal(appeal)
                after = waiting[-1].id
        except (*UNREACHABLE, StorageError) as error:
            log.warning("cards that are not posted yet were not swept: %s", error)

    # ---- cases

    async def dossier(self, case: Case) -> Dossier:
        """Reads everything that a case's card shows."""
        standing, rung = await self._parts.casework.standing(case.guild_id, case.member)
        return Dossier(
            case=case,
            standing=standing,
            rung=rung,
            entries=await self._records.entries.of_case(case.id),
            job=await self._records.jobs.get(case.job) if case.job else None,
            is_first_hit=await self._records.verdicts.is_of_first_refusal(case.id),
            has_look=await self._records.banned.has_look(case.id),
        )

    async def post_case(self, case: Case) -> None:
        """Posts the case's card if it has none. Does nothing in a server without a channel.

        Raises StorageError, and the errors in UNREACHABLE.
        """
        async with self._posting:
            known = await self._records.cases.get(case.id)
            channel = await self._channel(case.guild_id)
            if known is None or known.card_message_id is not None or channel is None:
                return
            view, files = case_cards.case_card(say_in(self._client, case.guild_id), await self.dossier(known))
            message = await channel.send(view=view, files=files)
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
        async with self._posting:
            known = await self._records.appeals.get(appeal.id)
            case = await self._records.cases.get(appeal.case_id)
            if known is None or case is None or known.card_message_id is not None:
                return
            channel = await self._channel(case.guild_id)
            if channel is None:
                return
            view = case_cards.appeal_card(say_in(self._client, case.guild_id), known, case)
            message = await channel.send(view=view)
            async with self._records.database.transaction() as tx:
                await self._records.appeals.set_card(tx, appeal.id, channel.id, message.id)

    # ---- channels

    async def say(self, guild_id: int, text: str) -> None:
        """Posts one line for the moderators. Does nothing in a server without a channel. Discord's errors are logged."""
        channel = await self._channel(guild_id)
        if channel is None:
            return
        try:
            await channel.send(view=note(text))
        except UNREACHABLE as error:
            log.warning("the moderators of %s were not told: %s", guild_id, error)

    def _message(self, channel_id: int, message_id: int) -> discord.PartialMessage:
        return self._client.get_partial_messageable(channel_id).get_partial_message(message_id)

    async def _channel(self, guild_id: int | None) -> discord.TextChannel | None:
        """Returns the chosen channel; None when it is gone. Only when none was chosen: the one with the default name.

        So nothing is posted in a channel that the moderators did not choose.
        """
        guild = self._client.get_guild(guild_id) if guild_id is not None else None
        if guild is None:
            return None
        chosen = (await self._records.guilds.get(guild.id)).log_channel_id
        if chosen is not None:
            channel = guild.get_channel(chosen)
            return channel if isinstance(channel, discord.TextChannel) else None
        return discord.utils.get(guild.text_channels, name=self._parts.settings.moderation.log_channel)
