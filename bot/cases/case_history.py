"""The whole history of a case, in pages that only the moderator sees. A page is a custom_id, so pages outlive a restart."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.cases.cards import entry_line
from bot.permissions import demand_helper
from bot.studio import NoSuchCase
from bot.studio.cases.cases import Casework
from bot.ui import Language, Page, PageButton, View, card, fields_of, numbers_in, row, say_to
from db import Case, Entry

Interaction = discord.Interaction[Any]

_LONGEST_PAGE = 3500  # characters; Discord takes 4,000 in all texts of a message
_MOST_LINES = 12
_LONGEST_WORDS = 1000  # characters of an entry's words: as long as an appeal


class CaseHistory:
    def __init__(self, casework: Casework) -> None:
        self._records = casework.records

    async def press(self, interaction: Interaction, case_id: int) -> None:
        """Answers the button of a card with the newest page, as a message of its own. Raises NotAModerator, NoSuchCase."""
        view = await self._page(interaction, case_id, None)
        await interaction.response.send_message(view=view, ephemeral=True)

    async def turn(self, interaction: Interaction, cursor: str) -> None:
        """Answers ← and →. `cursor`: the case's id and the page, joined with a dot. Raises like `press`; UnreadablePress."""
        case_id, page = numbers_in(*fields_of(cursor, 2))
        await interaction.response.edit_message(view=await self._page(interaction, case_id, page))

    async def _page(self, interaction: Interaction, case_id: int, page: int | None) -> View:
        guild_id, case = demand_helper(interaction), await self._records.cases.get(case_id)
        if case is None or case.guild_id != guild_id:
            raise NoSuchCase(0)
        return history_page(say_to(interaction), case, await self._records.entries.of_case(case_id), page)


def history_page(say: Language, case: Case, entries: Sequence[Entry], page: int | None = None) -> View:
    """Builds a page, oldest entries first. `page`: from 0; None: the last, as for a page that is not there."""
    pages = _pages(say, case, entries)
    number = len(pages) - 1 if page is None or page >= len(pages) else max(0, page)
    title = say("case-history", number=case.number, page=number + 1, pages=len(pages))
    view = card(ui.TextDisplay("\n".join([title, *pages[number]])))
    if len(pages) > 1:
        view.add_item(
            row(
                _arrow(case, number - 1, "⬅️", is_disabled=number == 0),
                _arrow(case, number + 1, "➡️", is_disabled=number + 1 == len(pages)),
            )
        )
    return view


def _arrow(case: Case, page: int, emoji: str, *, is_disabled: bool) -> PageButton:
    return PageButton(Page.CASE, f"{case.id}.{page}", emoji=emoji, is_disabled=is_disabled)


def _pages(say: Language, case: Case, entries: Sequence[Entry]) -> list[list[str]]:
    """Returns the lines of each page."""
    lines = [
        say("case-history-opened", at=case.opened_at, origin=case.origin, ruling=case.verdict.ruling.word)
    ]
    lines += [entry_line(say, each, _LONGEST_WORDS) for each in entries]
    pages: list[list[str]] = [[]]
    for each in lines:
        length = sum(map(len, pages[-1])) + len(each)
        if pages[-1] and (length > _LONGEST_PAGE or len(pages[-1]) == _MOST_LINES):
            pages.append([])
        pages[-1].append(each)
    return pages
