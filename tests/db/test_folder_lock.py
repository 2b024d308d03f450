"""One bot works on one data folder."""

import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from db.errors import DatabaseLost, FolderLocked
from db.folder_lock import folder_lock

ROOT = Path(__file__).parents[2]
HOLD = """
import subprocess, sys, time
from pathlib import Path
from db.folder_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=0)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_with_the_folders_name(path: Path) -> None:
    with folder_lock(path):
        with pytest.raises(FolderLocked) as refusal, folder_lock(path):
            pass
        assert str(path.parent) in str(refusal.value)
        assert "Is the bot running already?" in str(refusal.value)
    with folder_lock(path):
        pass
    assert path.with_name("atelier.lock").stat().st_mode & 0o777 == 0o600


def test_another_process_holds_it_until_it_is_killed_also_when_its_worker_lives_on(path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None and holder.stdout is not None
    with holder.stdin, holder.stdout:
        worker = int(holder.stdout.readline())
        with pytest.raises(FolderLocked), folder_lock(path):
            pass
        holder.kill()
        holder.wait(30)
        os.kill(worker, 0)  # it lives
        with folder_lock(path):
            pass
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_costs_a_warning(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def no_lock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_lock)
    with caplog.at_level(logging.WARNING), folder_lock(path):
        assert "can't be locked" in caplog.text and str(path.parent) in caplog.text


def test_a_lost_database_is_told_before_a_file_is_written(path: Path) -> None:
    picture = path.parent / "images" / "ab" / "abc.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    with pytest.raises(DatabaseLost), folder_lock(path):
        pass
    assert [each.name for each in path.parent.iterdir()] == ["images"]
