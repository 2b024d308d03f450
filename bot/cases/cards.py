"""The moderators' cards of cases and appeals, and the notices to the member. Components V2; no logic."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import discord
from discord import ui

from bot.cases.buttons import (
    AppealButton,
    AppealPress,
    CaseAction,
    CaseButton,
    FoldedAction,
    FoldedButton,
    ProposalAction,
    ProposalButton,
    next_button,
    several_button,
)
from bot.ui import Button, Language, Page, PageButton, View, card, markdown, note, row, variant
from db import Appeal, Case, Decision, Entry, EntryKind, Job, MemberStats, Outcome, VerdictRecord
from generation import JobId
from moderation import READ, WRITTEN, Ruling, Rung, Sanction, Verdict

_OPEN = discord.Colour(0xE0A93B)
_REFUSED = discord.Colour(0x99545A)
_CLOSED = discord.Colour(0x6B7280)
_APPEAL = discord.Colour(0x5865F2)
_PROMPT, _REST, _JOINED_PROMPT = 700, 250, 120  # characters shown
_ENTRIES, _WORDS = 5, 160  # entries on a card, and characters of a person's words in each
_JOINED = 3
"""Orders that joined the case: the newest ones, with their prompts."""

_REMOVING = (EntryKind.TAKEN_DOWN, EntryKind.PURGED, EntryKind.REMOVED)
_SOURCE = re.compile(r"(?P<code>.*?) ?(?P<image>\d*)", re.DOTALL)
"""A stored source: "re-roll", "V1", "remix 2"."""
_SANCTION = {
    CaseAction.WARN: Sanction.WARN,
    CaseAction.TIMEOUT: Sanction.TIMEOUT,
    CaseAction.BAN: Sanction.BAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A case with its related rows, as of now."""

    case: Case
    standing: MemberStats
    rung: Rung  # the next rung of the ladder
    entries: Sequence[Entry]
    job: Job | None
    has_look: bool = False  # a withheld picture has a hash
    has_strike: bool = False  # the case's strike counts
    open_cases: int = 1  # of the member, this one included
    linked: Mapping[JobId, Job] = field(default_factory=dict)  # the newest orders that joined

    @property
    def joined(self) -> Sequence[Entry]:
        """The orders that joined the case, oldest first."""
        return [each for each in self.entries if each.kind is EntryKind.JOINED]

    @property
    def story(self) -> Sequence[Entry]:
        """The other entries, but for the picture check's on orders that joined."""
        joined = {each.job for each in self.joined}
        others = (each for each in self.entries if each.kind is not EntryKind.JOINED)
        return [each for each in others if each.kind is not EntryKind.CHECKED or each.job not in joined]

    @property
    def proposal(self) -> int:
        """The id of the entry with the proposal; 0: none."""
        return max((each.id for each in self.entries if each.kind is EntryKind.PROPOSED), default=0)

    @property
    def is_removed(self) -> bool:
        """Whether the pictures of all orders are removed already."""
        own = self.case.job
        removed = {each.job or own for each in self.entries if each.kind in _REMOVING}
        return removed >= {own, *(each.job for each in self.joined if each.job is not None)}


