"""The lock on a data folder: one process at a time may keep its jobs and pictures there."""

import contextlib
import logging
import os
import sys
from collections.abc import Generator
from pathlib import Path

from db.errors import FolderLocked, storage_errors
from db.migrate import demand_not_lost

log = logging.getLogger(__name__)

FILE_NAME = "atelier.lock"


@contextlib.contextmanager
def folder_lock(path: Path) -> Generator[None, None, None]:
    """Holds the lock on the folder of the database at `path`. The kernel releases it when the process ends, also by `kill -9`.

    Creates the folder. The lock file stays: a process that deleted it could delete another process's lock.
    Raises FolderLocked, DiskFull; and DatabaseLost before a file is written.
    """
    demand_not_lost(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(FILE_NAME), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, path.parent)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _lock(descriptor: int, folder: Path) -> None:
        log.warning("%s can't be locked on this system: start only one bot on it", folder)

else:
    import fcntl

    def _lock(descriptor: int, folder: Path) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderLocked(folder=folder) from error
        except OSError as error:
            # Some network file systems have no such lock.
            log.warning("%s can't be locked (%s): start only one bot on it", folder, error.strerror)
