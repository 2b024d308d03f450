"""The moderators' cards: a case, an appeal; and what the member is told. Components V2; no logic."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.cases.buttons import AppealButton, AppealPress, CaseAction, CaseButton
from bot.studio.screening.pictures import likeness_of
from bot.texts import markdown
from bot.texts import members as texts
from bot.texts import moderators as mod_texts
from bot.ui.components import card, row
from db.appeals import Appeal, Decision
from db.case_entries import Entry, EntryKind
from db.cases import Case, Origin, Outcome
from db.jobs import Job
from db.member_stats import MemberStats
from db.verdicts import VerdictRecord
from moderation.escalation import Rung, Sanction
from moderation.verdict import Ruling

_OPEN = discord.Colour(0xE0A93B)
_REFUSED = discord.Colour(0x99545A)
_CLOSED = discord.Colour(0x6B7280)
_APPEAL = discord.Colour(0x5865F2)
_PROMPT, _REST = 700, 250  # characters shown
_ENTRIES, _ENTRY = 5, 160

View = ui.LayoutView

_ORIGIN = {
    Origin.FLAG: "flagged",
    Origin.REFUSAL: "refused",
    Origin.REPORT: "reported",
    Origin.PICTURE: "a picture was refused",
    Origin.MODERATOR: "a moderator's own",
}
_UNDOING = (EntryKind.PARDONED, EntryKind.ANSWERED)
_SANCTION = {
    CaseAction.WARN: Sanction.WARN,
    CaseAction.TIMEOUT: Sanction.TIMEOUT,
    CaseAction.BAN: Sanction.BAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A case and what stands around it, as of now."""

    case: Case
    standing: MemberStats
    rung: Rung  # what the ladder offers next
    entries: Sequence[Entry]
    job: Job | None
    is_first_hit: bool = False  # their first refusal by the filter
    has_look: bool = False  # something withheld could be known again


def case_card(dossier: Dossier) -> tuple[View, list[discord.File]]:
    case = dossier.case
    words = ui.TextDisplay[Any](_asked(case, dossier.job))
    items: list[ui.Item[Any]] = [ui.TextDisplay(f"### Case {case.number} · {_origin(case)}")]
    files: list[discord.File] = []
    if case.picture is not None:
        name = f"case-{case.number}.jpg"
        files.append(discord.File(io.BytesIO(case.picture), filename=name))
        items.append(ui.Section(words, accessory=ui.Thumbnail(f"attachment://{name}", description="blurred")))
    else:
        items.append(words)
    items.append(ui.TextDisplay(_record(dossier)))
    if story := _story(dossier.entries):
        items.append(ui.TextDisplay(story))
    is_undone = any(
        each.kind in _UNDOING and not each.text.startswith(Decision.UPHELD) for each in dossier.entries
    )
    state = _state(case) + ("\n**Taken back.**" if is_undone else "")
    if case.is_open and any(each.kind is EntryKind.REMOVED for each in dossier.entries):
        state += "\nThe pictures are removed already; what is left to decide is about the member."
    items.append(ui.TextDisplay(state))
    if case.is_open:
        if case.is_refused:
            items.append(ui.TextDisplay(f"-# {_choices(case, has_look=dossier.has_look)}"))
        items += _buttons(case, dossier.rung)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items, accent_colour=_OPEN if case.is_open else _CLOSED))
    return view, files


def _origin(case: Case) -> str:
    if case.origin is Origin.PICTURE and case.verdict.ruling is Ruling.FLAG:
        return "a picture was flagged"
    return _ORIGIN[case.origin]


def _asked(case: Case, job: Job | None) -> str:
    verdict = case.verdict
    lines: list[str] = []
    if case.prompt:
        lines.append(f"> {markdown.short(markdown.plain(case.prompt), _PROMPT)}")
    if case.negative:
        lines.append(f"> negative: {markdown.short(markdown.plain(case.negative), _REST)}")
    if not case.member_name:
        lines.append("The member was forgotten at their wish, and what it was about with them.")
    elif verdict.ruling is not Ruling.ALLOW:
        lines.append(f"{texts.why(verdict, 5)} · score {verdict.score:.2f}")
    if verdict.normal_form and verdict.normal_form != case.prompt.casefold():
        lines.append(f"-# read as: `{markdown.code(verdict.normal_form, _REST)}`")
    where = f" in <#{case.channel_id}>" if case.channel_id else ""
    parts = [f"{_who(case)}{where}", texts.moment(case.opened_at)]
    if case.job is not None:
        parts.append(f"job {case.job}")
    if job is not None and job.place.message_id is not None:
        place = job.place
        link = f"https://discord.com/channels/{place.guild_id}/{place.channel_id}/{place.message_id}"
        parts.append(f"[message]({link})")
    lines.append("-# " + " · ".join(parts))
    return "\n".join(lines)


