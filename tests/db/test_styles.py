"""Styles of a server: versions, the owner, the picture that stays with its style, and the values that the table refuses."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from db.database import Database
from db.images import Pictures
from db.jobs import Jobs
from db.retention import Periods, Retention
from db.styles import VERSIONS_KEPT, Style, Styles
from db.uploads import UNUSED_SECONDS, Uploads
from generation.request import StyleId
from tests.db.rows import ALICE, BOB, GUILD, NOW, record, stored_upload


async def saved(db: Database, **changes: Any) -> Style:
    whole: dict[str, Any] = {
        "guild_id": GUILD,
        "name": "ink",
        "member": ALICE,
        "words": "in ink",
        "loras": "",
        "upload": None,
        "at": NOW,
    }
    async with db.transaction() as tx:
        return await Styles(db).add(tx, **(whole | changes))


async def test_an_edit_is_a_new_version_and_the_old_one_stays(db: Database) -> None:
    first = await saved(db)
    second = await saved(db, words="in black ink", loras="pixel:0.8")
    await saved(db, guild_id=GUILD + 1, words="elsewhere")
    assert (first.version, second.version) == (1, 2)
    styles = Styles(db)
    assert (await styles.named(GUILD, "ink"), await styles.get(first.id)) == (second, first)
    assert await styles.of_guild(GUILD, limit=9) == [second]
    assert (await styles.count(GUILD), await styles.count(GUILD, BOB)) == (1, 0)


async def test_pages_follow_the_names(db: Database) -> None:
    for name in ("oil", "ink", "ash"):
        await saved(db, name=name)
    names = [each.name for each in await Styles(db).of_guild(GUILD, limit=2)]
    assert names == ["ash", "ink"]
    assert [each.name for each in await Styles(db).of_guild(GUILD, after="ink", limit=2)] == ["oil"]


async def test_only_the_newest_versions_are_kept_and_orders_of_older_ones_forget_theirs(db: Database) -> None:
    first = await saved(db)
    old = await record(db, style=first.id)
    newest = first
    for _ in range(VERSIONS_KEPT):
        newest = await saved(db)
    new = await record(db, style=newest.id)
    assert await Styles(db).get(first.id) is None
    found = [await Jobs(db).get(each.id) for each in (old, new)]
    assert [each and each.drawing.style for each in found] == [None, newest.id]
    assert newest.version == VERSIONS_KEPT + 1


async def test_a_deleted_style_is_gone_with_all_versions_and_its_orders_stay(db: Database) -> None:
    await saved(db)
    job = await record(db, style=(await saved(db)).id)
    async with db.transaction() as tx:
        assert not await Styles(db).delete(tx, GUILD, "ink", BOB)
        assert await Styles(db).delete(tx, GUILD, "ink", ALICE)
        assert not await Styles(db).delete(tx, GUILD, "ink", ALICE)
    found = await Jobs(db).get(job.id)
    assert found is not None and found.drawing.style is None
    assert found.drawing.prompt == job.drawing.prompt


async def test_the_picture_of_a_style_stays_as_long_as_the_style(db: Database, tmp_path: Path) -> None:
    upload = await stored_upload(db, tmp_path)
    await saved(db, upload=upload.id)
    periods = Periods(
        prompts=None, pictures=1.0, picture_bytes=0, jobs=None, cases=None, sanctions=None, audit=1e9
    )
    later = NOW + 2 * UNUSED_SECONDS
    retention, uploads = Retention(db, Pictures(db, tmp_path)), Uploads(db, Pictures(db, tmp_path))
    await retention.step(periods, later)
    assert await uploads.read(upload.id) == b"an upload"
    job = await record(db)
    assert await uploads.needed_by_alone(job.id, ALICE) == []
    async with db.transaction() as tx:
        await Styles(db).delete(tx, GUILD, "ink", ALICE)
    await retention.step(periods, later)
    assert (await uploads.get(upload.id) or upload).is_removed or await uploads.get(upload.id) is None


async def test_only_the_newest_versions_picture_stays(db: Database, tmp_path: Path) -> None:
    """Otherwise twenty versions of each style would fill the disk, and galleries would go in their place."""
    old = await stored_upload(db, tmp_path)
    new = await stored_upload(db, tmp_path, content=b"another")
    await saved(db, upload=old.id)
    await saved(db, upload=new.id)
    periods = Periods(
        prompts=None, pictures=None, picture_bytes=None, jobs=None, cases=None, sanctions=None, audit=1e9
    )
    uploads = Uploads(db, Pictures(db, tmp_path))
    await Retention(db, Pictures(db, tmp_path)).step(periods, NOW + 2 * UNUSED_SECONDS)
    assert await uploads.get(old.id) is None
    assert await uploads.read(new.id) == b"another"


async def test_an_order_whose_style_was_deleted_in_the_meantime_is_recorded_without_it(db: Database) -> None:
    job = await record(db, style=StyleId(99))
    found = await Jobs(db).get(job.id)
    assert found is not None and found.drawing.style is None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 33}, {"words": "x" * 501}, {"loras": "x" * 201}]
)
async def test_the_table_refuses_other_values(db: Database, wrong: dict[str, str]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await saved(db, **wrong)
