"""Appeals in Discord: the member's form, the moderators' card, the answer to the member."""

import logging
from typing import Any

import discord

from bot.cases import cards as case_cards
from bot.cases.buttons import AppealForm
from bot.cases.effects import Effects
from bot.cases.mod_channel import ModChannel
from bot.permissions import demand_below, moderator_of
from bot.posted_message import UNREACHABLE
from bot.studio.cases.appeals import CaseAppeals
from bot.ui import REASON, SentForm, TextForm, line, paragraph, say_in, say_to
from db import Decision
from generation import MemberId

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

LONGEST_APPEAL = 1000  # characters
_ANSWERS = {Decision.UPHELD: AppealForm.UPHOLD, Decision.OVERTURNED: AppealForm.OVERTURN}


class AppealForms:
    def __init__(self, appeals: CaseAppeals, mod_channel: ModChannel, effects: Effects) -> None:
        self._appeals = appeals
        self._mod_channel = mod_channel
        self._effects = effects

    async def open_form(self, interaction: Interaction, case_id: int) -> None:
        """Opens the member's form. Raises as `CaseAppeals.may_ask`."""
        case = await self._appeals.may_ask(case_id, MemberId(interaction.user.id))
        say = say_to(interaction)
        fields = {say("case-appeal-why"): paragraph("why", most=LONGEST_APPEAL)}
        title = say("case-appeal-form", number=case.number)
        await interaction.response.send_modal(TextForm(title, AppealForm.ASK, case_id, fields))

    async def open_answer(self, decision: Decision, interaction: Interaction, appeal_id: int) -> None:
        """Opens the moderator's form. Raises as `CaseAppeals.may_answer` and `demand_below`."""
        _, case = await self._appeals.may_answer(appeal_id, moderator_of(interaction))
        await demand_below(interaction, case.member)
        say = say_to(interaction)
        fields = {say("case-answer-word"): line("answer", most=REASON)}
        title = say("case-answer-form", decision=decision, number=case.number)
        form = _ANSWERS[decision]
        await interaction.response.send_modal(TextForm(title, form, appeal_id, fields))

    async def submit(self, interaction: Interaction, sent: SentForm[AppealForm]) -> None:
        """Answers a submitted form, the member's or the moderator's. Raises as `CaseAppeals.ask` and `answer`."""
        if sent.action is AppealForm.ASK:
            await self._ask(interaction, sent.subject, sent.entry("why", LONGEST_APPEAL))
        else:
            decision = next(each for each, form in _ANSWERS.items() if form is sent.action)
            await self._answer(interaction, decision, sent.subject, sent.entry("answer"))

    async def _ask(self, interaction: Interaction, case_id: int, text: str) -> None:
        user = interaction.user
        _, appeal = await self._appeals.ask(case_id, MemberId(user.id), user.display_name, text)
        await interaction.response.send_message(say_to(interaction)("case-appeal-sent"), ephemeral=True)
        try:
            await self._mod_channel.post_appeal(appeal)
        except UNREACHABLE as error:
            log.warning("appeal %s is not posted yet: %s", appeal.id, error)

    async def _answer(self, interaction: Interaction, decision: Decision, appeal_id: int, text: str) -> None:
        by = moderator_of(interaction)
        _, asked = await self._appeals.may_answer(appeal_id, by)
        await demand_below(interaction, asked.member)
        answered = await self._appeals.answer(appeal_id, by, decision, text)
        appeal, case, say = answered.appeal, answered.case, say_to(interaction)
        card = case_cards.appeal_card(say_in(interaction.client, case.guild_id), appeal, case)
        shown = interaction.response.edit_message(view=card)
        results = await self._effects.after(shown, cases=[case.id])
        parts = [say("case-appeal-answered", number=case.number, decision=decision)]
        parts += await self._effects.told(say, results)
        await self._mod_channel.refresh_case(case.id)
        await interaction.followup.send(" ".join(parts), ephemeral=True)