def case_card(say: Language, dossier: Dossier, *, role: int | None = None) -> tuple[View, list[discord.File]]:
    """`role`: mentioned by a new card."""
    case = dossier.case
    words = ui.TextDisplay[Any](_asked(say, case, dossier.job))
    title = say("case-title", number=case.number, origin=case.origin, ruling=case.verdict.ruling.word)
    items: list[ui.Item[Any]] = [ui.TextDisplay(title)]
    files: list[discord.File] = []
    if case.picture is not None:
        name = f"case-{case.number}.jpg"
        files.append(discord.File(io.BytesIO(case.picture), filename=name))
        thumbnail = ui.Thumbnail[Any](f"attachment://{name}", description=say("case-blurred"))
        items.append(ui.Section(words, accessory=thumbnail))
    else:
        items.append(words)
    items.append(ui.TextDisplay(_record(say, dossier)))
    if dossier.joined:
        items.append(ui.TextDisplay(_joined(say, dossier)))
    if story := _story(say, dossier.story):
        items.append(ui.TextDisplay(story))
    state = [_state(say, case)]
    if any(_is_undoing(each) for each in dossier.entries):
        state.append(say("case-taken-back"))
    elif any(each.kind is EntryKind.LIFTED for each in dossier.entries):
        state.append(say("case-lifted") if dossier.has_strike else say("case-taken-back"))
    if case.is_open and dossier.is_removed:
        state.append(say("case-removed-already"))
    items.append(ui.TextDisplay("\n".join(state)))
    if case.is_open:
        if case.is_refused:
            choices = say(
                "case-refusal-buttons",
                is_withheld=case.is_withheld,
                like=case.verdict.likeness,
                has_look=dossier.has_look,
            )
            items.append(ui.TextDisplay(choices))
        items += _buttons(say, dossier)
        if dossier.open_cases > 1:
            items.append(row(several_button(say, case.id, dossier.open_cases)))
    else:
        items.append(row(next_button(say, case.number), _history_button(say, case)))
    return card(*items, colour=_OPEN if case.is_open else _CLOSED, role=role), files


def why(say: Language, verdict: Verdict, most: int = 8) -> str:
    """Returns the reason of a verdict, with the first `most` words that were found."""
    return _why(say, verdict.category, verdict.rule, verdict.words[:most])


def _why(say: Language, category: str, rule: str, words: Sequence[str]) -> str:
    found = ", ".join(f"`{markdown.code(_found(say, each), _longest(each))}`" for each in words)
    of, _, name = rule.partition(": ")
    return say("case-why", category=category, rule=rule, code=variant(rule), of=of, name=name, words=found)


def _found(say: Language, word: str) -> str:
    """Returns a word that was found in a text; or what was found in pictures, which is stored as a code."""
    match word.split(":"):
        case ["picture" | "flagged" as kind, number]:
            return say("case-found", kind=kind, number=number, apart=None)
        case ["job", job, apart]:
            return say("case-found", kind="job", number=job, apart=apart)
        case _ if word.startswith(WRITTEN):
            return say("case-found", kind="written", number=word.removeprefix(WRITTEN), apart=None)
        case _:
            return word


def _longest(word: str) -> int:
    """Returns how many characters of it a card shows."""
    return 200 if word.startswith(WRITTEN) else 40


def source(say: Language, record: VerdictRecord) -> str:
    """Returns the origin of the record's text, which is stored as a code."""
    found = _SOURCE.fullmatch(record.source)
    assert found is not None, "every text matches"
    return say("case-source", code=variant(found["code"]), image=found["image"], source=record.source)


def _asked(say: Language, case: Case, job: Job | None) -> str:
    verdict = case.verdict
    lines: list[str] = []
    if case.prompt:
        lines.append(f"> {markdown.short(markdown.plain(case.prompt), _PROMPT)}")
    if case.negative:
        lines.append(say("case-negative", text=case.negative, limit=_REST))
    if not case.member_name:
        lines.append(say("case-forgotten"))
    elif verdict.ruling is not Ruling.ALLOW:
        lines.append(f"{why(say, verdict, 5)} · {say('case-score', score=verdict.score)}")
    if verdict.language:
        lines.append(say("case-language", language=verdict.language, is_read=verdict.language in READ))
    if verdict.normal_form and verdict.normal_form != case.prompt.casefold():
        lines.append(say("case-read-as", text=verdict.normal_form, limit=_REST))
    parts = [say("case-place", who=_who(case), channel=case.channel_id, at=case.opened_at)]
    if case.job is not None:
        parts.append(say("case-job", job=case.job))
    if job is not None and (link := link_to(job)):
        parts.append(say("case-message", link=link))
    lines.append("-# " + " · ".join(parts))
    return "\n".join(lines)


