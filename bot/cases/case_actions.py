"""The buttons of a case's card in Discord.

`bot.studio.cases.cases` makes the decisions, `bot.cases.effects` carries out what follows from them.
"""

import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

import discord

from bot.cases import cards as case_cards
from bot.cases import discord_sanctions
from bot.cases.buttons import CaseAction, CaseForm, FoldedAction, ProposalAction
from bot.cases.deciding.reasons import Reasons, reason_fields
from bot.cases.effects import Effects
from bot.cases.mod_channel import ModChannel
from bot.permissions import demand_below, helper_of, moderator_of, seconds_of
from bot.posted_message import UNREACHABLE
from bot.studio import CaseGrew, Moderator, NoSuchCase, ProposalChanged
from bot.studio.cases.cases import STRIKING, Casework, Decision, Done
from bot.ui import SentForm, TextForm, line, markdown, menu_of, note, say_in, say_to
from db import Case, Outcome
from moderation import written

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

_OUTCOMES = {
    CaseAction.APPROVE: Outcome.APPROVE,
    CaseAction.REMOVE: Outcome.REMOVE,
    CaseAction.WARN: Outcome.WARN,
    CaseAction.TIMEOUT: Outcome.TIMEOUT,
    CaseAction.BAN: Outcome.BAN,
}
_FORMS = {Outcome.WARN: CaseForm.WARN, Outcome.TIMEOUT: CaseForm.TIMEOUT, Outcome.BAN: CaseForm.BAN}
_DEFAULT_TIMEOUT = "1h"
LONGEST_SPAN = 6  # characters


