"""/mod member: what this server knows about a member, on one card that only the moderator sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.cases.buttons import several_button
from bot.cases.cards import record_of, source, why
from bot.client import Interaction
from bot.commands.mod.cases import line_of
from bot.commands.mod.desk.notes import notes_of
from bot.commands.mod.log import Question
from bot.permissions import helper_of
from bot.ui import Language, Page, PageButton, card, command, markdown, row, say_to
from db import Block, Case, MemberNote, MemberStats, Repositories, Strike, VerdictRecord
from generation import MemberId

CASES, ENDS, PROMPTS, NOTES = 5, 5, 10, 5
"""Cases, strikes, blocks, prompts and notes shown; the buttons below lead to all cases and prompts."""
_PROMPT, _WORDS = 90, 2  # characters of a prompt, words that were found in it


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRows:
    """The rows about a member in one server, newest first, as of `now` (unix seconds)."""

    member: MemberId
    standing: MemberStats
    cases: Sequence[Case]
    strikes: Sequence[tuple[Strike, int | None]]  # with the numbers of their cases
    blocks: Sequence[Block]
    prompts: Sequence[VerdictRecord]
    notes: Sequence[MemberNote]
    open_cases: Sequence[Case]  # the newest one, if any
    open_count: int
    now: float


@command("command-mod-member")
async def member(interaction: Interaction, member: discord.User) -> None:
    parts, by, whom = interaction.client.parts, helper_of(interaction), MemberId(member.id)
    rows = await read(parts.records, by.guild_id, whom, parts.clock())
    await parts.takedown.note_reading(by, whom)
    await interaction.response.send_message(view=member_card(say_to(interaction), rows), ephemeral=True)


async def read(records: Repositories, guild_id: int, member: MemberId, now: float) -> MemberRows:
    strikes = (await records.strikes.of_member(guild_id, member))[:ENDS]
    of_strikes = [await records.cases.get(each.case_id) for each in strikes]
    return MemberRows(
        member=member,
        standing=await records.member_stats.of(guild_id, member, now),
        cases=await records.cases.page(guild_id, member=member, limit=CASES),
        strikes=[(each, case and case.number) for each, case in zip(strikes, of_strikes, strict=True)],
        blocks=await records.blocks.of_member(guild_id, member, ENDS),
        open_cases=await records.cases.page(guild_id, member=member, is_open=True, limit=1),
        open_count=await records.cases.open_of(guild_id, member),
        notes=await records.member_notes.of_member(guild_id, member, NOTES),
        prompts=await records.verdicts.page(guild_id, member=member, pictures_too=False, limit=PROMPTS),
        now=now,
    )


def member_card(say: Language, rows: MemberRows) -> ui.LayoutView:
    ends = [_strike(say, strike, number, rows.now) for strike, number in rows.strikes]
    ends += [_block(say, each, rows.now) for each in rows.blocks]
    cases = [line_of(say, each) for each in rows.cases]
    if rows.standing.cases > len(rows.cases):
        cases.append(say("mod-member-more-cases", count=rows.standing.cases - len(rows.cases)))
    prompts = [_prompt(say, each) for each in rows.prompts]
    items: list[ui.Item[Any]] = [
        ui.TextDisplay(f"{say('mod-member-title', member=rows.member)}\n{record_of(say, rows.standing)}")
    ]
    for title, lines in (
        (say("mod-member-strikes"), ends),
        (say("mod-member-cases"), cases),
        (say("mod-member-notes"), notes_of(say, rows.notes)),
        (say("mod-member-prompts"), prompts),
    ):
        items.append(ui.Separator())
        items.append(ui.TextDisplay("\n".join((title, *(lines or [say("mod-member-none")])))))
    view = card(*items)
    view.add_item(
        row(
            PageButton(Page.CASES, f"{rows.member}.-.0", label=say("mod-member-all-cases")),
            PageButton(Page.LOG, Question(member=rows.member).cursor, label=say("mod-member-all-prompts")),
            *(several_button(say, each.id, rows.open_count) for each in rows.open_cases),
        )
    )
    return view


def _strike(say: Language, strike: Strike, number: int | None, now: float) -> str:
    ended = strike.pardoned_at
    state = "live" if strike.is_live(now) else "over" if ended is None else "pardoned"
    return say(
        "mod-member-strike",
        number=number or 0,
        at=strike.at,
        state=state,
        ended=ended,
        until=strike.expires_at,
    )


def _block(say: Language, block: Block, now: float) -> str:
    ended = block.lifted_at
    is_over = block.expires_at is not None and block.expires_at <= now
    state = "lifted" if ended is not None else "over" if is_over else "live"
    return say(
        "mod-member-block", at=block.at, state=state, ended=ended, until=block.expires_at, reason=block.reason
    )


def _prompt(say: Language, record: VerdictRecord) -> str:
    link = None
    if record.message_id is not None:
        link = f"https://discord.com/channels/{record.guild_id}/{record.channel_id}/{record.message_id}"
    line = say(
        "mod-member-prompt",
        ruling=record.verdict.ruling.word,
        text=markdown.short(markdown.plain(record.prompt or markdown.NO_WORDS), _PROMPT),
        source=source(say, record),
        at=record.at,
        link=link,
    )
    return f"{line}\n-# {why(say, record.verdict, _WORDS)}" if record.verdict.rule else line


COMMANDS = (member,)