def _who(case: Case) -> str:
    """By name as well, but for those who are forgotten."""
    return f"<@{case.member}>" + (f" ({markdown.plain(case.member_name)})" if case.member_name else "")


def _record(dossier: Dossier) -> str:
    standing = dossier.standing
    block = f"blocked {mod_texts.until(standing.blocked_until)}" if standing.is_blocked else "not blocked"
    parts = [
        mod_texts.count(standing.orders, "order"),
        f"{standing.flags:,} flagged",
        f"{standing.refusals:,} refused",
        f"pictures of {mod_texts.count(standing.pictures, 'order')} flagged or refused"
        if standing.pictures
        else "",
        f"{mod_texts.count(standing.strikes, 'strike')} now, {standing.strikes_ever:,} ever",
        mod_texts.count(standing.cases, "case"),
        block,
    ]
    line = f"**Record** {' · '.join(part for part in parts if part)}"
    if dossier.case.is_open:
        line += f"\n**Ladder** next is {mod_texts.rung(dossier.rung)}"
        if dossier.is_first_hit:
            line += "; this is their first refusal, which gives no strike"
    return line


def _story(entries: Sequence[Entry]) -> str:
    lines = [
        f"-# {texts.moment(entry.at)} · {markdown.plain(entry.written_name)} · {entry.kind}"
        + (f": {markdown.short(markdown.plain(entry.text), _ENTRY)}" if entry.text else "")
        for entry in entries[-_ENTRIES:]
    ]
    if len(entries) > _ENTRIES:
        lines.insert(0, f"-# {len(entries) - _ENTRIES} earlier entries: `/mod case`")
    return "\n".join(lines)


def _state(case: Case) -> str:
    if case.outcome is None:
        lines = ["**Open**"]
        if case.is_escalated:
            lines.append("Escalated: somebody with Manage Server decides.")
        if case.proposed_by is not None:
            lines.append(
                f"{markdown.plain(case.proposed_name)} proposes a ban: "
                f"{markdown.plain(case.proposed_reason) or 'no reason given'}. "
                "Another moderator confirms it, or decides otherwise."
            )
        if case.claimed_by is not None and case.claimed_at is not None:
            lines.append(
                f"{markdown.plain(case.claimed_name)} is on it since {texts.moment(case.claimed_at)}."
            )
        return " ".join(lines)
    what = mod_texts.did(case.outcome, is_refused=case.is_refused)
    whom = "" if case.outcome in (Outcome.APPROVE, Outcome.REMOVE) else f" <@{case.member}>"
    end = f" {mod_texts.until(case.expires_at)}" if case.block is not None else ""
    also = f" (and by Discord's own {case.power})" if case.power else ""
    line = f"**Closed** · {markdown.plain(case.acted_name)} {what}{whom}{end}{also} · {texts.moment(case.acted_at or 0)}"
    return line + (f"\nReason: {markdown.plain(case.reason)}" if case.reason else "")


def _choices(case: Case, *, has_look: bool) -> str:
    """What the first two buttons do where nothing was posted."""
    if not case.is_withheld:
        return "*Wrongly refused* gives no strike and changes no rule: the same prompt is refused again."
    like = likeness_of(case.verdict)
    also = "" if like is None else f" What looks like the removed job {like} may come back."
    banned = ", and pictures that look like these are refused here from now on" if has_look else ""
    return (
        "Nothing was posted, and nothing was kept. *Wrongly refused*: they are told, get no strike and may order again; "
        f"these pictures can't be brought back.{also} *Rightly refused*: no strike{banned}."
    )


def _buttons(case: Case, rung: Rung) -> list[ui.Item[Any]]:
    def button(press: CaseAction, label: str) -> CaseButton:
        style = discord.ButtonStyle.secondary
        if _SANCTION.get(press) == rung.sanction:
            style = discord.ButtonStyle.danger
        return CaseButton(press, case.id, label=label, style=style)

    approve, remove = ("Wrongly refused", "Rightly refused") if case.is_refused else ("Approve", "Remove")
    looks = [button(CaseAction.APPROVE, approve)]
    if case.job is not None:
        looks.append(button(CaseAction.REMOVE, remove))
    if not case.is_escalated:
        looks.append(button(CaseAction.ESCALATE, "Escalate"))
    ban = "Ban" if case.proposed_by is None else "Confirm ban"
    return [
        row(*looks),
        row(
            button(CaseAction.WARN, "Warn"),
            button(CaseAction.TIMEOUT, "Time out"),
            button(CaseAction.BAN, ban),
        ),
    ]