class CaseActions:
    def __init__(
        self,
        client: discord.Client,
        casework: Casework,
        mod_channel: ModChannel,
        effects: Effects,
        reasons: Reasons,
    ) -> None:
        self._client = client
        self._casework = casework
        self._records = casework.records
        self._mod_channel = mod_channel
        self._effects = effects
        self._reasons = reasons

    async def press(self, press: CaseAction, interaction: Interaction, subject: int) -> None:
        """Answers a press; a helper only proposes. `subject`: the case's id; for OPEN the verdict's, for NEXT a number.

        Raises the refusals of `Casework`, and those of `demand_below`."""
        by = helper_of(interaction)
        match press:
            case CaseAction.OPEN:
                # The card is recorded with the case: otherwise a sweep would post another one.
                message = interaction.message
                card = (message.channel.id, message.id) if message and not message.flags.ephemeral else None
                case = await self._casework.open_refusal(subject, by, card)
                if case is None:
                    raise NoSuchCase(0)
                await self._show(interaction, case)
            case CaseAction.APPROVE | CaseAction.REMOVE:
                await self._decide_shown(interaction, subject, by, _OUTCOMES[press], 1)
            case CaseAction.ESCALATE:
                await self._show(
                    interaction, await self._casework.escalate(subject, moderator_of(interaction))
                )
            case CaseAction.CONFIRM:
                await self.press_proposal(ProposalAction.CONFIRM, interaction, subject, 0)
            case CaseAction.HISTORY:
                pass  # it has a route of its own
            case CaseAction.NEXT:
                await self._show_next(interaction, subject, by)
            case CaseAction.WARN | CaseAction.TIMEOUT | CaseAction.BAN:
                await self._demand_below(interaction, subject, by)
                case = await self._casework.claim(subject, by)
                await self._open_form(interaction, _OUTCOMES[press], case)
                await self._mod_channel.refresh_case(case.id)

    async def press_folded(
        self, press: FoldedAction, interaction: Interaction, case_id: int, shown: int
    ) -> None:
        """Answers a press on a card that shows `shown` orders; a helper only proposes. Raises as `press`."""
        outcome = Outcome.APPROVE if press is FoldedAction.APPROVE else Outcome.REMOVE
        await self._decide_shown(interaction, case_id, helper_of(interaction), outcome, shown)

    async def press_proposal(
        self, press: ProposalAction, interaction: Interaction, case_id: int, shown: int
    ) -> None:
        """Decides as proposed. `shown`: as in `Casework.confirm`; 0 for an earlier card. Raises as `press`."""
        by = moderator_of(interaction)
        await self._demand_below(interaction, case_id, by)
        await self._finish_shown(interaction, case_id, self._casework.confirm(case_id, by, shown))

    async def _decide_shown(
        self, interaction: Interaction, case_id: int, by: Moderator, outcome: Outcome, shown: int
    ) -> None:
        decision = Decision(outcome=outcome)
        await self._finish_shown(interaction, case_id, self._casework.decide(case_id, by, decision, shown))

    async def _finish_shown(
        self, interaction: Interaction, case_id: int, deciding: Coroutine[Any, Any, Done]
    ) -> None:
        """Decides the case; when the card does not show it as it is now, shows it so and raises CaseGrew or ProposalChanged."""
        try:
            done = await deciding
        except (CaseGrew, ProposalChanged):
            if (case := await self._records.cases.get(case_id)) is not None:
                await self._show(interaction, case)
            raise
        await self._finish(interaction, done)

    async def _show_next(self, interaction: Interaction, after: int, by: Moderator) -> None:
        """Shows the next open case to the moderator alone: in the place of their private card, or as a new one."""
        say, message = say_to(interaction), interaction.message
        case = await self._records.cases.next_open(
            by.guild_id,
            after,
            by=by.member,
            is_senior=by.is_senior,
            free_since=self._casework.clock() - self._casework.claim_seconds,
        )
        if case is None:
            await interaction.response.send_message(view=note(say("case-none-open")), ephemeral=True)
            return
        view, files = case_cards.case_card(say, await self._mod_channel.dossier(case))
        if message is not None and message.flags.ephemeral:
            await interaction.response.edit_message(view=view, attachments=files)
        else:
            await interaction.response.send_message(view=view, files=files, ephemeral=True)

    async def _open_form(self, interaction: Interaction, outcome: Outcome, case: Case) -> None:
        say = say_to(interaction)
        _, rung = await self._casework.standing(case.guild_id, case.member)
        fields = await reason_fields(self._reasons, interaction, case.proposed_reason)
        if outcome is not Outcome.WARN:
            offered = written(rung.seconds or 0) if rung.sanction == outcome else ""
            is_timeout = outcome is Outcome.TIMEOUT
            if case.proposed_outcome is outcome:
                offered = written(case.proposed_seconds or 0)
            default = offered or (_DEFAULT_TIMEOUT if is_timeout else "")
            label = say("case-form-duration", outcome=outcome)
            fields[label] = line("span", most=LONGEST_SPAN, default=default, is_required=is_timeout)
        lacking, by = (
            discord_sanctions.missing(interaction.guild, interaction.user, outcome),
            helper_of(interaction),
        )
        # Where the ban is only proposed, the moderator who confirms it chooses.
        if outcome is Outcome.BAN and by.may_ban and not by.is_helper:
            choices = {"bot": say("case-whose", whose="bot", obstacle=lacking, power="ban", case=0)}
            if lacking is None:
                choices["both"] = say("case-whose", whose="both", obstacle=None, power="ban", case=0)
            default = "bot" if lacking or case.is_bot_ban_proposed else "both"
            fields[say("case-form-whose-ban")] = menu_of("whose", choices, default)
        title = say(
            "case-form-title",
            outcome=outcome,
            name=case.member_name,
            number=case.number,
            is_both=lacking is None,
        )
        await interaction.response.send_modal(
            TextForm(markdown.short(title, 45), _FORMS[outcome], case.id, fields)
        )

    async def submit(self, interaction: Interaction, sent: SentForm[CaseForm]) -> None:
        """Decides the case of a submitted form. Its state is its custom_id, so a restart in between changes nothing.

        Raises BadDuration, the refusals of `demand_below`, and those of `Casework.decide`.
        """
        by, span = helper_of(interaction), sent.entry("span", LONGEST_SPAN)
        await self._demand_below(interaction, sent.subject, by)
        outcome = next(each for each, form in _FORMS.items() if form is sent.action)
        whose = sent.entry("whose")
        reason, kept = await self._reasons.read(by.guild_id, sent.entry("reason"), sent.entry("ready"))
        decision = Decision(
            outcome=outcome,
            reason=reason,
            kept_reason=kept,
            seconds=seconds_of(span) if span else None,
            is_bot_ban=whose == "bot" if whose else None,
        )
        await self._finish(interaction, await self._casework.decide(sent.subject, by, decision))

    async def _demand_below(self, interaction: Interaction, case_id: int, by: Moderator) -> None:
        """Raises the refusals of `demand_below` for the case's member. Another server's case is refused later."""
        known = await self._records.cases.get(case_id)
        if known is not None and known.guild_id == by.guild_id:
            await demand_below(interaction, known.member)

    async def _finish(self, interaction: Interaction, done: Done) -> None:
        """Updates the card, carries out the consequences, and reports them to the moderator alone."""
        summary = await self.carry_out(interaction, done, self._show(interaction, done.case))
        try:
            await interaction.followup.send(summary, ephemeral=True)
        except UNREACHABLE as error:
            log.info("case %s: its moderator was not told: %s", done.case.id, error)

    async def _show(self, interaction: Interaction, case: Case) -> None:
        say = say_in(self._client, case.guild_id)
        view, files = case_cards.case_card(say, await self._mod_channel.dossier(case))
        await interaction.response.edit_message(view=view, attachments=files)
        if interaction.message is None or interaction.message.id != case.card_message_id:
            await self._mod_channel.refresh_case(case.id)

    async def carry_out(self, interaction: Interaction, done: Done, answer: Awaitable[object]) -> str:
        """Waits for the answer, then runs the Discord side of a committed decision. Returns a short report for the moderator."""
        case, say = done.case, say_to(interaction)
        results = await self._effects.after(answer, cases=[case.id])
        if done.is_proposal:
            await self._mod_channel.refresh_case(case.id)
            outcome = case.proposed_outcome
            return say(
                "case-proposed", number=case.number, outcome=outcome, is_helpers=case.is_helpers_proposal
            )
        parts = [
            say(
                "case-done",
                number=case.number,
                outcome=case.outcome,
                is_refused=case.is_refused,
                member=case.member,
                until=case.expires_at,
            )
        ]
        if done.earlier is not None:
            parts.append(say("case-earlier-sanction", until=done.earlier.expires_at))
        parts.append(say("case-too-plain", pictures=done.plain))
        if done.is_bots_alone:
            parts.append(say("case-bot-ban"))
        parts += await self._effects.told(say, results)
        if done.strike_until is not None:
            parts.append(say("case-strikes-now", strikes=done.strikes))
        elif case.is_first_refusal and case.outcome in STRIKING:
            parts.append(say("case-first-refusal"))
        if case.card_message_id is None:
            await self._mod_channel.refresh_case(case.id)
        return " ".join(part for part in parts if part)
