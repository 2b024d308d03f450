"""The whole history of a case: every entry in its whole length, once, on pages that Discord takes."""

from dataclasses import replace

from discord import ui

from bot.cases.case_history import history_page
from bot.texts import ENGLISH, language
from db.case_entries import Entry, EntryKind
from db.cases import Case
from tests.bot.conftest import MIA, Shop
from tests.bot.desk import flagged

SAY = language(ENGLISH)


def texts_of(view: ui.LayoutView) -> str:
    return "\n".join(each.content for each in view.walk_children() if isinstance(each, ui.TextDisplay))


def arrows_of(view: ui.LayoutView) -> list[tuple[str | None, bool]]:
    items = (getattr(each, "item", each) for each in view.walk_children())
    return [(each.custom_id, each.disabled) for each in items if isinstance(each, ui.Button)]


def entries(count: int) -> list[Entry]:
    """Returns notes, and an appeal as long as one may be."""
    note = Entry(id=1, at=1.0, written_by=MIA.member, written_name="mia", kind=EntryKind.NOTE, text="")
    made = [replace(note, text=f"note {number} is here") for number in range(count)]
    return [*made, replace(note, kind=EntryKind.APPEALED, text="w" * 999 + "!")]


async def test_every_entry_is_shown_once_and_whole(shop: Shop) -> None:
    case: Case = await flagged(shop)
    written = entries(40)
    pages = [texts_of(history_page(SAY, case, written, page)) for page in range(4)]
    assert all(len(each) <= 4000 for each in pages)
    told = "\n".join(pages)
    for entry in written:
        assert told.count(entry.text) == 1
    assert "page 1 of 4" in pages[0] and "the case was opened: flagged" in pages[0]
    assert texts_of(history_page(SAY, case, written)) == pages[-1], "it opens with the newest page"
    assert texts_of(history_page(SAY, case, written, 99)) == pages[-1]


async def test_the_arrows_turn_to_the_pages_beside(shop: Shop) -> None:
    case = await flagged(shop)
    prefix = f"atelier:1:page:case:{case.id}"
    first, second = (history_page(SAY, case, entries(20), page) for page in (0, 1))
    assert arrows_of(first) == [(f"{prefix}.-1", True), (f"{prefix}.1", False)]
    assert arrows_of(second) == [(f"{prefix}.0", False), (f"{prefix}.2", True)]
    assert arrows_of(history_page(SAY, case, entries(1))) == []