def appeal_card(appeal: Appeal, case: Case) -> View:
    """For the moderators."""
    lines = [
        f"### Appeal in case {case.number}",
        f"{_who(case)} · {texts.moment(appeal.at)}",
        f"> {markdown.short(markdown.plain(appeal.text), 1200)}",
        f"-# {_state(case)}".replace("\n", "\n-# "),
    ]
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if appeal.decision is None:
        items.append(ui.TextDisplay("-# Another moderator than the one who acted answers."))
        items.append(
            row(
                AppealButton(AppealPress.UPHOLD, appeal.id, label="Uphold"),
                AppealButton(AppealPress.OVERTURN, appeal.id, label="Overturn"),
            )
        )
    else:
        answer = f": {markdown.plain(appeal.answer)}" if appeal.answer else ""
        items.append(
            ui.TextDisplay(
                f"**{appeal.decision.capitalize()}** by {markdown.plain(appeal.decided_name)}{answer}"
            )
        )
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items, accent_colour=_APPEAL if appeal.decision is None else _CLOSED))
    return view


def notice(
    case: Case,
    server: str,
    *,
    strike_until: float | None,
    strikes: int,
    can_appeal: bool,
    is_first_hit: bool = False,
) -> View:
    """For the member, in a direct message or for their eyes alone."""
    where = f"in **{markdown.plain(server)}**"
    match case.outcome:
        case Outcome.APPROVE:
            text = (
                f"A moderator has looked at the order of yours that the picture check stopped {where}: the check was wrong. "
                "It gives no strike. Nothing of it was kept, so it can't be posted any more; you may order again."
            )
        case Outcome.REMOVE if case.is_withheld:
            text = f"A moderator has looked at the order of yours that the picture check stopped {where}: the check was right."
        case Outcome.REMOVE:
            text = f"A moderator has removed your pictures {where}."
        case Outcome.WARN:
            text = f"A moderator has warned you {where}."
        case Outcome.TIMEOUT:
            text = f"A moderator has timed you out {where}: no pictures {mod_texts.until(case.expires_at)}."
        case Outcome.BAN:
            text = f"A moderator has banned you {where} from making pictures, {mod_texts.until(case.expires_at)}."
        case _:
            text = f"A moderator has decided about you {where}."
    lines = [text]
    if case.prompt:
        lines.append(f"> {markdown.short(markdown.plain(case.prompt), _REST)}")
    if case.reason:
        lines.append(f"Reason: {markdown.plain(case.reason)}")
    if case.outcome is not Outcome.REMOVE and case.job is not None and not case.is_withheld:
        lines.append("The pictures of that order are removed.")
    if strike_until is not None:
        lines.append(
            f"It counts as a strike until {texts.moment(strike_until)}; you have {mod_texts.count(strikes, 'strike')} now."
        )
    elif is_first_hit:
        lines.append(
            "It was the first time that a prompt of yours was refused there, so it counts as no strike."
        )
    if can_appeal := can_appeal and case.outcome is not Outcome.APPROVE:
        lines.append(
            f"If you think that is a mistake, appeal: another moderator looks at it.\n-# Case {case.number}"
        )
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if can_appeal:
        style = discord.ButtonStyle.primary
        items.append(row(AppealButton(AppealPress.APPEAL, case.id, label="Appeal", style=style)))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items, accent_colour=_OPEN))
    return view


def answer_notice(appeal: Appeal, case: Case, server: str) -> View:
    """For the member: what became of their appeal."""
    if appeal.decision is Decision.OVERTURNED:
        text = (
            f"Your appeal in case {case.number} in **{markdown.plain(server)}** was right: the decision is taken back. "
            "Removed pictures are gone for good, though."
        )
    else:
        text = f"Your appeal in case {case.number} in **{markdown.plain(server)}** was heard; the decision stands."
    if appeal.answer:
        text += f"\n> {markdown.plain(appeal.answer)}"
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(ui.TextDisplay[Any](text), accent_colour=_APPEAL))
    return view


def review_card(record: VerdictRecord) -> View:
    """A refusal or flag in the moderators' channel."""
    verdict = record.verdict
    is_refusal = verdict.ruling is Ruling.REFUSE
    lines = [
        f"**{'Refused' if is_refusal else 'Flagged'}** · {texts.why(verdict)}",
        f"> {markdown.short(markdown.plain(record.prompt), 900)}",
    ]
    if record.negative:
        lines.append(f"> negative: {markdown.short(markdown.plain(record.negative), 400)}")
    if verdict.normal_form and verdict.normal_form != record.prompt.casefold():
        lines.append(f"-# read as: `{markdown.code(verdict.normal_form, 300)}`")
    lines.append(
        f"-# <@{record.member}> in <#{record.channel_id}> · {record.source} · {texts.moment(record.at)}"
        + (f" · job {record.job}" if record.job else "")
    )
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if is_refusal:
        # A first hit is explained to the member, not punished; a case is for what a moderator finds worth one.
        items.append(row(CaseButton(CaseAction.OPEN, record.id, label="Open a case")))
    return card(*items, colour=_REFUSED if is_refusal else _OPEN)
