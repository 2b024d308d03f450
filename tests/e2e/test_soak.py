"""Orders with cancellations, worker kills and out-of-memory errors: a small version of `benchmarks.soak`."""

from pathlib import Path

import pytest

from benchmarks.awake import quantile
from benchmarks.soak.__main__ import soak
from benchmarks.soak.outcome import growth, judge
from db.database import Database

pytestmark = [pytest.mark.timeout(240)]


async def test_no_order_is_lost_and_none_is_delivered_twice(tmp_path: Path, model: Path) -> None:
    soaked, judged = await soak(tmp_path, model, orders=60, seed=3, kill_every=24)
    assert (judged.lost, judged.twice, judged.wrongly_paid) == (0, 0, 0)
    assert 1 <= soaked.kills == soaked.deaths
    ended = sum(soaked.deliveries.values()), soaked.cancelled, sum(soaked.failures.values())
    assert sum(ended) == soaked.ordered == 60
    assert ended[0] > 30
    assert sum(soaked.memory.values()) > 0, "no batch met an empty memory"

    # Checks that the judge finds these faults.
    job = next(iter(soaked.deliveries))
    async with Database.open(tmp_path / "atelier.sqlite3") as database:
        soaked.deliveries[job] += 1
        # one fault for the second delivery, one for the difference from the database's number
        assert (await judge(soaked, database)).twice == 2
        soaked.deliveries[job] -= 1
        async with database.transaction() as tx:
            await tx.all("UPDATE spending SET refunded = images WHERE job = ?", (job,))
        assert (await judge(soaked, database)).wrongly_paid == 1
        soaked.ordered += 1
        assert (await judge(soaked, database)).lost > 0


def test_growth_is_from_the_second_quarter_to_the_last() -> None:
    assert growth([50] * 10 + [100] * 10 + [500] * 10 + [103] * 10) == pytest.approx(0.03)
    assert growth([100] * 19) is None


def test_a_quantile_of_buckets_is_as_prometheus_reckons_it() -> None:
    counts = {0.01: 50.0, 0.02: 90.0, 0.05: 100.0, float("inf"): 100.0}
    assert quantile(counts, 0.5) == pytest.approx(0.01)
    assert quantile(counts, 0.7) == pytest.approx(0.015)
    assert quantile(counts, 0.95) == pytest.approx(0.035)
