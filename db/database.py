"""One SQLite file, one writer, one reader. All writes go through `transaction()`.

Transactions run one after another. Those that wait for their turn at the same time share one commit, because a commit waits for
the disk: at a hundred orders a second, a commit for each of their transactions would take longer than a second.

A third connection copies the write-ahead log into the file. As a part of a commit, that would hold up writers for as long as the
disk takes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from contextvars import ContextVar
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from msgspec import convert

from db.errors import DatabaseBusy, NotStorable, StorageError, storage_error, storage_errors
from db.migrate import BUSY_TIMEOUT, migrate

log = logging.getLogger(__name__)

T = TypeVar("T")
Parameters = Iterable[object] | Mapping[str, object]

write_patience: ContextVar[Callable[[], float]] = ContextVar("write_patience", default=lambda: inf)
"""Returns the seconds that a transaction begun now may wait for other writers. Without a limit, it waits until it is its turn."""
_TRY_SECONDS = 0.1
"""Seconds of one try to get the lock from another process. Such a try can't be interrupted."""
_CHECKPOINT_SECONDS = 5.0
"""Seconds between a commit and the copy of the write-ahead log into the file."""
_SHORT_COPY_SECONDS = 0.03
"""A copy that took less has left little: what was written meanwhile."""
_MOST_COPIES = 6  # one after another, while others write as fast as the disk takes
_LONG_LOG = 4 * 2**20
"""Bytes. A longer log is begun anew."""


