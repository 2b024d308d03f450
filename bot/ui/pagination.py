"""Buttons that turn the pages of a list. The whole query is in the custom_id, so pages still turn after a restart."""

import re
from enum import StrEnum
from typing import Any

from discord import ui

from bot.studio import UnreadablePress
from bot.texts import Language
from bot.ui.components import Button, row


class Page(StrEnum):
    """The list that a page belongs to."""

    HISTORY = "page:history"
    LOG = "page:log"
    CASES = "page:cases"
    CASE = "page:case"
    STYLES = "page:styles"


class PageButton(Button, actions=Page, of={str: r"[^\n]{1,81}"}):
    """`page:<list>:<cursor>`; each list defines its own cursors."""


def numbers_in(*fields: str) -> list[int]:
    """Reads the whole numbers of a cursor. Raises UnreadablePress."""
    if not all(re.fullmatch("-?[0-9]{1,20}", each) for each in fields):
        raise UnreadablePress
    return [int(each) for each in fields]


def fields_of(cursor: str, count: int) -> list[str]:
    """Splits a cursor at its dots. Raises UnreadablePress."""
    fields = cursor.split(".")
    if len(fields) != count:
        raise UnreadablePress
    return fields


def pager(
    say: Language, page: Page, newest: str, older: str, *, is_newest: bool, has_more: bool
) -> ui.ActionRow[Any]:
    """Builds the buttons. `newest`, `older`: cursors."""
    return row(
        PageButton(page, newest, label=say("page-newest"), is_disabled=is_newest),
        # A disabled button needs a unique custom_id too.
        PageButton(page, older, label=say("page-older"), is_disabled=not has_more),
    )