def link_to(job: Job) -> str:
    """Returns a link to the job's message; empty without one."""
    place = job.place
    if place.message_id is None:
        return ""
    return f"https://discord.com/channels/{place.guild_id}/{place.channel_id}/{place.message_id}"


def _who(case: Case) -> str:
    """Returns a mention with the member's name; without the name for a forgotten member."""
    return f"<@{case.member}>" + (f" ({markdown.plain(case.member_name)})" if case.member_name else "")


def record_of(say: Language, standing: MemberStats) -> str:
    """Returns the member's record in one line."""
    return say(
        "case-record",
        orders=standing.orders,
        flags=standing.flags,
        refusals=standing.refusals,
        pictures=standing.pictures,
        strikes=standing.strikes,
        ever=standing.strikes_ever,
        cases=standing.cases,
        is_blocked=standing.is_blocked,
        until=standing.blocked_until,
    )


def _record(say: Language, dossier: Dossier) -> str:
    line = record_of(say, dossier.standing)
    if dossier.case.is_open:
        rung = dossier.rung
        ladder = say(
            "case-ladder",
            sanction=rung.sanction,
            seconds=rung.seconds,
            is_first=dossier.case.is_first_refusal,
        )
        line += f"\n{ladder}"
    return line


def _joined(say: Language, dossier: Dossier) -> str:
    """Returns the count of the orders that joined the case, and the newest of them."""
    joined = dossier.joined
    lines = [say("case-joined", count=len(joined), total=1 + len(joined), since=joined[0].at)]
    for entry in reversed(joined[-_JOINED:]):
        details, job = entry.details, dossier.linked.get(entry.job) if entry.job else None
        lines.append(f"> {markdown.short(markdown.plain(entry.text or markdown.NO_WORDS), _JOINED_PROMPT)}")
        told = say(
            "case-joined-order",
            origin=details["origin"],
            why=_why(say, details["category"], details["rule"], details["words"][:_JOINED]),
            has_rule=bool(details["rule"]),
            at=entry.at,
            job=entry.job,
            link=link_to(job) if job is not None else None,
        )
        lines.append(told)
    return "\n".join(lines)


def _story(say: Language, entries: Sequence[Entry]) -> str:
    lines = [entry_line(say, entry) for entry in entries[-_ENTRIES:]]
    if len(entries) > _ENTRIES:
        lines.insert(0, say("case-earlier-entries", count=len(entries) - _ENTRIES))
    return "\n".join(lines)


def entry_line(say: Language, entry: Entry, most: int = _WORDS) -> str:
    """Returns an entry in one line. `most`: characters of a person's words."""
    told = _entry(say, entry, most)
    return say("case-entry", at=entry.at, name=entry.written_name, kind=entry.kind, entry=told)


def _entry(say: Language, entry: Entry, most: int) -> str:
    details = entry.details
    if entry.kind is EntryKind.CHECKED:
        why = _why(say, details["category"], details["rule"], details["words"])
        return say("case-entry-checked", ruling=details["ruling"], why=why)
    if entry.kind is EntryKind.NOT_DONE:
        effect, power = details["effect"], details["power"]
        return say("case-entry-not-done", effect=effect, power=power, obstacle=details["obstacle"], case=0)
    if entry.kind is EntryKind.AMENDED and details:
        return say(
            "case-entry-amended",
            has_reason="before" in details,
            before=details.get("before"),
            reason=entry.text,
            has_end="until" in details,
            until_before=details.get("until_before"),
            until=details.get("until"),
            limit=most // 2,
        )
    if entry.kind is EntryKind.JOINED:
        why = _why(say, details["category"], details["rule"], details["words"][:_JOINED])
        said = {"why": why if details["rule"] else "", "text": entry.text, "limit": most}
        return say("case-entry-joined", origin=details["origin"], job=entry.job, **said)
    choice = details.get("outcome") or details.get("decision")
    act = say("case-entry-act", kind=entry.kind, choice=choice, text=entry.text, limit=most)
    beside = details.get("beside")
    return act if beside is None else f"{act} {say('case-entry-beside', number=beside)}"


