"""A consistent copy of a live database in one file, readable by the file's owner alone."""

import os
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from db.errors import storage_errors
from moderation import DAY

COPY_DAYS = 30


def backup_name(path: Path, label: str) -> Path:
    """Returns `atelier-version-1-20260801T120000Z.sqlite3` for `atelier.sqlite3` and "version-1", in the same folder."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return path.with_name(f"{path.stem}-{label}-{stamp}{path.suffix}")


def drop_copies(path: Path, now: float) -> None:
    """Deletes the copies that migrations made more than COPY_DAYS before `now`: they hold members who are forgotten since."""
    for copy in path.parent.glob(f"{path.stem}-version-*{path.suffix}"):
        if copy.stat().st_mtime < now - COPY_DAYS * DAY:
            copy.unlink(missing_ok=True)


def back_up(path: Path, target: Path) -> None:
    """Copies the database at `path` to `target`. Raises FileExistsError when `target` exists.

    Writers may continue during the copy. `target` appears only when the copy is complete.
    """
    if target.exists():
        raise FileExistsError(target)
    # Two processes may copy at once, so each writes to its own partial file.
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    with storage_errors(target):
        os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        try:
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
                source.backup(copy)
                # The copy inherits write-ahead logging, which would add a second file once opened.
                copy.execute("PRAGMA journal_mode = DELETE")
            descriptor = os.open(partial, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
