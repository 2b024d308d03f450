import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.database import Database
from db.presets import LONGEST_NAME, LONGEST_TEXT, Presets
from tests.db.rows import ALICE, BOB, NOW


async def test_a_preset_is_its_members_alone_and_the_newest_text_counts(db: Database) -> None:
    presets = Presets(db)
    async with db.transaction() as tx:
        await presets.save(tx, ALICE, "golden", "golden hour", NOW)
        await presets.save(tx, ALICE, "golden", "dusk --ar 3:2", NOW + 1)
        await presets.save(tx, ALICE, "bare", "--no people", NOW + 2)
        await presets.save(tx, BOB, "golden", "ink", NOW + 3)
        assert list(await presets.of(ALICE)) == ["bare", "golden"]
    assert await presets.of(ALICE) == {"bare": "--no people", "golden": "dusk --ar 3:2"}
    async with db.transaction() as tx:
        assert await presets.delete(tx, ALICE, "golden")
        assert not await presets.delete(tx, ALICE, "golden")
    assert (await presets.of(ALICE), await presets.of(BOB)) == ({"bare": "--no people"}, {"golden": "ink"})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=520))
async def test_the_table_holds_what_the_limits_say_and_no_more(db: Database, text: str) -> None:
    for name, is_fitting in ((text, len(text) <= LONGEST_NAME), ("a", True)):
        try:
            async with db.transaction() as tx:
                await Presets(db).save(tx, ALICE, name, text, NOW)
        except sqlite3.IntegrityError:
            assert not is_fitting or len(text) > LONGEST_TEXT
        else:
            assert is_fitting and len(text) <= LONGEST_TEXT
            assert (await Presets(db).of(ALICE))[name] == text


@pytest.mark.parametrize(("name", "text"), [("", "x"), ("x", "")])
async def test_nothing_is_no_preset(db: Database, name: str, text: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await Presets(db).save(tx, ALICE, name, text, NOW)