def _is_undoing(entry: Entry) -> bool:
    """Whether the entry takes back the case's decision."""
    if entry.kind is EntryKind.ANSWERED:
        # Before migration 15 the text began with the decision.
        return entry.details.get("decision", entry.text.partition(":")[0]) == Decision.OVERTURNED
    return entry.kind is EntryKind.PARDONED


def _state(say: Language, case: Case) -> str:
    if case.outcome is None:
        lines = [say("case-open")]
        if case.is_escalated:
            lines.append(say("case-escalated"))
        if case.is_helpers_proposal:
            lines.append(
                say(
                    "case-helper-proposes",
                    by=case.proposed_by,
                    outcome=case.proposed_outcome,
                    seconds=case.proposed_seconds,
                    reason=case.proposed_reason,
                    is_bot_ban=case.is_bot_ban_proposed,
                )
            )
        elif case.proposed_by is not None:
            by, seconds = case.proposed_name, case.proposed_seconds
            is_bot_ban, reason = case.is_bot_ban_proposed, case.proposed_reason
            lines.append(
                say("case-ban-proposed", by=by, seconds=seconds, reason=reason, is_bot_ban=is_bot_ban)
            )
        if case.claimed_by is not None and case.claimed_at is not None:
            lines.append(say("case-claimed", name=case.claimed_name, at=case.claimed_at))
        return " ".join(lines)
    return say(
        "case-closed",
        by=case.acted_name,
        outcome=case.outcome,
        is_refused=case.is_refused,
        member=case.member,
        is_block=case.block is not None,
        until=case.expires_at,
        power=case.power,
        at=case.acted_at or 0,
        reason=case.reason,
    )


def _history_button(say: Language, case: Case) -> CaseButton:
    return CaseButton(CaseAction.HISTORY, case.id, label=say("case-history-button"))


def _buttons(say: Language, dossier: Dossier) -> list[ui.Item[Any]]:
    case, orders = dossier.case, 1 + len(dossier.joined)

    def folded(action: FoldedAction) -> FoldedButton:
        label = say("case-button-all", action=variant(action), is_refused=case.is_refused, count=orders)
        return FoldedButton(action, case.id, orders, label=label)

    def button(action: CaseAction) -> CaseButton:
        is_next = _SANCTION.get(action) == dossier.rung.sanction
        label = say(
            "case-button",
            action=action.name.lower(),
            is_refused=case.is_refused,
            is_proposed=case.proposed_outcome is Outcome.BAN and not case.is_helpers_proposal,
        )
        style = discord.ButtonStyle.danger if is_next else discord.ButtonStyle.secondary
        return CaseButton(action, case.id, label=label, style=style)

    is_folded = orders > 1
    looks: list[Button] = [folded(FoldedAction.APPROVE) if is_folded else button(CaseAction.APPROVE)]
    if case.job is not None:
        looks.append(folded(FoldedAction.REMOVE) if is_folded else button(CaseAction.REMOVE))
    if not case.is_escalated:
        looks.append(button(CaseAction.ESCALATE))
    if is_folded:
        prompts = f"{case.member}.0.-.{int(case.opened_at)}.0"
        looks.append(PageButton(Page.LOG, prompts, label=say("case-joined-all")))
    looks.append(next_button(say, case.number))
    decides: list[Button] = [button(each) for each in _SANCTION]
    if case.is_helpers_proposal:
        label = say("case-confirm-button", outcome=case.proposed_outcome)
        style = discord.ButtonStyle.success
        confirm = ProposalButton(ProposalAction.CONFIRM, case.id, dossier.proposal, label=label, style=style)
        decides.insert(0, confirm)
    if dossier.entries:
        decides.append(_history_button(say, case))
    return [row(*looks), row(*decides)]


