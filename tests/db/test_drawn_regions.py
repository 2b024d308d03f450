"""Links to the page on which a region is drawn, and what was drawn there."""

from pathlib import Path

from db.database import Database
from db.drawn_regions import KEPT_SECONDS, DrawnRegions
from db.images import Pictures
from db.retention import Retention
from generation.request import Region
from tests.db.rows import ALICE, BOB, NOW, record_done
from tests.db.test_retention import FOR_EVER

MIDDLE = Region(rows=3, columns=3, cells=(4,))


async def test_a_link_takes_one_region_and_a_new_link_ends_it(db: Database) -> None:
    job, drawn = (await record_done(db)).id, DrawnRegions(db)
    async with db.transaction() as tx:
        await drawn.open(tx, ALICE, job, 0, "first-link", NOW)
        await drawn.open(tx, BOB, job, 0, "of-another", NOW)
        assert await drawn.keep(tx, "first-link", MIDDLE, NOW + 1)
        assert not await drawn.keep(tx, "first-link", Region(rows=1, columns=1, cells=(0,)), NOW + 2)
    kept = await drawn.of(ALICE, job, 0)
    assert kept is not None
    assert (kept.region, kept.drawn_at) == (MIDDLE, NOW + 1)
    assert await drawn.of(ALICE, job, 1) is None
    async with db.transaction() as tx:
        await drawn.open(tx, ALICE, job, 0, "second-link", NOW + 3)
        assert not await drawn.keep(tx, "first-link", MIDDLE, NOW + 4)
    assert await drawn.of_link("first-link") is None
    opened, others = await drawn.of_link("second-link"), await drawn.of_link("of-another")
    assert opened is not None
    assert others is not None
    assert (opened.region, opened.drawn_at, others.member) == (None, None, BOB)


async def test_old_regions_are_deleted(db: Database, tmp_path: Path) -> None:
    job, drawn = (await record_done(db)).id, DrawnRegions(db)
    async with db.transaction() as tx:
        await drawn.open(tx, ALICE, job, 0, "an-old-link", NOW)
        await drawn.open(tx, BOB, job, 0, "a-newer-link", NOW + 5)
    retention = Retention(db, Pictures(db, tmp_path))
    assert await retention.step(FOR_EVER, NOW + KEPT_SECONDS) == 0
    assert await retention.step(FOR_EVER, NOW + KEPT_SECONDS + 1) == 1
    assert await drawn.of_link("an-old-link") is None
    assert await drawn.of_link("a-newer-link") is not None
