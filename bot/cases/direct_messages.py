"""Notices to a member about a case: by direct message or, when those are closed, at the member's next use of the bot."""

import logging
from dataclasses import replace
from typing import Any

import discord

from bot.cases import cards as case_cards
from bot.cases.deciding.locales import MemberLocales
from bot.cases.deciding.reasons import Reasons
from bot.posted_message import UNREACHABLE, is_final
from bot.studio.cases.cases import Casework
from bot.ui import Language, in_language, say_to
from db import Appeal, Case, EntryKind
from generation import MemberId

log = logging.getLogger(__name__)


class DirectMessages:
    def __init__(
        self, client: discord.Client, casework: Casework, locales: MemberLocales, reasons: Reasons
    ) -> None:
        self._client = client
        self._locales = locales
        self._reasons = reasons
        self._casework = casework
        self._records = casework.records

    async def tell(self, case: Case, effect: int) -> bool:
        """Sends the notice, once for each effect. Returns False when direct messages are closed; `tell_pending` sends it later.

        Raises one of UNREACHABLE when a later try may succeed.
        """
        if case.told_at is not None:
            return True
        view = await self._view(self._locales.of(case.guild_id, case.member), case)
        if not await self._send(case.member, view, effect):
            return False
        await self._records.cases.told(case.id, self._casework.clock())
        return True

    async def tell_answer(self, appeal: Appeal, case: Case, effect: int) -> bool:
        """Like `tell`, about the answer to an appeal."""
        if appeal.told_at is not None:
            return True
        say = in_language(self._locales.of(case.guild_id, case.member))
        view = case_cards.answer_notice(say, appeal, case, self._server(case.guild_id))
        if not await self._send(appeal.member, view, effect):
            return False
        await self._records.appeals.told(appeal.id, self._casework.clock())
        return True

    async def told(self, say: Language, case: Case, *, is_told: bool) -> str:
        """Returns whether the member was told, for a moderator. Discord's own sanctions keep a member from using the bot."""
        powers = {each.power for each in await self._casework.takedown.in_force(case.guild_id, case.member)}
        kept_by = next((each for each in ("ban", "timeout") if each in powers), "")
        return say("case-told", is_told=is_told, kept_by=kept_by)

    async def tell_pending(self, interaction: discord.Interaction[Any]) -> None:
        """Sends the notices that no direct message could deliver, after the answer to another command.

        Only the member sees them.
        """
        if interaction.guild_id is None:
            return
        member, now = MemberId(interaction.user.id), self._casework.clock()
        say = say_to(interaction)
        try:
            for case in await self._records.cases.untold(interaction.guild_id, member):
                view = await self._view(interaction.locale.value, case)
                await interaction.followup.send(view=view, ephemeral=True)
                await self._records.cases.told(case.id, now)
            for appeal in await self._records.appeals.untold(interaction.guild_id, member):
                case = await self._records.cases.get(appeal.case_id)
                if case is not None:
                    view = case_cards.answer_notice(say, appeal, case, self._server(case.guild_id))
                    await interaction.followup.send(view=view, ephemeral=True)
                    await self._records.appeals.told(appeal.id, now)
        except UNREACHABLE as error:
            log.info("member %s could not be told yet: %s", member, error)

    async def _view(self, locale: str, case: Case) -> discord.ui.LayoutView:
        """`locale`: the member's language, as Discord names it."""
        case = replace(case, reason=await self._reasons.of_case(case, locale))
        strike = await self._records.strikes.of_case(case.id)
        now = self._casework.clock()
        return case_cards.notice(
            in_language(locale),
            case,
            self._server(case.guild_id),
            strike_until=strike.expires_at if strike and strike.is_live(now) else None,
            strikes=await self._records.strikes.live(case.guild_id, case.member, now),
            is_amended=await self._records.entries.has(case.id, EntryKind.AMENDED),
            orders=1 + len(await self._records.entries.joined(case.id)),
            can_appeal=await self._records.appeals.of_case(case.id) is None,
        )

    async def _send(self, member: MemberId, view: discord.ui.LayoutView, effect: int) -> bool:
        try:
            channel = await self._client.create_dm(discord.Object(member))
            # For a repeated nonce, Discord answers with the first message, even when its answer was lost.
            await channel.send(view=view, nonce=f"effect-{effect}")
        except UNREACHABLE as error:
            if not is_final(error):
                raise
            # Closed messages, a deleted account, no common server: all are treated the same.
            log.info("member %s has no direct message from us: %s", member, error)
            return False
        return True

    def _server(self, guild_id: int) -> str:
        guild = self._client.get_guild(guild_id)
        return guild.name if guild else ""
