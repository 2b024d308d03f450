"""A backup that is restored forgets again who was forgotten since; who was not stays."""

import shutil
from pathlib import Path

from db.archive import restore_archive, write_archive
from db.database import Database
from db.erasure import Erasures
from db.forgotten import Forgotten, append, list_path, note, read, recognised
from db.migrate import FILE_NAME
from tests.db.forgotten import forget
from tests.db.rows import ALICE, BOB, NOW, record_done

LATER = NOW + 30 * 86_400


async def test_an_older_database_asks_again_for_the_forgotten(tmp_path: Path) -> None:
    path, old = tmp_path / FILE_NAME, tmp_path / "old.tar"
    async with Database.open(path) as db:
        for member in (ALICE, BOB):
            await record_done(db, member=member)
        write_archive(tmp_path, old)
        assert await forget(db, tmp_path, ALICE, now=LATER, acts_before=0)
        assert await Erasures(db).recall() == 0, "nothing of hers is left"
    path.unlink()
    restore_archive(old, tmp_path)
    async with Database.open(path) as db:
        assert await Erasures(db).recall() == 1
        assert [(each.member, each.asked_at) for each in await Erasures(db).pending()] == [(ALICE, NOW + 5)]
        assert await Erasures(db).recall() == 0, "she is pending already"


async def test_what_she_did_after_she_was_forgotten_stays(tmp_path: Path) -> None:
    async with Database.open(tmp_path / FILE_NAME) as db:
        note(list_path(db.path), ALICE, NOW)
        await record_done(db, created_at=NOW + 10)
        assert await Erasures(db).recall() == 0


async def test_a_backup_brings_its_own_list_and_keeps_that_of_the_folder(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "backup.tar"
    data.mkdir()
    async with Database.open(data / FILE_NAME):
        note(list_path(data / FILE_NAME), ALICE, NOW)
        write_archive(data, archive)
    note(list_path(data / FILE_NAME), BOB, NOW)
    (data / FILE_NAME).unlink()
    restore_archive(archive, data)
    entries = read(list_path(data / FILE_NAME))
    assert recognised(entries, [ALICE, BOB]) == {ALICE: NOW, BOB: NOW}
    assert len(entries) == 2
    shutil.rmtree(data)
    restore_archive(archive, data)
    assert recognised(read(list_path(data / FILE_NAME)), [ALICE, BOB]) == {ALICE: NOW}


def test_the_list_names_no_member_and_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "forgotten.txt"
    note(path, ALICE, NOW)
    with path.open("a") as file:
        file.write("\n0123 45")
    note(path, BOB, NOW + 1)
    note(path, BOB, NOW + 9)
    assert str(ALICE) not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert len({each.salt for each in read(path)}) == 1
    append(path, [Forgotten("00" * 16, "f" * 64, NOW)])
    assert recognised(read(path), [ALICE, BOB]) == {ALICE: NOW, BOB: NOW + 9}
    assert read(tmp_path / "none.txt") == []
