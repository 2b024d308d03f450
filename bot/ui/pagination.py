"""Buttons that turn the pages of a list. The whole question is in the custom_id, so a page turns after a restart too."""

from enum import StrEnum
from typing import Any

from discord import ui

from bot.texts import Language
from bot.ui.components import Button, row


class Page(StrEnum):
    """Of which list."""

    HISTORY = "page:history"
    LOG = "page:log"
    CASES = "page:cases"


class PageButton(Button, actions=Page, of={str: r"[\w.:-]{1,75}"}):
    """`page:<list>:<cursor>`; what a cursor means is the list's own affair."""


def pager(
    say: Language, page: Page, newest: str, older: str, *, is_newest: bool, has_more: bool
) -> ui.ActionRow[Any]:
    """`newest`, `older`: cursors."""
    return row(
        PageButton(page, newest, label=say("page-newest"), is_disabled=is_newest),
        # A disabled button needs a custom_id of its own all the same.
        PageButton(page, older, label=say("page-older"), is_disabled=not has_more),
    )
