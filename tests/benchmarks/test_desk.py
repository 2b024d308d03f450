"""The simulated hour at a moderators' desk, with few members and a fast clock; and its plan."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.desk.crowd import Kind, Plan, planned

SMALL = Plan(
    members=30,
    orders=22,
    seconds=60.0,
    spammers=1,
    spam=8,
    spam_until=0.3,
    raiders=4,
    raid=1,
    raid_at=0.1,
    raid_seconds=10.0,
)
"""The moderator comes after those who misbehave."""
PROMPTS = [f"a {each} on a hill" for each in ("fox", "owl", "castle", "panda", "boat", "cake", "robot")]
HOUR = """
import sys, time
from benchmarks.desk.bot import hurry
begin, speed = time.time(), 80.0
hurry(begin, speed)
import asyncio, json
from dataclasses import asdict
from pathlib import Path
from benchmarks.desk.__main__ import PROJECT, run
from tests.benchmarks.test_desk import PROMPTS, SMALL
found = asyncio.run(run(PROJECT, Path(sys.argv[1]), SMALL, PROMPTS, begin=begin, speed=speed))
print(json.dumps(asdict(found)))
"""
"""In a process of its own, because its clock is fast."""


def test_the_hour_is_as_large_as_it_says_and_is_the_same_each_time() -> None:
    plan = Plan()
    orders = planned(plan, PROMPTS)
    assert Counter(each.kind for each in orders) == {Kind.GOOD: 1760, Kind.SPAMMER: 120, Kind.RAIDER: 120}
    assert len({each.member for each in orders if each.kind is Kind.RAIDER}) == 60
    raid = [each.at for each in orders if each.kind is Kind.RAIDER]
    assert max(raid) - min(raid) <= 180 and orders[-1].at <= 3600
    assert orders == planned(plan, PROMPTS) == sorted(orders, key=lambda each: each.at)
    with pytest.raises(ValueError, match="more orders"):
        planned(Plan(orders=100), PROMPTS)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_moderator_empties_the_queue_and_no_well_behaved_member_loses_anything(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOUR, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["orders_of"] == {"well-behaved": 10, "spammer": 8, "raider": 4}
    assert (found["delivered"], found["answered"]) == (10, 0)
    assert found["flagged_of"]["raider"] == 4 and found["flagged_of"]["spammer"] >= 3
    assert found["cases"] == sum(found["cases_of"].values()) > 0 and found["open_cases"] == 0
    assert found["cards"] > 0 and found["clicks_by_kind"]["timeout, form"] == 5
    assert [found[each] for each in ("lost", "closed_aside", "without_card", "strange", "bugs")] == [[]] * 5
