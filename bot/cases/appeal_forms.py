"""Appeals in Discord: the member's form, the moderators' card, the answer that reaches the member."""

from __future__ import annotations

import logging
from typing import Any

import discord

from bot.cases import cards as case_cards
from bot.cases import discord_sanctions
from bot.cases.direct_messages import DirectMessages
from bot.cases.mod_channel import ModChannel
from bot.permissions import actor_of, demand_moderator
from bot.posted_message import UNREACHABLE
from bot.studio.cases.appeals import CaseAppeals
from bot.ui.forms import REASON, TextForm, line, paragraph
from db.appeals import Decision
from generation.request import MemberId

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

LONGEST_APPEAL = 1000  # characters


class AppealForms:
    def __init__(self, appeals: CaseAppeals, review: ModChannel, direct_messages: DirectMessages) -> None:
        self._appeals = appeals
        self._mod_channel = review
        self._direct_messages = direct_messages

    async def open_form(self, interaction: Interaction, case_id: int) -> None:
        """Raises as `CaseAppeals.may_ask`."""
        case = await self._appeals.may_ask(case_id, MemberId(interaction.user.id))

        async def submit(interaction: Interaction, text: str) -> None:
            user = interaction.user
            _, appeal = await self._appeals.ask(case_id, MemberId(user.id), user.display_name, text)
            await interaction.response.send_message(
                "Your appeal is with the moderators. Another one than the one who acted will answer it.",
                ephemeral=True,
            )
            try:
                await self._mod_channel.post_appeal(appeal)
            except UNREACHABLE as error:
                log.warning("appeal %s is not posted yet: %s", appeal.id, error)

        fields = {"Why should this be looked at again?": paragraph("why", most=LONGEST_APPEAL)}
        await interaction.response.send_modal(TextForm(f"Appeal in case {case.number}", fields, submit))

    async def open_answer(self, decision: Decision, interaction: Interaction, appeal_id: int) -> None:
        """Raises as `CaseAppeals.may_answer`."""
        demand_moderator(interaction)
        _, case = await self._appeals.may_answer(appeal_id, actor_of(interaction))

        async def submit(interaction: Interaction, text: str) -> None:
            demand_moderator(interaction)
            await self._answer(interaction, decision, appeal_id, text)

        verb = "Uphold" if decision is Decision.UPHELD else "Overturn"
        fields = {"A word to the member, if you like": line("answer", most=REASON)}
        await interaction.response.send_modal(TextForm(f"{verb} case {case.number}", fields, submit))

    async def _answer(self, interaction: Interaction, decision: Decision, appeal_id: int, text: str) -> None:
        answered = await self._appeals.answer(appeal_id, actor_of(interaction), decision, text)
        appeal, case = answered.appeal, answered.case
        await interaction.response.edit_message(view=case_cards.appeal_card(appeal, case))
        parts = [f"The appeal in case {case.number} is {decision}."]
        if decision is Decision.OVERTURNED:
            lifted = await discord_sanctions.lift(
                interaction,
                self._appeals.takedown,
                case.member,
                case.power,
                f"Case {case.number}: overturned",
                case=case.number,
            )
            if lifted.why_not:
                parts.append(f"Discord's own {case.power} stands: {lifted.why_not}.")
        is_told = await self._direct_messages.tell_answer(appeal, case)
        parts.append(
            "They are told by direct message."
            if is_told
            else "Their direct messages are closed: they are told when they next use me."
        )
        await self._mod_channel.refresh_case(case.id)
        await interaction.followup.send(" ".join(parts), ephemeral=True)
