"""A backup contains the database, the live pictures and the keys, also of a bot that writes; a restoration is whole or none."""

import asyncio
import sqlite3
import stat
import tarfile
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from db.archive import restore_archive, write_archive
from db.audit import Act, Audit
from db.audit_check import check_audit
from db.backup import back_up
from db.database import Database
from db.errors import ArchiveBroken, DatabaseMissing, DataFolderInUse
from db.images import Pictures
from db.migrate import FILE_NAME
from generation import JobId
from tests.db.rows import GUILD, MODERATOR, NOW, record_done, store

pytestmark = pytest.mark.slow

KEY = "provenance/mark.key"


@pytest.fixture
async def data(tmp_path: Path) -> AsyncGenerator[Path]:
    """A data folder with three pictures, a removed one, a key and a row of the audit log. Its database is open."""
    folder = tmp_path / "data"
    (folder / "provenance").mkdir(parents=True)
    (folder / KEY).write_bytes(b"the key")
    async with Database.open(folder / FILE_NAME) as db:
        for number in range(4):
            await draw(db, f"picture {number}".encode())
        await remove(db, b"picture 3")
        async with db.transaction() as tx:
            await Audit(db).append(
                tx, at=NOW, guild_id=GUILD, actor=MODERATOR, actor_name="mia", act=Act.NOTE
            )
        yield folder


def pictures_of(db: Database) -> Pictures:
    return Pictures(db, db.path.parent / "images")


async def draw(db: Database, content: bytes) -> JobId:
    job = await record_done(db)
    async with db.transaction() as tx:
        await store(pictures_of(db), tx, job.id, content=content)
    return job.id


async def remove(db: Database, content: bytes) -> None:
    for path in (db.path.parent / "images").glob("*/*.png"):
        if path.read_bytes() == content:
            (row,) = await db.reader.all("SELECT job FROM images WHERE sha256 = ?", (path.stem,))
            async with db.transaction() as tx:
                await pictures_of(db).remove(tx, row["job"], 0, by=None, reason="", at=NOW)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pictures(folder: Path) -> list[bytes]:
    return sorted(content for name, content in files(folder).items() if name.startswith("images/"))


def test_a_backup_of_an_open_database_is_restored(data: Path, tmp_path: Path) -> None:
    archive, restored = tmp_path / "backup.tar", tmp_path / "restored"
    done = write_archive(data, archive, ["provenance"])
    assert (done.pictures, done.missing) == (3, 0)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "data"], (
        "partial files are gone"
    )
    done = restore_archive(archive, restored, ["provenance"])
    assert (done.pictures, done.missing) == (3, 0)
    assert pictures(restored) == [b"picture 0", b"picture 1", b"picture 2"]
    assert (restored / KEY).read_bytes() == b"the key"
    checked = check_audit(restored / FILE_NAME)
    assert (checked.rows, checked.kept, checked.fault) == (
        1,
        checked.head,
        check_audit(data / FILE_NAME).fault,
    )
    assert [path for path in restored.iterdir() if path.name.startswith(".")] == []


async def test_a_backup_under_writes_contains_the_pictures_of_its_database(
    data: Path, tmp_path: Path
) -> None:
    archive, restored, is_over = tmp_path / "backup.tar", tmp_path / "restored", asyncio.Event()

    async def write() -> int:
        count = 0
        async with Database.open(data / FILE_NAME) as db:
            while not is_over.is_set() or count < 20:
                await draw(db, f"new {count}".encode() * 1000)
                if count % 2:
                    await remove(db, f"new {count - 1}".encode() * 1000)
                count += 1
        return count

    writing = asyncio.create_task(write())
    for number in range(5):
        path = archive.with_name(f"{number}.tar")
        done = await asyncio.to_thread(write_archive, data, path)
        assert done.missing == 0
        restored = tmp_path / f"restored {number}"
        done = restore_archive(path, restored)
        assert done.missing == 0
        async with Database.open(restored / FILE_NAME) as db:
            live = await db.reader.all("SELECT sha256 FROM images WHERE removed_at IS NULL")
        there = {path.stem for path in (restored / "images").glob("*/*.png")}
        assert there == {row["sha256"] for row in live}, "no live picture is lost, no removed one comes back"
    is_over.set()
    assert await writing >= 20


