"""The list of pictures that a server bans, by job and by case, and the entries of an older database."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from db.banned_pictures import BannedPictures, Looks
from db.cases import Cases, Origin
from db.database import Database
from db.images import Pictures
from db.migrate import MIGRATIONS, migrate
from generation.request import ImageSize
from moderation.pictures.perceptual_hash import Fingerprint
from tests.db.rows import ALICE, CHANNEL, GUILD, NOW, record_done, store

LOOK = Fingerprint(bytes(range(32)))


async def test_a_look_that_was_banned_by_command_is_found_by_the_case_that_bans_it_again(
    db: Database, tmp_path: Path
) -> None:
    banned, pictures, job = BannedPictures(db), Pictures(db, tmp_path), await record_done(db)
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.PICTURE, at=NOW, member=ALICE, member_name="alice", job=job.id
        )
        await pictures.store(
            tx,
            job=job.id,
            index=0,
            content=b"a",
            size=ImageSize(width=64, height=64),
            seed=1,
            at=NOW,
            fingerprint=LOOK,
        )
        await store(pictures, tx, job.id, 1)
        await banned.withhold(tx, case.id, 2, LOOK)
        await banned.withhold(tx, case.id, 3, None)
        assert await banned.ban(tx, GUILD, job.id, NOW, None) == Looks(known=2, plain=2)
        assert await banned.ban(tx, GUILD, job.id, NOW + 1, case.id) == Looks(known=2, plain=2)
        assert [each.at for each in await banned.of_guild(GUILD)] == [NOW, NOW]
        await tx.all("UPDATE cases SET job = NULL")
        emptied = await Cases(db).get(case.id)
        assert emptied is not None and emptied.job is None
        assert await banned.lift_of_case(tx, emptied) == 2


async def test_another_servers_case_keeps_nothing_out_here(db: Database) -> None:
    banned, job = BannedPictures(db), await record_done(db)
    async with db.transaction() as tx:
        case = await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.PICTURE, at=NOW, member=ALICE, member_name="alice", job=job.id
        )
        await banned.withhold(tx, case.id, 0, LOOK)
        assert await banned.ban(tx, GUILD + 1, job.id, NOW, None) == Looks(known=0, plain=0)


def test_cases_and_bans_of_before_are_known_for_what_they_are(tmp_path: Path) -> None:
    old, path = tmp_path / "old", tmp_path / "atelier.sqlite3"
    old.mkdir()
    for file in MIGRATIONS.glob("*.sql"):
        if file.name < "0009":
            shutil.copy(file, old)
    migrate(path, folder=old)
    failures = {
        "aaaaaaaaaa": "picture",
        "bbbbbbbbbb": "banned-input",
        "cccccccccc": "bug",
        "dddddddddd": None,
    }
    with closing(sqlite3.connect(path)) as db:
        for number, (job, failure) in enumerate(failures.items(), start=1):
            db.execute(
                "INSERT INTO jobs (id, member, member_name, action, channel_id, token, token_at, model, prompt, negative, width,"
                " height, steps, guidance, seed, images, state, failure, created_at, finished_at)"
                " VALUES (?, ?, 'alice', 'imagine', ?, '', 0, 'small', '', '', 64, 64, 4, 7, 1, 1, ?, ?, ?, ?)",
                (job, ALICE, CHANNEL, "failed" if failure else "done", failure, NOW, NOW),
            )
            outcome = ("approve" if number == 1 else "remove", NOW, 1) if number != 3 else (None, None, None)
            db.execute(
                "INSERT INTO cases (guild_id, number, origin, opened_at, member, member_name, job, outcome, acted_at, acted_by)"
                " VALUES (?, ?, 'picture', ?, ?, 'alice', ?, ?, ?, ?)",
                (GUILD, number, NOW, ALICE, job, *outcome),
            )
            db.execute(
                "INSERT INTO banned_pictures (guild_id, pdq, job, image_index, at) VALUES (?, ?, ?, 0, ?)",
                (GUILD, LOOK, job, NOW),
            )
        db.commit()
    migrate(path)
    with closing(sqlite3.connect(path)) as db:
        cases = db.execute("SELECT job, is_withheld FROM cases ORDER BY number").fetchall()
        bans = db.execute("SELECT job, case_id FROM banned_pictures ORDER BY job").fetchall()
    assert cases == [("aaaaaaaaaa", 1), ("bbbbbbbbbb", 1), ("cccccccccc", 0), ("dddddddddd", 0)]
    # When the case was approved or is open, the ban came from a command.
    assert bans == [("aaaaaaaaaa", None), ("bbbbbbbbbb", 2), ("cccccccccc", None), ("dddddddddd", 4)]


async def test_a_picture_that_goes_before_the_decision_can_still_be_banned(
    db: Database, tmp_path: Path
) -> None:
    banned, pictures, job = BannedPictures(db), Pictures(db, tmp_path), await record_done(db)
    async with db.transaction() as tx:
        await Cases(db).open(
            tx, guild_id=GUILD, origin=Origin.REPORT, at=NOW, member=ALICE, member_name="alice", job=job.id
        )
        await store(pictures, tx, job.id)
        await tx.all("UPDATE images SET pdq = ?", (LOOK,))
        await tx.all("DELETE FROM jobs WHERE id = ?", (job.id,))
        assert await tx.all("SELECT * FROM images") == []
        assert await banned.ban(tx, GUILD, job.id, NOW, None) == Looks(known=1, plain=0)
