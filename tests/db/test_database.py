import asyncio
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import aiosqlite
import pytest

from db.database import Database, Transaction, write_patience
from db.errors import DatabaseBroken, DatabaseBusy, DiskFull
from db.key_values import KeyValues

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
INSERT = "INSERT INTO notes (key, value) VALUES (?, ?)"
KEYS = "SELECT key FROM notes ORDER BY key"


async def keys(db: Database) -> list[str]:
    return [row["key"] for row in await db.reader.all(KEYS)]


async def test_what_a_transaction_wrote_is_there_after_it_and_after_reopening(path: Path) -> None:
    async with Database.open(path) as db:
        async with db.transaction() as tx:
            await tx.all(INSERT, ("a", "1"))
            assert await asyncio.create_task(keys(db)) == []
            assert await keys(db) == ["a"]
            assert len(await tx.all(KEYS)) == 1
        assert await keys(db) == ["a"]
    async with Database.open(path) as db:
        assert await keys(db) == ["a"]


async def test_an_exception_rolls_back(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.all(INSERT, ("a", "1"))
            raise ZeroDivisionError
    await KeyValues(db).set("b", "2")
    assert await keys(db) == ["b"]


async def test_concurrent_transactions_do_not_interleave(db: Database) -> None:
    async def add_one() -> None:
        async with db.transaction() as tx:
            row = await tx.one("SELECT value FROM notes WHERE key = 'sum'")
            await asyncio.sleep(0)
            total = int(row["value"]) + 1 if row else 1
            await tx.all("INSERT OR REPLACE INTO notes (key, value) VALUES ('sum', ?)", (str(total),))

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(add_one())
    assert await KeyValues(db).get("sum") == "50"


async def test_cancellation_inside_a_transaction_rolls_back_and_frees_the_lock(db: Database) -> None:
    written = asyncio.Event()

    async def write_and_wait() -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, ("a", "1"))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_wait())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await KeyValues(db).set("b", "2")
    assert await keys(db) == ["b"]


async def test_cancellation_at_any_step_leaves_both_rows_or_none(db: Database) -> None:
    async def write_two(number: int) -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, (f"{number}a", ""))
            await tx.all(INSERT, (f"{number}b", ""))

    # Adds one loop turn each time, until a transaction was fast enough to finish undisturbed.
    outcomes: list[int] = []
    while 2 not in outcomes:
        number = len(outcomes)
        task = asyncio.create_task(write_two(number))
        for _ in range(number):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        rows = await db.reader.all("SELECT key FROM notes WHERE key IN (?, ?)", (f"{number}a", f"{number}b"))
        outcomes.append(len(rows))
        async with db.transaction() as tx:
            assert await tx.value("SELECT 1") == 1
    assert set(outcomes) == {0, 2}


async def test_a_cancelled_commit_finishes_with_what_follows_it(db: Database) -> None:
    reached, go_on, is_done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def after() -> None:
        reached.set()
        await go_on.wait()
        is_done.set()

    async def write() -> None:
        async with db.transaction() as tx:
            await tx.all(INSERT, ("a", "1"))
            tx.after_commit(after)

    task = asyncio.create_task(write())
    await reached.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_done.is_set()
    assert await keys(db) == ["a"]


async def test_what_follows_a_commit_does_not_follow_a_rollback(db: Database) -> None:
    async def after() -> None:
        pytest.fail("the transaction was rolled back")

    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.after_commit(after)
            raise ZeroDivisionError


async def test_what_follows_a_commit_may_fail_without_undoing_it(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def after() -> None:
        raise PermissionError("no")

    async with db.transaction() as tx:
        await tx.all(INSERT, ("a", "1"))
        tx.after_commit(after)
    assert await keys(db) == ["a"]
    assert "work after a commit failed" in caplog.text


async def test_a_transaction_inside_a_transaction_is_an_error_instead_of_a_deadlock(db: Database) -> None:
    async with db.transaction():
        with pytest.raises(RuntimeError):
            await KeyValues(db).set("a", "1")
    await KeyValues(db).set("a", "1")


async def test_a_transaction_that_is_over_takes_no_more_statements(db: Database) -> None:
    async with db.transaction() as tx:
        pass
    with pytest.raises(RuntimeError):
        await tx.all(INSERT, ("a", "1"))


async def test_the_reader_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseBroken, match="readonly"):
        await db.reader.all(INSERT, ("a", "1"))


