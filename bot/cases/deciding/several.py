"""The list of several open cases, with one decision for all: those of one member, or those of a raid.

A button names the newest case of its list, so that a case which was opened since stays open.
"""

from collections.abc import Awaitable, Sequence
from typing import Any

import discord
from discord import ui

from bot.cases.buttons import RaidAction, RaidButton, SeveralAction, SeveralButton, SeveralForm
from bot.cases.cards import why
from bot.cases.deciding.reasons import Reasons, reason_fields
from bot.cases.effects import Effects
from bot.cases.mod_channel import ModChannel
from bot.permissions import demand_below, moderator_of, seconds_of
from bot.studio import CaseRefusal, Moderator, NoneOpen, NotSenior
from bot.studio.cases.decisions import Decision, Done
from bot.studio.parts import Parts
from bot.ui import Button, Language, SentForm, TextForm, View, card, line, markdown, note, row, say_to
from db import Case, Outcome
from generation import MemberId

Interaction = discord.Interaction[Any]

_AT_ONCE = 10
"""Cases that are approved or removed within the seconds that Discord waits for an answer."""
_SHOWN, _PROMPT = 20, 100  # cases on a list; characters of a prompt
LONGEST_SPAN = 6  # characters
_OF_MEMBER = {
    SeveralAction.APPROVE: Outcome.APPROVE,
    SeveralAction.REMOVE: Outcome.REMOVE,
    SeveralAction.WARN: Outcome.WARN,
    SeveralAction.TIMEOUT: Outcome.TIMEOUT,
    SeveralAction.BAN: Outcome.BAN,
}
_OF_RAID = {
    RaidAction.REMOVE: Outcome.REMOVE,
    RaidAction.TIMEOUT: Outcome.TIMEOUT,
    RaidAction.BAN: Outcome.BAN,
}
_FORMS = {
    (Outcome.WARN, False): SeveralForm.WARN,
    (Outcome.TIMEOUT, False): SeveralForm.TIMEOUT,
    (Outcome.BAN, False): SeveralForm.BAN,
    (Outcome.TIMEOUT, True): SeveralForm.RAID_TIMEOUT,
    (Outcome.BAN, True): SeveralForm.RAID_BAN,
}


def list_card(say: Language, cases: Sequence[Case], *, is_raid: bool) -> View:
    """Builds the list. `cases`: at least one, oldest first."""
    newest, members = cases[-1], {each.member for each in cases}
    lines = [
        say("cases-several", count=len(cases), members=len(members), member=newest.member, is_raid=is_raid)
    ]
    for each in cases[:_SHOWN]:
        shown = markdown.short(markdown.plain(each.prompt or markdown.NO_WORDS), _PROMPT)
        reason = why(say, each.verdict, 2) if each.verdict.rule else ""
        lines.append(
            say("cases-several-line", number=each.number, member=each.member, why=reason, at=each.opened_at)
        )
        lines.append(f"> {shown}")
    if len(cases) > _SHOWN:
        lines.append(say("cases-several-more", count=len(cases) - _SHOWN))
    labels = {
        outcome: say("cases-several-button", outcome=outcome, count=len(cases))
        for outcome in _OF_MEMBER.values()
    }
    buttons: list[Button] = (
        [RaidButton(action, newest.id, label=labels[outcome]) for action, outcome in _OF_RAID.items()]
        if is_raid
        else [
            SeveralButton(action, newest.id, label=labels[outcome]) for action, outcome in _OF_MEMBER.items()
        ]
    )
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines)), row(*buttons)]
    return card(*items)


