import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.ids import JobIds, new_job_id


def test_an_id_is_ten_characters_of_a_to_z_and_2_to_7() -> None:
    assert re.fullmatch(r"[a-z2-7]{10}", new_job_id())


def test_ids_made_in_a_burst_differ_and_are_in_order() -> None:
    made = [new_job_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert sorted(made) == made


def test_a_later_id_sorts_after_an_earlier_one_of_another_process() -> None:
    earlier = new_job_id()
    time.sleep(0.002)  # the next millisecond
    done = subprocess.run(
        [sys.executable, "-c", "from db.ids import new_job_id; print(new_job_id())"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert earlier < done.stdout.strip()


def test_a_clock_that_goes_back_repeats_and_reorders_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = JobIds()
    first = ids.new()
    monkeypatch.setattr("time.time_ns", lambda: 1_750_000_000 * 10**9)
    assert first < ids.new() < ids.new()


def test_ids_last_until_2059(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = JobIds()
    now = ids.new()
    monkeypatch.setattr("time.time_ns", lambda: 2_808_000_000 * 10**9)
    assert now < ids.new()
