"""Notes about a member without a case."""

from dataclasses import replace

import pytest

from bot.studio.cases.member_notes import MOST_NOTES
from bot.studio.errors import NoSuchNote, NotYourNote, OwnCase, TooManyNotes
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop
from tests.bot.desk import MAX, OLA, actions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_a_note_has_its_author_and_time_and_is_logged(shop: Shop) -> None:
    await shop.notebook.add(MIA, ADA.member, "asks for *borders*")
    shop.clock.now += 60
    await shop.notebook.add(MAX, ADA.member, "was told")
    await shop.notebook.add(MIA, BEN.member, "another member")
    newest, first = await shop.notebook.of(GUILD, ADA.member)
    assert (newest.written_name, newest.text, newest.at) == ("max", "was told", shop.clock.now)
    assert (first.written_by, first.text) == (MIA.member, "asks for *borders*")
    assert await shop.notebook.of(GUILD + 1, ADA.member) == []
    assert await actions(shop) == ["member-note"] * 3
    logged = await shop.records.audit.page(GUILD)
    assert {each.reason for each in logged} == {""}, "a removed note is in no log"


async def test_its_author_and_managers_remove_a_note_and_others_do_not(shop: Shop) -> None:
    first, second = [await shop.notebook.add(MIA, ADA.member, text) for text in ("one", "two")]
    with pytest.raises(NotYourNote):
        await shop.notebook.remove(MAX, ADA.member, first.id)
    await shop.notebook.remove(MIA, ADA.member, first.id)
    await shop.notebook.remove(OLA, ADA.member, second.id)
    assert await shop.notebook.of(GUILD, ADA.member) == []
    with pytest.raises(NoSuchNote):
        await shop.notebook.remove(MIA, ADA.member, first.id)


async def test_nobody_reads_or_removes_another_servers_notes_or_those_about_themselves(shop: Shop) -> None:
    note = await shop.notebook.add(MAX, MIA.member, "watch")
    with pytest.raises(OwnCase):
        await shop.notebook.add(MIA, MIA.member, "I am fine")
    with pytest.raises(NoSuchNote):
        await shop.notebook.remove(replace(MIA, is_senior=True), MIA.member, note.id)
    with pytest.raises(NoSuchNote):
        await shop.notebook.remove(replace(OLA, guild_id=GUILD + 1), MIA.member, note.id)


async def test_a_member_has_a_limited_number_of_notes(shop: Shop) -> None:
    for number in range(MOST_NOTES):
        await shop.notebook.add(MIA, ADA.member, f"note {number}")
    with pytest.raises(TooManyNotes):
        await shop.notebook.add(MIA, ADA.member, "one more")
