"""The pages of /mod log. The whole query is in the cursor, so pages still turn after a restart."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from discord import ui

from bot.cases.buttons import CaseButton
from bot.cases.cards import source, why
from bot.client import Interaction
from bot.permissions import helper_of
from bot.studio import UnreadablePress
from bot.ui import Language, Page, card, fields_of, markdown, numbers_in, pager, say_to
from db import SEARCHED, VerdictFilter, VerdictRecord, Verdicts
from generation import MemberId
from moderation import READ, Category, Ruling

PAGE = 5
"""Records per page: they share a message's 4,000 characters, so each shows only the start of its texts."""
MOST_WORDS, MOST_RULE = 20, 12
"""Characters of a search. With the longest numbers they still fit into a custom_id."""
_SEARCH = "s"
_DIGITS = string.digits + string.ascii_lowercase
CATEGORIES = (
    "sexual",
    "nudity",
    "minors",
    "gore",
    "hate",
    "harassment",
    "self-harm",
    "illegal",
    "real-person",
    "spam",
)
"""Their order is part of the cursors of posted messages: add at the end."""
_PROMPT_SHOWN, _REST_SHOWN, _WORDS_SHOWN = 160, 50, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Filters; 0 and "" mean no filter. `before`: the id of the record before the page.

    Its cursor is in a button's custom_id, which has 100 characters: so its words and its rule are short.
    """

    member: int = 0
    channel: int = 0
    ruling: str = ""
    since: int = 0  # unix seconds
    before: int = 0
    category: str = ""
    rule: str = ""
    words: str = ""

    @property
    def is_search(self) -> bool:
        return bool(self.category or self.rule or self.words)

    @property
    def cursor(self) -> str:
        letter = self.ruling[:1] or "-"
        if self.is_search:
            ids = (self.member, self.channel, self.since, self.before)
            category = str(CATEGORIES.index(self.category)) if self.category else ""
            # An underscore stands for any character, and the words are the last field: only their dots split nothing.
            return ".".join(
                (_SEARCH, *map(_short, ids), letter, category, self.rule.replace(".", "_"), self.words)
            )
        return f"{self.member}.{self.channel}.{letter}.{self.since}.{self.before}"

    @classmethod
    def of(cls, cursor: str) -> Question:
        """Raises UnreadablePress."""
        if cursor.startswith(f"{_SEARCH}."):
            return cls._of_search(cursor.split(".", 8)[1:])
        *ids, letter, since, before = fields_of(cursor, 5)
        member, channel, *times = numbers_in(*ids, since, before)
        ruling = next((r.word for r in Ruling if r.word.startswith(letter)), "")
        return cls(member=member, channel=channel, ruling=ruling, since=times[0], before=times[1])

    @classmethod
    def _of_search(cls, fields: list[str]) -> Question:
        if len(fields) != 8 or not all(re.fullmatch("[0-9a-z]{1,13}", each) for each in fields[:4]):
            raise UnreadablePress
        member, channel, since, before = (int(each, 36) for each in fields[:4])
        letter, category, rule, words = fields[4:]
        if category and not (re.fullmatch("[0-9]{1,2}", category) and int(category) < len(CATEGORIES)):
            raise UnreadablePress
        return cls(
            member=member,
            channel=channel,
            ruling=next((r.word for r in Ruling if r.word.startswith(letter)), ""),
            since=since,
            before=before,
            category=CATEGORIES[int(category)] if category else "",
            rule=rule,
            words=words,
        )


def _short(number: int) -> str:
    """Returns the number to the base 36."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


async def turn(interaction: Interaction, cursor: str) -> None:
    """Turns the moderator's private page; on a case's card, and on one that others see too, opens one."""
    by, question, message = helper_of(interaction), Question.of(cursor), interaction.message
    parts = interaction.client.parts
    view = await page(say_to(interaction), parts.records.verdicts, interaction.guild_id, question)
    if message is None or (message.flags.ephemeral and not _has_case(message.components)):
        await interaction.response.edit_message(view=view)
        return
    await parts.takedown.note_reading(by, MemberId(question.member) if question.member else None)
    await interaction.response.send_message(view=view, ephemeral=True)


def _has_case(components: Sequence[Any]) -> bool:
    """Whether there are buttons of a case among the components of a message."""
    return any(
        CaseButton.matches(str(getattr(each, "custom_id", ""))) or _has_case(getattr(each, "children", ()))
        for each in components
    )


async def page(say: Language, verdicts: Verdicts, guild_id: int | None, question: Question) -> ui.LayoutView:
    which = VerdictFilter(
        member=MemberId(question.member) if question.member else None,
        channel=question.channel or None,
        ruling=Ruling[question.ruling.upper()] if question.ruling else None,
        since=question.since or None,
        category=Category(question.category) if question.category else None,
        rule=question.rule or None,
        words=question.words or None,
    )
    found = await verdicts.page(guild_id, before_id=question.before or None, limit=PAGE + 1, **which)
    total = await verdicts.count(guild_id, **which)
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
        say("server-category", category=question.category) if question.category else "",
        say("mod-log-rule", rule=question.rule) if question.rule else "",
        say("mod-log-words", words=question.words) if question.words else "",
        say("mod-log-searched", count=SEARCHED) if question.is_search else "",
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
