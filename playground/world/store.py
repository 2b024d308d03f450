"""The world's persistent state: one SQLite file. Each change is written before any listener is notified."""

import json
import sqlite3
from pathlib import Path

from playground.world.values import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) STRICT;
CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, body TEXT NOT NULL, content BLOB NOT NULL) STRICT;
"""
PUT = "INSERT INTO things (kind, id, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"

# Stored file addresses contain this prefix instead of host and port, because both change from run to run.
HOME = "playground-address:"


class Store:
    """A store of JSON objects by kind and id, and of files by id. Without a folder the data is lost when the process ends."""

    def __init__(self, folder: Path | None, address: str) -> None:
        """`address` is the base URL of this run, for example `http://127.0.0.1:8000`."""
        self._address = address
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(":memory:" if folder is None else folder / "world.sqlite3")
        self._db.isolation_level = None
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def put(self, kind: str, id: int, body: Json) -> None:
        text = json.dumps(body, ensure_ascii=False).replace(self._address, HOME)
        self._db.execute(PUT, (kind, id, text))

    def remove(self, kind: str, id: int) -> None:
        self._db.execute("DELETE FROM things WHERE kind = ? AND id = ?", (kind, id))

    def all(self, kind: str) -> list[Json]:
        rows = self._db.execute("SELECT body FROM things WHERE kind = ? ORDER BY id", (kind,))
        return [json.loads(text.replace(HOME, self._address)) for (text,) in rows]

    def put_file(self, id: int, body: Json, content: bytes) -> None:
        text = json.dumps(body, ensure_ascii=False).replace(self._address, HOME)
        self._db.execute("INSERT INTO files (id, body, content) VALUES (?, ?, ?)", (id, text, content))

    def file(self, id: int) -> tuple[Json, bytes] | None:
        row = self._db.execute("SELECT body, content FROM files WHERE id = ?", (id,)).fetchone()
        return None if row is None else (json.loads(row[0].replace(HOME, self._address)), row[1])

    def keep_files(self, ids: set[int]) -> None:
        """Deletes all other files. A kill between two writes can leave files that no message uses."""
        stored = {id for (id,) in self._db.execute("SELECT id FROM files")}
        for id in stored - ids:
            self.remove_file(id)

    def remove_file(self, id: int) -> None:
        self._db.execute("DELETE FROM files WHERE id = ?", (id,))
