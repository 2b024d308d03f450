"""The pages of /mod log. The whole query is in the cursor, so pages still turn after a restart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from discord import ui

from bot.cases.cards import source, why
from bot.client import Interaction
from bot.permissions import demand_moderator
from bot.ui import Language, Page, card, fields_of, markdown, numbers_in, pager, say_to
from db import VerdictRecord, Verdicts
from generation import MemberId
from moderation import READ, Ruling

PAGE = 5
"""Records per page: they share a message's 4,000 characters, so each shows only the start of its texts."""
_PROMPT_SHOWN, _REST_SHOWN, _WORDS_SHOWN = 160, 50, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Filters; 0 and "" mean no filter. `before`: the id of the record before the page."""

    member: int = 0
    channel: int = 0
    ruling: str = ""
    since: int = 0  # unix seconds
    before: int = 0

    @property
    def cursor(self) -> str:
        letter = self.ruling[:1] or "-"
        return f"{self.member}.{self.channel}.{letter}.{self.since}.{self.before}"

    @classmethod
    def of(cls, cursor: str) -> Question:
        """Raises UnreadablePress."""
        *ids, letter, since, before = fields_of(cursor, 5)
        member, channel, *times = numbers_in(*ids, since, before)
        ruling = next((r.word for r in Ruling if r.word.startswith(letter)), "")
        return cls(member=member, channel=channel, ruling=ruling, since=times[0], before=times[1])


async def turn(interaction: Interaction, cursor: str) -> None:
    demand_moderator(interaction)
    verdicts = interaction.client.parts.records.verdicts
    view = await page(say_to(interaction), verdicts, interaction.guild_id, Question.of(cursor))
    await interaction.response.edit_message(view=view)


async def page(say: Language, verdicts: Verdicts, guild_id: int | None, question: Question) -> ui.LayoutView:
    member = MemberId(question.member) if question.member else None
    channel = question.channel or None
    ruling = Ruling[question.ruling.upper()] if question.ruling else None
    since = question.since or None
    found = await verdicts.page(
        guild_id,
        member=member,
        channel=channel,
        ruling=ruling,
        since=since,
        before_id=question.before or None,
        limit=PAGE + 1,
    )
    total = await verdicts.count(guild_id, member=member, channel=channel, ruling=ruling, since=since)
    shown, has_more = found[:PAGE], len(found) > PAGE
    title = f"{say('mod-log-title', count=total)}\n{_filters(say, question)}".strip()
    items: list[ui.Item[Any]] = [ui.TextDisplay(title)]
    if not shown:
        items.append(ui.TextDisplay(say("mod-nothing-matches")))
    for record in shown:
        items.append(ui.Separator())
        items.append(ui.TextDisplay(_words(say, record)))
    view = card(*items)
    newest = replace(question, before=0)
    older = replace(question, before=shown[-1].id if shown else 1)
    is_newest = question.before == 0
    view.add_item(pager(say, Page.LOG, newest.cursor, older.cursor, is_newest=is_newest, has_more=has_more))
    return view


def _filters(say: Language, question: Question) -> str:
    """Returns the page's filters as small print; empty without filters."""
    parts = [
        say("mod-log-by", member=question.member) if question.member else "",
        say("mod-log-in", channel=question.channel) if question.channel else "",
        say("mod-log-ruling", ruling=question.ruling) if question.ruling else "",
        say("mod-log-since", at=question.since) if question.since else "",
    ]
    shown = " · ".join(part for part in parts if part)
    return f"-# {shown}" if shown else ""


def _words(say: Language, record: VerdictRecord) -> str:
    verdict = record.verdict
    lines = [
        say(
            "mod-log-record",
            ruling=verdict.ruling.word,
            member=record.member,
            channel=record.channel_id,
            source=source(say, record),
            at=record.at,
        )
    ]
    if verdict.rule:
        lines.append(why(say, verdict, _WORDS_SHOWN))
    lines.append(f"> {markdown.short(markdown.plain(record.prompt or markdown.NO_WORDS), _PROMPT_SHOWN)}")
    if record.negative:
        lines.append(say("mod-log-negative", text=record.negative, limit=_REST_SHOWN))
    if verdict.language:
        lines.append(say("case-language", language=verdict.language, is_read=verdict.language in READ))
    if verdict.normal_form and verdict.normal_form != record.prompt.casefold():
        lines.append(say("case-read-as", text=verdict.normal_form, limit=_REST_SHOWN))
    if record.message_id is not None:
        link = f"https://discord.com/channels/{record.guild_id}/{record.channel_id}/{record.message_id}"
        lines.append(say("mod-log-message", link=link, job=record.job))
    return "\n".join(lines)