def appeal_card(say: Language, appeal: Appeal, case: Case) -> View:
    """Builds the appeal's card for the moderators."""
    lines = [
        say("case-appeal-title", number=case.number, who=_who(case), at=appeal.at),
        f"> {markdown.short(markdown.plain(appeal.text), 1200)}",
        f"-# {_state(say, case)}".replace("\n", "\n-# "),
    ]
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if appeal.decision is None:
        items.append(ui.TextDisplay(say("case-appeal-open")))
        items.append(
            row(
                AppealButton(AppealPress.UPHOLD, appeal.id, label=say("case-appeal-uphold")),
                AppealButton(AppealPress.OVERTURN, appeal.id, label=say("case-appeal-overturn")),
            )
        )
        return card(*items, colour=_APPEAL)
    decided = say(
        "case-appeal-decided", decision=appeal.decision, by=appeal.decided_name, answer=appeal.answer
    )
    return card(*items, ui.TextDisplay(decided), colour=_CLOSED)


def notice(
    say: Language,
    case: Case,
    server: str,
    *,
    strike_until: float | None,
    strikes: int,
    can_appeal: bool,
    orders: int = 1,
    is_amended: bool = False,
) -> View:
    """Builds the notice to the member, for a direct message or an answer that only they see.

    `server`: its name; empty when unknown. `orders`: that the decision is about.
    """
    lines = [
        say(
            "case-notice",
            outcome=case.outcome,
            is_withheld=case.is_withheld,
            server=server,
            until=case.expires_at,
        )
    ]
    if is_amended:
        lines.append(say("case-notice-amended"))
    if case.prompt:
        lines.append(f"> {markdown.short(markdown.plain(case.prompt), _REST)}")
    if case.reason:
        lines.append(say("case-notice-reason", reason=case.reason))
    if case.outcome is not Outcome.REMOVE and case.job is not None and not case.is_withheld:
        lines.append(say("case-notice-removed", orders=orders))
    if strike_until is not None:
        lines.append(say("case-notice-strike", until=strike_until, strikes=strikes))
    elif case.is_first_refusal:
        lines.append(say("case-notice-first"))
    if can_appeal := can_appeal and case.outcome is not Outcome.APPROVE:
        lines.append(say("case-notice-appeal", number=case.number))
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if can_appeal:
        style = discord.ButtonStyle.primary
        items.append(row(AppealButton(AppealPress.APPEAL, case.id, label=say("case-appeal"), style=style)))
    return card(*items, colour=_OPEN)


def answer_notice(say: Language, appeal: Appeal, case: Case, server: str) -> View:
    """Builds the notice about the answer to an appeal. `server`: as in `notice`."""
    text = say("case-answer", decision=appeal.decision, number=case.number, server=server)
    if appeal.answer:
        text += f"\n> {markdown.plain(appeal.answer)}"
    return note(text, colour=_APPEAL)


def review_card(say: Language, record: VerdictRecord, *, count: int, since: float) -> View:
    """Builds the card of a member's newest refusal. `count`: their refusals since `since` (unix seconds)."""
    verdict = record.verdict
    lines = [
        say("case-review", why=why(say, verdict)),
        f"> {markdown.short(markdown.plain(record.prompt or markdown.NO_WORDS), 900)}",
    ]
    if record.negative:
        lines.append(say("case-negative", text=record.negative, limit=400))
    if verdict.normal_form and verdict.normal_form != record.prompt.casefold():
        lines.append(say("case-read-as", text=verdict.normal_form, limit=300))
    lines.append(
        say(
            "case-review-place",
            member=record.member,
            channel=record.channel_id,
            source=source(say, record),
            at=record.at,
            job=record.job,
        )
    )
    if count > 1:
        lines.append(say("case-review-count", count=count, since=since))
    # A first refusal is explained to the member, not punished. A moderator opens a case when one is needed.
    label = say("case-button", action="open", is_refused=True, is_proposed=False)
    button = CaseButton(CaseAction.OPEN, record.id, label=label)
    return card(ui.TextDisplay("\n".join(lines)), row(button), colour=_REFUSED)
