"""What a press on a case's card does in Discord: the card says who is on it and what became of it, the member is told,
Discord's own timeout or ban is set where it may be. What is decided, `bot.studio.cases.cases` decides."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import discord

from bot.cases import cards as case_cards
from bot.cases import discord_sanctions
from bot.cases.buttons import CaseAction
from bot.cases.direct_messages import DirectMessages
from bot.cases.discord_sanctions import SanctionOutcome
from bot.cases.mod_channel import ModChannel
from bot.permissions import actor_of, demand_moderator
from bot.posted_message import UNREACHABLE, PostedMessage
from bot.studio.cases.cases import STRIKING, Casework, Decision, Done
from bot.studio.errors import NoSuchCase
from bot.texts import markdown
from bot.texts import moderators as mod_texts
from bot.ui.forms import TextForm, line
from db.audit import Act
from db.cases import Case, Outcome
from moderation.duration import written
from moderation.escalation import Sanction

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

_FORMS = {
    CaseAction.WARN: (Outcome.WARN, Sanction.WARN, "Warn"),
    CaseAction.TIMEOUT: (Outcome.TIMEOUT, Sanction.TIMEOUT, "Time out"),
    CaseAction.BAN: (Outcome.BAN, Sanction.BAN, "Ban"),
}
_DEFAULT_TIMEOUT = "1h"


class CaseActions:
    def __init__(
        self, client: discord.Client, casework: Casework, review: ModChannel, direct_messages: DirectMessages
    ) -> None:
        self._client = client
        self._casework = casework
        self._records = casework.records
        self._mod_channel = review
        self._direct_messages = direct_messages

    async def press(self, press: CaseAction, interaction: Interaction, subject: int) -> None:
        """`subject`: the case's id; for OPEN the verdict's. Raises what `Casework` refuses."""
        demand_moderator(interaction)
        by = actor_of(interaction)
        match press:
            case CaseAction.OPEN:
                case = await self._casework.open_refusal(subject, by)
                if case is None:
                    raise NoSuchCase(0)
                await self._show(interaction, case)
                await self._adopt(interaction, case)
            case CaseAction.APPROVE:
                await self._finish(
                    interaction, await self._casework.decide(subject, by, Decision(outcome=Outcome.APPROVE))
                )
            case CaseAction.REMOVE:
                await self._finish(
                    interaction, await self._casework.decide(subject, by, Decision(outcome=Outcome.REMOVE))
                )
            case CaseAction.ESCALATE:
                await self._show(interaction, await self._casework.escalate(subject, by))
            case CaseAction.WARN | CaseAction.TIMEOUT | CaseAction.BAN:
                case = await self._casework.claim(subject, by)
                await self._open_form(interaction, press, case)
                await self._mod_channel.refresh_case(case.id)

    async def _open_form(self, interaction: Interaction, press: CaseAction, case: Case) -> None:
        outcome, sanction, verb = _FORMS[press]
        _, rung = await self._casework.standing(case.guild_id, case.member)
        fields = {"Reason, shown to the member": line("reason", default=case.proposed_reason)}
        if outcome is not Outcome.WARN:
            offered = written(rung.seconds or 0) if rung.sanction is sanction else ""
            is_timeout = outcome is Outcome.TIMEOUT
            label = "How long (30m, 12h, 7d, 2w)" if is_timeout else "How long; empty: until lifted"
            default = offered or (_DEFAULT_TIMEOUT if is_timeout else "")
            fields[label] = line("span", most=6, default=default, is_required=is_timeout)

        async def submit(interaction: Interaction, reason: str, span: str = "") -> None:
            demand_moderator(interaction)
            seconds = mod_texts.seconds_of(span) if span else None
            decision = Decision(outcome=outcome, reason=reason, seconds=seconds)
            await self._finish(
                interaction, await self._casework.decide(case.id, actor_of(interaction), decision)
            )

        title = markdown.short(f"{verb} {case.member_name} · case {case.number}", 45)
        await interaction.response.send_modal(TextForm(title, fields, submit))

    async def _finish(self, interaction: Interaction, done: Done) -> None:
        """The card first, then the consequences, then what came of them, for the moderator alone."""
        await self._show(interaction, done.case)
        summary = await self.carry_out(interaction, done)
        try:
            await interaction.followup.send(summary, ephemeral=True)
        except UNREACHABLE as error:
            log.info("case %s: its moderator was not told: %s", done.case.id, error)

    async def _show(self, interaction: Interaction, case: Case) -> None:
        view, files = case_cards.case_card(await self._mod_channel.dossier(case))
        await interaction.response.edit_message(view=view, attachments=files)
        if interaction.message is None or interaction.message.id != case.card_message_id:
            await self._mod_channel.refresh_case(case.id)

    async def _adopt(self, interaction: Interaction, case: Case) -> None:
        """The refusal's card has become the case's."""
        message = interaction.message
        if message is None or message.flags.ephemeral or case.card_message_id is not None:
            return
        async with self._records.database.transaction() as tx:
            await self._records.cases.set_card(tx, case.id, message.channel.id, message.id)

    async def carry_out(self, interaction: Interaction, done: Done) -> str:
        """What follows in Discord from a committed decision; a sentence or two on what was done, for the moderator."""
        case = done.case
        if done.is_proposal:
            await self._mod_channel.refresh_case(case.id)
            return f"Case {case.number}: the ban is proposed. Another moderator must confirm it."
        parts = [f"Case {case.number}: {self._words(case)}.", mod_texts.earlier(done.earlier)]
        if case.outcome not in (Outcome.APPROVE, None) and case.job is not None:
            parts += [await self._delete_message(case), mod_texts.can_return(done.plain)]
        if case.told_at is None:
            # Before a ban: after it there is no server in common, and so no direct message.
            is_told = await self._direct_messages.tell(case)
            parts.append(
                "They are told by direct message."
                if is_told
                else "Their direct messages are closed: they are told when they next use me."
            )
        used = await discord_sanctions.apply(interaction, self._casework.takedown, case)
        if used != discord_sanctions.NOTHING:
            parts.append(_power(used, case))
            async with self._records.database.transaction() as tx:
                await self._records.cases.set_power(tx, case.id, used.power)
                if used.power:
                    await self._casework.takedown.note(
                        tx,
                        actor_of(interaction),
                        Act.DISCORD_SANCTION,
                        case.member,
                        case=case.number,
                        details={"power": used.power},
                    )
            case = replace(case, power=used.power)
        if done.strike_until is not None:
            parts.append(f"They have {mod_texts.count(done.strikes, 'strike')} now.")
        elif done.is_first_hit and case.outcome in STRIKING:
            parts.append("It was their first refusal, which gives no strike.")
        if used.power or case.card_message_id is None:
            await self._mod_channel.refresh_case(case.id)
        return " ".join(part for part in parts if part)

    def _words(self, case: Case) -> str:
        match case.outcome:
            case Outcome.APPROVE:
                return "wrongly refused; nothing comes back" if case.is_refused else "it stands"
            case Outcome.REMOVE:
                return "rightly refused" if case.is_refused else "removed"
            case Outcome.WARN:
                return f"<@{case.member}> is warned"
            case Outcome.TIMEOUT:
                return f"<@{case.member}> makes no pictures {mod_texts.until(case.expires_at)}"
            case Outcome.BAN:
                return f"<@{case.member}> is banned from making pictures {mod_texts.until(case.expires_at)}"
            case _:
                return f"<@{case.member}> is blocked {mod_texts.until(case.expires_at)}"

    async def _delete_message(self, case: Case) -> str:
        job = await self._records.jobs.get(case.job) if case.job else None
        if job is None or job.place.message_id is None:
            return ""
        try:
            await PostedMessage(self._client, job.place).delete()
        except UNREACHABLE as error:
            log.warning("the message of job %s was not deleted: %s", job.id, error)
            return "The pictures are gone from here, but Discord did not let me delete their message: do it by hand."
        return ""


def _power(used: SanctionOutcome, case: Case) -> str:
    own = "timeout" if case.outcome is Outcome.TIMEOUT else "ban"
    if used.power:
        return f"Discord's own {own} is set too."
    return f"Discord's own {own} is not set: {used.why_not}."