class SeveralActions:
    def __init__(self, parts: Parts, mod_channel: ModChannel, effects: Effects, reasons: Reasons) -> None:
        self._several = parts.several
        self._records = parts.records
        self._mod_channel = mod_channel
        self._effects = effects
        self._reasons = reasons

    async def press(self, action: SeveralAction, interaction: Interaction, case_id: int) -> None:
        """Answers a press about a member. `case_id`: any case of the member for SHOW, else the newest case of the list."""
        by = moderator_of(interaction)
        if action is SeveralAction.SHOW:
            case = await self._records.cases.get(case_id)
            if case is None or case.guild_id != by.guild_id:
                raise NoneOpen
            await self._show(interaction, await self._several.of_member(by, case.member), is_raid=False)
        else:
            await self._act(interaction, by, _OF_MEMBER[action], case_id, is_raid=False)

    async def press_raid(self, action: RaidAction, interaction: Interaction, subject: int) -> None:
        """Answers a press about a raid. `subject`: the raid's id for SHOW, else as in `press`. Decisions need Manage Server."""
        by = moderator_of(interaction)
        if action is RaidAction.SHOW:
            await self._show(interaction, await self._several.of_raid(by, subject), is_raid=True)
        else:
            await self._act(interaction, by, _OF_RAID[action], subject, is_raid=True)

    async def submit(self, interaction: Interaction, sent: SentForm[SeveralForm]) -> None:
        """Decides the cases of a submitted form. Raises BadDuration, and as `SeveralCases.decide`."""
        by, span = moderator_of(interaction), sent.entry("span", LONGEST_SPAN)
        outcome, is_raid = next(each for each, form in _FORMS.items() if form is sent.action)
        reason, kept = await self._reasons.read(by.guild_id, sent.entry("reason"), sent.entry("ready"))
        seconds = seconds_of(span) if span else None
        decision = Decision(outcome=outcome, reason=reason, kept_reason=kept, seconds=seconds)
        await self._decide(interaction, by, decision, sent.subject, is_raid=is_raid)

    async def _show(self, interaction: Interaction, cases: Sequence[Case], *, is_raid: bool) -> None:
        """Shows the list to the moderator alone: in the place of their private card, or as a new one. Raises NoneOpen."""
        if not cases:
            raise NoneOpen
        view, message = list_card(say_to(interaction), cases, is_raid=is_raid), interaction.message
        if message is not None and message.flags.ephemeral:
            await interaction.response.edit_message(view=view, attachments=[])
        else:
            await interaction.response.send_message(view=view, ephemeral=True)

    async def _act(
        self, interaction: Interaction, by: Moderator, outcome: Outcome, newest: int, *, is_raid: bool
    ) -> None:
        cases = await self._listed(by, newest, is_raid=is_raid)
        if outcome in (Outcome.APPROVE, Outcome.REMOVE):
            await self._decide(interaction, by, Decision(outcome=outcome), newest, is_raid=is_raid)
            return
        say = say_to(interaction)
        fields = await reason_fields(self._reasons, interaction)
        if outcome is not Outcome.WARN:
            is_timeout = outcome is Outcome.TIMEOUT
            label = say("case-form-duration", outcome=outcome)
            default = "1h" if is_timeout else ""
            fields[label] = line("span", most=LONGEST_SPAN, default=default, is_required=is_timeout)
        title = say("cases-several-button", outcome=outcome, count=len(cases))
        form = TextForm(markdown.short(title, 45), _FORMS[outcome, is_raid], newest, fields)
        await interaction.response.send_modal(form)

    async def _listed(self, by: Moderator, newest: int, *, is_raid: bool) -> list[Case]:
        """Returns the cases of the list that are still open. Raises NoneOpen; NotSenior for a raid's."""
        case = await self._records.cases.get(newest)
        if case is None or case.guild_id != by.guild_id or (is_raid and case.raid is None):
            raise NoneOpen
        if is_raid and not by.is_senior:
            raise NotSenior(or_head=True)
        if is_raid and case.raid is not None:
            found = await self._several.of_raid(by, case.raid)
        else:
            found = await self._several.of_member(by, case.member)
        cases = [each for each in found if each.id <= newest]
        if not cases:
            raise NoneOpen
        return cases

    async def _decide(
        self, interaction: Interaction, by: Moderator, decision: Decision, newest: int, *, is_raid: bool
    ) -> None:
        cases = await self._listed(by, newest, is_raid=is_raid)
        say = say_to(interaction)
        if len(cases) > _AT_ONCE or decision.outcome not in (Outcome.APPROVE, Outcome.REMOVE):
            # The members' roles are asked for, and pictures removed, which takes longer than Discord waits.
            await interaction.response.defer(ephemeral=True)
        members = await self._below(interaction, {each.member for each in cases}, decision)
        done = await self._several.decide(by, cases, decision, members)
        await self._tell(interaction, say, decision, done)

    async def _below(
        self, interaction: Interaction, members: set[MemberId], decision: Decision
    ) -> set[MemberId]:
        """Returns the members on whom the moderator may act. For one member, raises the refusals of `demand_below`."""
        if decision.outcome in (Outcome.APPROVE, Outcome.REMOVE):
            return members
        below = set[MemberId]()
        for member in members:
            try:
                below.add(await demand_below(interaction, member))
            except CaseRefusal:
                if len(members) == 1:
                    raise
        return below

    async def _tell(
        self, interaction: Interaction, say: Language, decision: Decision, done: Sequence[Done]
    ) -> None:
        proposed = sum(each.is_proposal for each in done)
        said = say(
            "cases-several-done",
            count=len(done),
            members=len({each.case.member for each in done}),
            outcome=decision.outcome,
            proposed=proposed,
        )
        plain = say("case-too-plain", pictures=sum(each.plain for each in done))
        view = note(" ".join(part for part in (said, plain) if part))
        if interaction.response.is_done():
            shown: Awaitable[object] = interaction.edit_original_response(view=view, attachments=[])
        else:
            shown = interaction.response.edit_message(view=view, attachments=[])
        results = await self._effects.after(shown, cases=[each.case.id for each in done])
        untold = sum(not each.is_tried_again and each.obstacle is not None for each in results)
        if untold:
            await interaction.followup.send(say("cases-several-obstacles", count=untold), ephemeral=True)
        for each in done:
            await self._mod_channel.refresh_case(each.case.id)
