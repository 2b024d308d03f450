"""GET /metrics, requested as Prometheus does, compared with orders to a real worker."""

import asyncio
import math
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics_server import CannotListen, expose
from bot.studio import health
from bot.studio.errors import PromptRefused
from bot.studio.health import Look
from bot.studio.metrics import PROBE_SECONDS, Metrics
from bot.studio.parts import build_parts
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import RetentionSettings, Settings, SettingsBroken, address_of, load
from bot.studio.studio import Studio
from db.database import Database
from db.jobs import Jobs, ReplyTarget
from db.repositories import Repositories
from generation.protocol import Configure
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from generation.queue.ticket import JobCancelled
from generation.request import ModelEntry
from moderation.pictures.check import PictureCheck
from moderation.prompts.filter import PromptFilter
from tests.bot.conftest import ADA, CHANNEL, GUILD, SMALL, an_order, ended, unwatched
from tests.db.rows import record, record_done, store
from tests.generation.queue.test_dispatcher import order, until, until_running
from tests.generation.stand_in import COMMAND
from tests.tiny_models import tiny_sd

pytestmark = pytest.mark.slow

LOCAL = "127.0.0.1:0"
Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def look_at(
    database: Database, dispatch: Dispatcher, latency: float | None = 0.05, *, pictures_gib: float = 0.0
) -> Look:
    data = database.path.parent
    settings = Settings(data=data, retention=RetentionSettings(pictures_gib=pictures_gib))
    return partial(
        health.examine, Repositories.of(database, data), dispatch, settings, lambda: latency, time.time
    )


async def scrape(port: int) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return await answer.text()


