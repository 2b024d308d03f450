"""A consistent copy of a live database in one file, readable by its owner alone."""

import os
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from db.errors import storage_errors


def backup_name(path: Path, label: str) -> Path:
    """`atelier.sqlite3` and "version-1" -> `atelier-version-1-20260801T120000Z.sqlite3` beside it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return path.with_name(f"{path.stem}-{label}-{stamp}{path.suffix}")


def back_up(path: Path, target: Path) -> None:
    """Copies the database at `path` to `target`, which must not exist: FileExistsError. Writers may go on
    meanwhile. The copy appears under its name only when it is complete."""
    if target.exists():
        raise FileExistsError(target)
    # Two processes may copy at once: each has a file of its own until it is whole.
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    with storage_errors(target):
        os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        try:
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
                source.backup(copy)
                # The copy inherits write-ahead logging, which would make it two files once opened.
                copy.execute("PRAGMA journal_mode = DELETE")
            descriptor = os.open(partial, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