async def test_a_bug_in_a_statement_stays_the_error_that_it_is(db: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        await db.reader.all("SELEKT 1")


async def test_references_to_nothing_are_refused(db: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await tx.all("INSERT INTO spending (job, member, images, at) VALUES ('nothing', 1, 1, 0)")


async def limit_pages(tx: Transaction) -> None:
    pages = await tx.value("PRAGMA page_count")
    await tx.all(f"PRAGMA max_page_count = {pages}")


async def test_a_full_disk_is_said_and_leaves_what_was_committed(db: Database) -> None:
    await KeyValues(db).set("before", "kept")
    async with db.transaction() as tx:
        await limit_pages(tx)
    with pytest.raises(DiskFull) as caught:
        async with db.transaction() as tx:
            await tx.all(INSERT, ("small", "1"))
            await tx.all(INSERT, ("large", "x" * 100_000))
    assert caught.value.path == db.path
    assert await keys(db) == ["before"]
    await KeyValues(db).set("after", "fits")
    assert await keys(db) == ["after", "before"]


async def test_who_swallows_a_full_disk_cannot_commit_the_rest(db: Database) -> None:
    async with db.transaction() as tx:
        await limit_pages(tx)
    with pytest.raises(DiskFull):
        async with db.transaction() as tx:
            with pytest.raises(DiskFull):
                await tx.all(INSERT, ("large", "x" * 100_000))
            with pytest.raises(DiskFull):
                await tx.all(INSERT, ("small", "1"))
    assert await keys(db) == []


FILE_SIZE_LIMIT = """
import asyncio, resource, sys
from pathlib import Path
from db.database import Database
from db.errors import DiskFull
from db.key_values import KeyValues

async def main() -> None:
    async with Database.open(Path(sys.argv[1])) as db:
        await KeyValues(db).set("before", "kept")
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            await KeyValues(db).set("large", "x" * 1_000_000)
        except DiskFull:
            print("full")
        print(await KeyValues(db).get("before"), await KeyValues(db).get("large"))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
def test_a_write_that_the_system_refuses_is_a_full_disk(path: Path) -> None:
    done = run_python(FILE_SIZE_LIMIT, path)
    assert (done.stdout, done.returncode) == ("full\nkept None\n", 0), done.stderr


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from db.database import Database
from db.key_values import KeyValues

INSERT = "INSERT INTO notes (key, value) VALUES (?, ?)"

async def main() -> None:
    async with Database.open(Path(sys.argv[1])) as db:
        for number in range(20):
            await KeyValues(db).set(f"committed {number:02}", "x" * 5000)
        async with db.transaction() as tx:
            # More than SQLite's cache holds, so that pages of the open transaction are on the disk already.
            for number in range(1000):
                await tx.all(INSERT, (f"open {number}", "x" * 5000))
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
async def test_kill_9_inside_a_transaction_leaves_the_committed_rows_and_nothing_else(path: Path) -> None:
    done = await asyncio.to_thread(run_python, KILLED, path)
    assert done.returncode == -9, done.stderr
    assert path.with_name(path.name + "-wal").stat().st_size > 1_000_000
    async with Database.open(path) as db:
        assert await keys(db) == [f"committed {number:02}" for number in range(20)]
        assert await db.reader.value("PRAGMA integrity_check") == "ok"


def run_python(source: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )


async def test_every_file_is_its_owners_alone(db: Database) -> None:
    await KeyValues(db).set("a", "1")
    assert modes(db.path.parent) == [0o600, 0o600, 0o600]


async def test_a_file_that_everybody_may_read_is_closed_to_others(path: Path) -> None:
    open_to_everybody(path)
    async with Database.open(path):
        assert set(modes(path.parent)) == {0o600}


def modes(folder: Path) -> list[int]:
    return [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()]


def open_to_everybody(path: Path) -> None:
    path.touch()
    path.chmod(0o644)


async def test_commits_are_synced(db: Database) -> None:
    async with db.transaction() as tx:
        assert await tx.value("PRAGMA synchronous") == 2
        assert await tx.value("PRAGMA journal_mode") == "wal"


def overwrite_with_text(path: Path) -> None:
    path.write_text("this is no database at all, but it is long enough to look like one. " * 20, "utf-8")


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("spoil", [overwrite_with_text, damage])
async def test_a_spoilt_file_is_called_broken(path: Path, spoil: Callable[[Path], None]) -> None:
    async with Database.open(path) as db:
        await KeyValues(db).set("a", "1")
    spoil(path)
    with pytest.raises(DatabaseBroken) as caught:
        async with Database.open(path) as db:
            await db.reader.all("SELECT * FROM jobs, images, verdicts, spending, notes")
    assert caught.value.path == path


async def test_a_folder_in_place_of_the_file_is_called_broken(tmp_path: Path) -> None:
    with pytest.raises(DatabaseBroken):
        async with Database.open(tmp_path):
            pass


@contextmanager
def written_by_another_program(path: Path) -> Generator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


async def test_a_write_waits_for_another_program_and_says_so(
    path: Path, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with written_by_another_program(path):
        write = asyncio.create_task(KeyValues(db).set("a", "1"))
        while "another program writes" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert not write.done()
        assert await KeyValues(db).get("a") is None, "readers do not wait"
    await write
    assert await KeyValues(db).get("a") == "1"
    assert caplog.text.count("another program writes") == 1


async def test_a_write_with_a_limited_patience_is_refused_also_behind_a_patient_one(
    path: Path, db: Database
) -> None:
    async def impatient() -> None:
        write_patience.set(lambda: 0.05)
        await KeyValues(db).set("b", "1")

    with written_by_another_program(path):
        with pytest.raises(DatabaseBusy):
            await asyncio.create_task(impatient())
        patient = asyncio.create_task(KeyValues(db).set("a", "1"))
        await asyncio.sleep(0)
        with pytest.raises(DatabaseBusy):
            await asyncio.create_task(impatient())
    await patient
    await asyncio.create_task(impatient())
    assert await KeyValues(db).get("b") == "1"


async def test_a_write_that_is_cancelled_while_it_waits_leaves_no_transaction_open(
    path: Path, db: Database
) -> None:
    with written_by_another_program(path):
        write = asyncio.create_task(KeyValues(db).set("a", "1"))
        await asyncio.sleep(0.05)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
    with written_by_another_program(path):
        pass
    await KeyValues(db).set("a", "2")
    assert await KeyValues(db).get("a") == "2"


async def test_the_log_is_copied_beside_the_writers_and_stays_short(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.database._CHECKPOINT_SECONDS", 0.01)
    monkeypatch.setattr("db.database._LONG_LOG", 100_000)
    log = path.with_name(f"{path.name}-wal")
    async with Database.open(path) as db:
        for number in range(400):
            await KeyValues(db).set("a", f"{number} " + 4000 * "x")
        assert log.stat().st_size < 400 * 4000, "without a new beginning, about 8 kB a commit"
        async with db.transaction() as tx:
            await tx.all(INSERT, ("b", "1"))
            with closing(sqlite3.connect(path)) as other:
                busy = 1
                async with asyncio.timeout(10):
                    while busy:  # while the database's own copy is under way
                        await asyncio.sleep(0.01)
                        (busy, *_) = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert await KeyValues(db).get("a") == "399 " + 4000 * "x"


async def test_a_copy_that_fails_is_tried_again(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("db.database._CHECKPOINT_SECONDS", 0.01)
    checkpoint, tries = Database._checkpoint, 0  # pyright: ignore[reportPrivateUsage]

    async def failing(self: Database, connection: aiosqlite.Connection, mode: str = "PASSIVE") -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise DiskFull(path=self.path)
        await checkpoint(self, connection, mode)

    monkeypatch.setattr(Database, "_checkpoint", failing)
    while tries < 2:
        await KeyValues(db).set("a", "1")
        await asyncio.sleep(0.01)
    assert "was not copied into it" in caplog.text


async def test_a_long_read_has_a_connection_of_its_own(db: Database) -> None:
    await KeyValues(db).set("a", "1")
    async with db.transaction() as tx:
        await tx.all(INSERT, ("b", "2"))
        found = await db.read_apart(lambda connection: [row["key"] for row in connection.execute(KEYS)])
    assert found == ["a"]
    with pytest.raises(DatabaseBroken, match="readonly"):
        await db.read_apart(lambda connection: connection.execute(INSERT, ("c", "3")))


async def test_a_reader_elsewhere_holds_up_no_writer_while_the_log_is_emptied(
    path: Path, db: Database
) -> None:
    await KeyValues(db).set("a", "1")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM notes").fetchall()
        await KeyValues(db).set("a", "2")
        began = time.monotonic()
        await db.tidy()
        assert time.monotonic() - began < 2, "SQLite's own timeout would be five seconds"
    await KeyValues(db).set("a", "3")


async def test_the_log_is_copied_again_until_little_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is copied while writers wait."""
    durations, copies, is_done = [0.05, 0.04, 0.0], list[float](), asyncio.Event()

    async def checkpoint(self: Database, connection: object, mode: str = "PASSIVE") -> None:
        seconds = durations[len(copies)] if len(copies) < len(durations) else 0.0
        await asyncio.sleep(seconds)
        copies.append(seconds)
        if len(copies) == len(durations):
            is_done.set()

    monkeypatch.setattr("db.database._CHECKPOINT_SECONDS", 0.01)
    async with Database.open(tmp_path / "atelier.sqlite3") as db:
        monkeypatch.setattr(Database, "_checkpoint", checkpoint)
        async with db.transaction() as tx:
            await tx.all("INSERT INTO notes (key, value) VALUES ('a', 'b')")
        await asyncio.wait_for(is_done.wait(), 5)
        await asyncio.sleep(0.1)
    assert copies == durations