class Reader:
    """Statements on one connection. They see committed rows; on a Transaction, also the rows that it has written."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def all(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        with storage_errors(self._path):
            try:
                return list(await self._connection.execute_fetchall(sql, parameters))
            except (OverflowError, UnicodeEncodeError) as error:
                raise NotStorable(path=self._path) from error

    async def one(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Returns the first row, or None."""
        rows = await self.all(sql, parameters)
        return rows[0] if rows else None

    async def find(self, read: Callable[[sqlite3.Row], T], sql: str, parameters: Parameters = ()) -> T | None:
        """Returns `read(first row)`, or None without a row."""
        row = await self.one(sql, parameters)
        return None if row is None else read(row)

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Returns the first column of the first row. For statements that always return a row."""
        rows = await self.all(sql, parameters)
        return rows[0][0]


class Transaction(Reader):
    """A transaction: holds the write lock until the `async with` ends. Writes report their effect with RETURNING."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        super().__init__(connection, path)
        self._is_over = False
        self._failure: StorageError | None = None
        self._after_commit: list[Callable[[], Awaitable[None]]] = []

    async def all(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        if self._is_over:
            raise RuntimeError("this transaction is over")
        if self._failure is not None:
            raise self._failure
        try:
            return await super().all(sql, parameters)
        except StorageError as error:
            # SQLite may have rolled back by itself: later statements would be committed one by one.
            self._failure = error
            raise

    def after_commit(self, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` after the commit and before the next writer. For effects that no rollback can undo, such as a deleted file.

        When the process dies in between, the work is not done.
        """
        self._after_commit.append(work)

    def end(self) -> None:
        """Called by `Database.transaction()` only. Later statements raise RuntimeError."""
        self._is_over = True

    def finish(self) -> list[Callable[[], Awaitable[None]]]:
        """Called by `Database.transaction()` only. Returns the work for after the commit; raises the failure of a statement."""
        self.end()
        if self._failure is not None:
            raise self._failure
        return self._after_commit


class _Commit:
    """Transactions that are committed together."""

    def __init__(self) -> None:
        self.is_over = False
        self.failure: BaseException | None = None
        self.after: list[Callable[[], Awaitable[None]]] = []


_SAVEPOINT = "one_of_several"
"""A transaction that shares a commit is a savepoint, so that it can be rolled back alone. The first one needs none.

All have this name: `ROLLBACK TO` finds the newest one.
"""


class Database:
    """A database, opened with `async with Database.open(path) as db`."""

    def __init__(
        self,
        path: Path,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        checkpointer: aiosqlite.Connection,
    ) -> None:
        self.path = path
        self._writer = writer
        self._checkpointer = checkpointer
        self._has_commits = asyncio.Event()
        self._committed = Reader(reader, path)
        self._lock = asyncio.Lock()
        self._open_commit: _Commit | None = None  # begun, and not committed yet
        self._current: tuple[asyncio.Task[Any] | None, Transaction | None] = (
            None,
            None,
        )  # the task in a transaction, and its transaction

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncGenerator[Database, None]:
        """Creates or migrates the file, then opens it.

        Raises DatabaseLost, DatabaseTooNew, DatabaseBroken, DatabaseBusy, DiskFull.
        """
        await asyncio.to_thread(migrate, path)
        async with AsyncExitStack() as stack:
            with storage_errors(path):
                writer = await stack.enter_async_context(_connect(path, _TRY_SECONDS))
                reader = await stack.enter_async_context(_connect(path, BUSY_TIMEOUT))
                checkpointer = await stack.enter_async_context(_connect(path, _TRY_SECONDS))
                for connection in (writer, reader, checkpointer):
                    connection.row_factory = sqlite3.Row
                    await connection.execute_fetchall("PRAGMA foreign_keys = ON")
                # FULL syncs the log at every commit, so that a result already reported to a member survives a power cut. It costs
                # a few milliseconds for each of a job's few commits.
                await writer.execute_fetchall("PRAGMA synchronous = FULL")
                # Deleted data is overwritten: a forgotten member must not be found in a free page of the file.
                await writer.execute_fetchall("PRAGMA secure_delete = ON")
                await writer.execute_fetchall("PRAGMA wal_autocheckpoint = 0")
                await reader.execute_fetchall("PRAGMA query_only = ON")
            database = cls(path, writer, reader, checkpointer)
            checkpoints = asyncio.create_task(database._keep_log_short())
            try:
                yield database
            finally:
                checkpoints.cancel()
                await asyncio.wait({checkpoints})

    @property
    def reader(self) -> Reader:
        """The reader for this task: its own transaction while it is in one, otherwise committed rows."""
        return self._own_transaction() or self._committed

    async def read_apart(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `read` on a thread and a connection of its own, so that no other reader waits for it. For long reads.

        It sees the committed rows of one moment.
        """
        return await asyncio.to_thread(self._read_apart, read)

    def _read_apart(self, read: Callable[[sqlite3.Connection], T]) -> T:
        with (
            storage_errors(self.path),
            closing(sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None)) as connection,
        ):
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            return read(connection)

    def _own_transaction(self) -> Transaction | None:
        task, transaction = self._current
        return transaction if task is asyncio.current_task() else None

    async def tidy(self) -> None:
        """Empties the write-ahead log, which still holds data overwritten in the file, as far as open readers allow."""
        await self._checkpoint(self._checkpointer)
        async with self._lock:
            await _to_its_end(self._end_commit())
            await self._checkpoint(self._writer, "TRUNCATE")

    async def _keep_log_short(self) -> None:
        log_file = self.path.with_name(f"{self.path.name}-wal")
        while True:
            await self._has_commits.wait()
            await asyncio.sleep(_CHECKPOINT_SECONDS)
            self._has_commits.clear()
            try:
                await self._copy_log()
                if log_file.stat().st_size > _LONG_LOG:
                    # Only a log that is copied to its end can be begun anew, and writers go on meanwhile. The rest is short.
                    async with self._lock:
                        await _to_its_end(self._end_commit())
                        await self._checkpoint(self._writer)
            except (StorageError, OSError) as error:
                log.warning("the write-ahead log of %s was not copied into it: %s", self.path, error)

    async def _copy_log(self) -> None:
        """Copies the log into the file, and again what was written meanwhile, until that is little: the rest holds up writers."""
        now = asyncio.get_running_loop().time
        for _ in range(_MOST_COPIES):
            began = now()
            await self._checkpoint(self._checkpointer)
            if now() - began < _SHORT_COPY_SECONDS:
                return

    async def _checkpoint(self, connection: aiosqlite.Connection, mode: str = "PASSIVE") -> None:
        with storage_errors(self.path):
            await connection.execute_fetchall(f"PRAGMA wal_checkpoint({mode})")

    @asynccontextmanager
    async def transaction(self, *, is_alone: bool = False) -> AsyncGenerator[Transaction, None]:
        """Runs writers one after another. Leaving commits; an exception or a cancellation rolls back.

        Shares its commit with the transactions that wait when it ends. `is_alone`: begins after the commit of earlier ones. For
        effects inside a transaction that no rollback of another one may undo.
        A cancellation during the commit lets the commit finish, then continues.
        Raises DatabaseBusy after the task's `write_patience`; RuntimeError for a transaction inside a transaction of the same
        task, which would wait for itself for ever.
        """
        if self._own_transaction():
            raise RuntimeError("a transaction inside a transaction")
        patience = write_patience.get()()
        deadline = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(None if patience == inf else deadline):
                await self._lock.acquire()
        except TimeoutError as error:
            raise DatabaseBusy(path=self.path) from error
        try:
            if is_alone:
                await _to_its_end(self._end_commit())
            transaction = Transaction(self._writer, self.path)
            self._current = asyncio.current_task(), transaction
            commit, is_first = self._open_commit, self._open_commit is None
            try:
                if commit is None:
                    await self._begin(deadline)
                    self._open_commit = commit = _Commit()
                else:
                    await self._execute(f"SAVEPOINT {_SAVEPOINT}")
                yield transaction
                commit.after += transaction.finish()
            except BaseException as error:
                transaction.end()
                await _to_its_end(self._roll_back(error, is_first=is_first))
                raise
            finally:
                self._current = None, None
        finally:
            self._lock.release()
        await _to_its_end(self._commit(commit))

    async def _commit(self, commit: _Commit) -> None:
        """Waits until the transaction is committed. Those that wait for their turn already are committed with it."""
        if not commit.is_over:
            async with self._lock:
                if not commit.is_over:
                    await self._end_commit()
        if commit.failure is not None:
            raise commit.failure

    async def _end_commit(self) -> None:
        """Commits what is open. The caller holds the lock."""
        commit, self._open_commit = self._open_commit, None
        if commit is None:
            return
        try:
            with storage_errors(self.path):
                await self._writer.commit()
            self._has_commits.set()
            for work in commit.after:
                await _guarded(work)
        except Exception as error:
            commit.failure = error
            await self._roll_back_all()
        finally:
            commit.is_over = True

    async def _roll_back(self, error: BaseException, *, is_first: bool) -> None:
        """Rolls back one transaction. After some errors, SQLite has rolled back those that share its commit, too."""
        if not is_first and self._writer.in_transaction:
            try:
                await self._execute(f"ROLLBACK TO {_SAVEPOINT}")
                return
            except (sqlite3.Error, StorageError):
                log.exception("a transaction is rolled back together with those that share its commit")
        commit, self._open_commit = self._open_commit, None
        await self._roll_back_all()
        if commit is not None:
            # A cancellation is one task's alone.
            commit.failure = (
                error if isinstance(error, Exception) else RuntimeError("rolled back with another one")
            )
            commit.is_over = True

    async def _roll_back_all(self) -> None:
        try:
            await self._writer.rollback()
        except sqlite3.Error as error:
            if storage_error(error, self.path) is None:
                raise
            log.exception("rollback of %s failed", self.path)

    async def _execute(self, sql: str) -> None:
        with storage_errors(self.path):
            await self._writer.execute_fetchall(sql)

    async def _begin(self, deadline: float) -> None:
        """Begins a transaction. Waits until `deadline` (of the loop's clock) while another process writes."""
        clock, is_told = asyncio.get_running_loop().time, False
        while True:
            try:
                await self._execute("BEGIN IMMEDIATE")
                return
            except DatabaseBusy:
                if clock() >= deadline:
                    raise
            if not is_told:
                log.warning("another program writes to %s: the bot waits until it may write", self.path)
                is_told = True


class Repository:
    """Base class of repositories: the statements about one topic. In a transaction of the same task they read its new rows."""

    def __init__(self, db: Database) -> None:
        self._db = db


def value_of(kind: type[T], row: sqlite3.Row, **others: object) -> T:
    """Builds a value from the columns named like its fields. `others`: fields that no column holds in their final form."""
    # Not strict: SQLite's booleans are numbers.
    return convert({**row, **others}, kind, strict=False)


async def _guarded(work: Callable[[], Awaitable[None]]) -> None:
    """Runs work after a commit; its failure undoes nothing."""
    try:
        await work()
    except Exception:
        log.exception("work after a commit failed; the rows are committed")


def _connect(path: Path, timeout: float) -> aiosqlite.Connection:
    return aiosqlite.connect(path, isolation_level=None, timeout=timeout)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Waits until `work` is done, even when this task is cancelled; then raises the cancellation."""
    task = asyncio.ensure_future(work)
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancelled:
            interruption = cancelled
    if interruption is not None:
        raise interruption from (None if task.cancelled() else task.exception())
    return task.result()