def test_a_picture_that_is_removed_after_the_last_copy_is_removed_in_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = next((data / "images").glob("*/*.png"))

    def copy_then_remove(source: Path, target: Path) -> None:
        back_up(source, target)
        removed.unlink()
        with closing(sqlite3.connect(source)) as connection, connection:
            connection.execute("UPDATE images SET removed_at = 5 WHERE sha256 = ?", (removed.stem,))

    monkeypatch.setattr("db.archive.back_up", copy_then_remove)
    monkeypatch.setattr("db.archive._ROUNDS", 1)
    done = write_archive(data, tmp_path / "backup.tar")
    assert (done.pictures, done.missing) == (2, 0)
    done = restore_archive(tmp_path / "backup.tar", tmp_path / "restored")
    assert (done.pictures, done.missing) == (2, 0)


def test_a_picture_that_was_lost_or_damaged_before_is_counted(data: Path, tmp_path: Path) -> None:
    lost, damaged, _ = sorted((data / "images").glob("*/*.png"))
    lost.unlink()
    damaged.write_bytes(b"half")
    done = write_archive(data, tmp_path / "backup.tar")
    assert (done.pictures, done.missing) == (1, 2)
    done = restore_archive(tmp_path / "backup.tar", tmp_path / "restored")
    assert (done.pictures, done.missing) == (1, 2)


def test_a_backup_replaces_no_file(data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    archive.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        write_archive(data, archive)
    assert archive.read_bytes() == b"precious"


def test_a_folder_without_a_database_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        write_archive(tmp_path, tmp_path / "backup.tar")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_not_restored_over_a_database_or_another_key(data: Path, tmp_path: Path) -> None:
    archive, other = tmp_path / "backup.tar", tmp_path / "other"
    write_archive(data, archive, ["provenance"])
    before = files(data)
    with pytest.raises(DataFolderInUse, match=FILE_NAME):
        restore_archive(archive, data, ["provenance"])
    assert files(data) == before
    (other / "provenance").mkdir(parents=True)
    (other / KEY).write_bytes(b"another key")
    with pytest.raises(DataFolderInUse, match=KEY):
        restore_archive(archive, other, ["provenance"])
    assert files(other) == {KEY: b"another key"}


def test_a_lost_database_is_restored_to_its_pictures(data: Path, tmp_path: Path) -> None:
    archive, other = tmp_path / "backup.tar", tmp_path / "other"
    write_archive(data, archive)
    for name, content in files(data).items():
        if name.startswith("images/"):
            (other / name).parent.mkdir(parents=True, exist_ok=True)
            (other / name).write_bytes(content)
    assert restore_archive(archive, other).pictures == 3
    assert (other / FILE_NAME).is_file()


def repacked(archive: Path, name: str, content: bytes | None, kind: bytes = tarfile.REGTYPE) -> Path:
    """Copies the archive with one member replaced or added; None leaves it out."""
    target = archive.with_name("repacked.tar")
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for member in old:
            if member.name != name:
                new.addfile(member, old.extractfile(member))
        if content is not None:
            path = archive.with_name("content")
            path.write_bytes(content)
            member = new.gettarinfo(path, name)
            member.type = kind
            member.linkname = "/etc/passwd"
            with path.open("rb") as file:
                new.addfile(member, file if kind == tarfile.REGTYPE else None)
    return target


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        (FILE_NAME, None, tarfile.REGTYPE),
        (FILE_NAME, b"no database " * 1000, tarfile.REGTYPE),
        (FILE_NAME, b"", tarfile.SYMTYPE),
        ("provenance/../../planted", b"x", tarfile.REGTYPE),
        ("/tmp/planted", b"x", tarfile.REGTYPE),
        ("provenance/planted", b"", tarfile.SYMTYPE),
        ("planted.py", b"x", tarfile.REGTYPE),
    ],
)
def test_a_file_that_is_no_backup_changes_nothing(
    data: Path, tmp_path: Path, name: str, content: bytes | None, kind: bytes
) -> None:
    write_archive(data, tmp_path / "backup.tar")
    planted = repacked(tmp_path / "backup.tar", name, content, kind)
    before = files(tmp_path)
    with pytest.raises(ArchiveBroken):
        restore_archive(planted, tmp_path / "restored", ["provenance"])
    assert files(tmp_path) == before


def test_a_cut_or_damaged_backup_changes_nothing(data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    write_archive(data, archive)
    whole = archive.read_bytes()
    spoilt = whole.replace(b"picture 1", b"picture X")
    for content in (b"", b"no archive" * 100, whole[: len(whole) // 2], whole[:700], spoilt):
        archive.write_bytes(content)
        with pytest.raises(ArchiveBroken):
            restore_archive(archive, tmp_path / "restored")
        assert not files(tmp_path / "restored")