def figures(text: str) -> Figures:
    return {
        (sample.name.removeprefix("atelier_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Figures, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


@asynccontextmanager
async def a_studio(
    settings: Settings,
    database: Database,
    screen: PromptFilter,
    pictures: PictureCheck,
    provenance: Provenance,
    entry: ModelEntry,
    metrics: Metrics,
) -> AsyncGenerator[Studio]:
    """Yields a studio with a real worker that sends its events to `metrics`."""
    configure = Configure(models=(entry,), default=entry.name, slots=4)
    dispatch = Dispatcher(configure, [partial(open_connection, patience=60, listen=metrics.hear)])
    metrics.show(dispatch)
    records = Repositories.of(database, settings.data)
    run = asyncio.create_task(dispatch.run())
    yield build_parts(settings, records, dispatch, screen, pictures, provenance, metrics=metrics).studio
    await ended(run)


@pytest.mark.timeout(180)
async def test_what_is_scraped_is_what_was_ordered(
    settings: Settings,
    database: Database,
    screen: PromptFilter,
    pictures: PictureCheck,
    provenance: Provenance,
    tmp_path: Path,
) -> None:
    entry = replace(SMALL, source=str(tiny_sd(tmp_path / "tiny")))
    metrics = Metrics()
    place = ReplyTarget(guild_id=GUILD, channel_id=CHANNEL, token="a token")
    async with (
        a_studio(settings, database, screen, pictures, provenance, entry, metrics) as studio,
        expose(metrics, LOCAL, look_at(database, studio.dispatch)) as port,
    ):
        guided = await studio.admit(an_order("a zyzzyva", images=1, steps=3), place)
        plain = await studio.admit(an_order("a zyzzyva", images=2, steps=4, guidance=1.0), place)
        unwanted = await studio.admit(an_order("a zyzzyva", images=1, steps=20), place)
        with pytest.raises(PromptRefused):
            await studio.admit(an_order("a naked zyzzyva"), place)
        before = figures(await scrape(port))
        assert of(before, "line_jobs", lane="all") == 0 and of(before, "rows_total") == 0
        drawn = [asyncio.create_task(studio.fulfil(job, unwatched)) for job in (guided, plain, unwanted)]
        await asyncio.sleep(0)
        while not studio.dispatch.cancel(unwanted.id):  # noqa: ASYNC110  # two transactions run before it is queued
            await asyncio.sleep(0.001)
        await asyncio.gather(*drawn[:2])
        with pytest.raises(JobCancelled):
            await drawn[2]
        async with asyncio.timeout(30):
            while of(found := figures(text := await scrape(port)), "rows_total") < 3 * 2 + 2 * 4:  # noqa: ASYNC110  # another process sends it
                await asyncio.sleep(0.1)
    assert of(found, "rows_total") == 3 * 2 + 2 * 4  # guidance doubles the rows; guidance 1 means no guidance
    assert 4 <= of(found, "steps_total") <= 3 + 2 * 4
    assert of(found, "jobs_total", action="imagine", outcome="done") == 2
    assert of(found, "jobs_total", action="imagine", outcome="cancelled") == 1
    assert of(found, "verdicts_total", ruling="allow", category="none") == 3
    assert (
        of(found, "verdicts_total", ruling="refuse", category="sexual")
        + of(found, "verdicts_total", ruling="refuse", category="nudity")
        == 1
    )
    assert of(found, "wait_start_seconds_count") == of(found, "wait_done_seconds_count") == 2
    assert 0 < of(found, "wait_start_seconds_sum") <= of(found, "wait_done_seconds_sum")
    assert of(found, "device_seconds_total", verb="step") > 0
    assert of(found, "device_seconds_total", verb="decode") > 0
    assert (of(found, "worker_ready"), of(found, "worker_starts_total")) == (1, 1)
    assert of(found, "worker_deaths_total") == of(found, "out_of_memory_total", action="halved") == 0
    # neither the member nor the prompt appears
    for private in ("zyzzyva", str(ADA.member), ADA.name, guided.id):
        assert private not in text


async def test_a_worker_that_died_has_nothing_in_its_slots(tmp_path: Path) -> None:
    metrics = Metrics()
    configure = Configure(models=(), default=SMALL.name, slots=4)
    dispatch = Dispatcher(configure, [partial(open_connection, command=COMMAND, listen=metrics.hear)])
    metrics.show(dispatch)

    def found(name: str) -> float:
        return of(figures(metrics.text().decode()), name)

    run = asyncio.create_task(dispatch.run())
    pid = await until_running(dispatch.submit(order("job", f"hold {tmp_path / 'never'}", images=3)))
    assert (found("slots_in_use"), found("worker_deaths_total")) == (3, 0)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: found("worker_deaths_total") == 1)
    await until(lambda: not dispatch.state.is_ready)
    assert found("slots_in_use") == 0
    await ended(run)


async def test_a_loop_that_stood_still_is_seen_for_as_long_as_it_did() -> None:
    metrics = Metrics()
    watch = asyncio.create_task(metrics.watch_loop())
    await asyncio.sleep(2 * PROBE_SECONDS)
    held = 0.3
    time.sleep(held)  # noqa: ASYNC251  # the test needs a blocked event loop
    await asyncio.sleep(2 * PROBE_SECONDS)
    await ended(watch)
    found = figures(metrics.text().decode())
    late = of(found, "loop_lag_seconds_count") - of(found, "loop_lag_seconds_bucket", le="0.02")
    assert late >= (held - 0.02) / PROBE_SECONDS - 2  # each missed timer run counts
    # The loop slept, so the process's own computing explains none of the lag.
    own = of(found, "loop_lag_own_seconds_count") - of(found, "loop_lag_own_seconds_bucket", le="0.1")
    assert own == 0


def disk_of(free: int) -> Callable[[Path], SimpleNamespace]:
    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=free)

    return usage


@pytest.mark.parametrize(
    ("latency", "is_ready", "free", "faults"),
    [
        (0.05, True, health.LEAST_FREE, []),
        (None, False, health.LEAST_FREE, ["gateway", "worker"]),
        (0.05, True, health.LEAST_FREE - 1, ["disk"]),
    ],
)
async def test_health_names_what_does_not_work(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    latency: float | None,
    is_ready: bool,
    free: int,
    faults: list[str],
) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", disk_of(free))
    state = SimpleNamespace(state=SimpleNamespace(is_ready=is_ready))
    look = look_at(database, cast(Dispatcher, state), latency)
    async with (
        expose(Metrics(), LOCAL, look) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/health") as answer,
    ):
        assert answer.status == (503 if faults else 200)
        assert (await answer.json())["faults"] == faults


async def test_the_backlog_is_measured(database: Database) -> None:
    now, metrics = time.time(), Metrics()
    jobs = Repositories.of(database, database.path.parent).jobs
    await record(database, created_at=now - 100)
    await record_done(database, created_at=now - 300)
    delivered = await record_done(database, created_at=now - 900)
    await jobs.delivered(delivered.id, now)
    dispatch = Dispatcher(Configure(models=(), default=SMALL.name, slots=1), [])
    metrics.note(await look_at(database, dispatch, None)())
    found = figures(metrics.text().decode())
    assert (of(found, "undelivered_jobs"), of(found, "open_cases")) == (1, 0)
    assert of(found, "oldest_job_seconds") == pytest.approx(300, abs=5)
    assert of(found, "disk_free_bytes") > 0
    assert math.isnan(of(found, "gateway_latency_seconds"))


async def test_the_part_of_the_limit_on_all_pictures_is_measured(database: Database) -> None:
    pictures = Repositories.of(database, database.path.parent).pictures
    job, metrics = await record_done(database), Metrics()
    dispatch = Dispatcher(Configure(models=(), default=SMALL.name, slots=1), [])
    async with database.transaction() as tx:
        await store(pictures, tx, job.id, content=b"." * 2**10)
    for gib, share in ((2**-19, 0.5), (0.0, 0.0)):
        metrics.note(await look_at(database, dispatch, pictures_gib=gib)())
        assert of(figures(metrics.text().decode()), "picture_share") == share


async def test_a_database_that_does_not_answer_is_a_fault(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PATIENCE", 0.05)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Jobs, "backlog", hang)
    dispatch = Dispatcher(Configure(models=(), default=SMALL.name, slots=1), [])
    assert "database" in (await look_at(database, dispatch)()).faults


async def test_an_address_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        async def never() -> health.Health:
            raise AssertionError

        with pytest.raises(CannotListen) as refusal:
            async with expose(Metrics(), listen, never):
                pass
    assert refusal.value.listen == listen and refusal.value.reason


@pytest.mark.parametrize("listen", ["9464", "127.0.0.1", "127.0.0.1:", ":9464", "127.0.0.1:70000", "a:b"])
def test_what_is_no_address_is_named_in_the_settings(tmp_path: Path, listen: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[metrics]\nlisten = "{listen}"', encoding="utf-8")
    with pytest.raises(SettingsBroken) as broken:
        load(path, {})
    assert broken.value.key == "metrics.listen" and "127.0.0.1:9464" in broken.value.reason


def test_addresses_of_both_families_are_read() -> None:
    assert address_of("127.0.0.1:9464") == ("127.0.0.1", 9464)
    assert address_of("[::1]:80") == ("::1", 80)
