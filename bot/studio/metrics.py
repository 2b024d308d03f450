"""The bot's metrics for Prometheus. Labels name models, kinds and outcomes; never a prompt or a member."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.studio.health import Health
from generation import (
    Event,
    GenerationFailed,
    JobCancelled,
    JobParked,
    Ready,
    Running,
    Strained,
    Swapped,
    Ticket,
    Vitals,
    Waiting,
)
from generation.queue.connection import WorkerDied
from generation.queue.dispatcher import Dispatcher
from moderation import Verdict

PROBE_SECONDS = 0.02
"""Seconds between two measurements of the event loop."""

_WAITS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
_LAGS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_RATIOS = (0.25, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 4.0)
"""Ratio of the real wait to the announced one. Target: half of all between 0.8 and 1.2, 90 % between 0.5 and 1.5."""


class Started:
    """One job's clock, started when the job enters the queue."""

    def __init__(self, metrics: Metrics, ticket: Ticket) -> None:
        self._metrics = metrics
        self._ticket = ticket
        self._began = time.monotonic()
        waiting = ticket.progress
        self._told = waiting.seconds if isinstance(waiting, Waiting) else None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def started(self) -> None:
        """Records the wait until the start. Records nothing when the job ended before it started."""
        if not isinstance(self._ticket.progress, Running):
            return
        self._metrics.wait_until_start.observe(self.seconds)
        if self._told:
            self._metrics.wait_ratio.observe(self.seconds / self._told)


class Metrics:
    """One bot's metrics, in their own registry."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"atelier_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"atelier_{name}", text, registry=registry, buckets=buckets)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"atelier_{name}", text, registry=registry)

        self.steps = counter("steps", "Steps of the generation loop, each of a batch")
        self.rows = counter("rows", "Rows of those steps: pictures, and as many again for guidance")
        self.device_seconds = counter("device_seconds", "Seconds that the device worked", "verb")
        self.out_of_memory = counter("out_of_memory", "Out of memory, by what was done about it", "action")
        self.model_swaps = counter("model_swaps", "Models brought onto the device", "model")
        self.worker_deaths = counter(
            "worker_deaths", "Workers that ended, hung or talked nonsense; each is replaced"
        )
        self.worker_starts = counter("worker_starts", "Workers that became ready")
        self.jobs = counter("jobs", "Jobs that are over", "action", "outcome")
        self.verdicts = counter("verdicts", "Prompts judged", "ruling", "category")
        self.wait_until_start = histogram(
            "wait_start_seconds", "From the order until the worker begins it", _WAITS
        )
        self.wait_until_done = histogram(
            "wait_done_seconds", "From the order until its pictures are there", _WAITS
        )
        self.wait_ratio = histogram(
            "wait_real_to_told", "The real wait until the start, divided by the one that was told", _RATIOS
        )
        self.loop_lag = histogram(
            "loop_lag_seconds", "How late the bot's event loop is, 50 looks a second", _LAGS
        )
        self.loop_lag_own = histogram(
            "loop_lag_own_seconds",
            "The part of the lag that the process's own computing can explain; the rest is the machine's",
            _LAGS,
        )

        self._gateway = gauge(
            "gateway_latency_seconds", "Latency of Discord's gateway; NaN while not connected"
        )
        self._free = gauge("disk_free_bytes", "Free space on the data folder's disk")
        self._share = gauge(
            "picture_share", "Part of pictures_gib that the pictures take; 0 without that limit"
        )
        self._undelivered = gauge("undelivered_jobs", "Jobs that ended and whose result is not in Discord")
        self._oldest = gauge("oldest_job_seconds", "Age of the oldest order whose member has no result yet")
        self._open_cases = gauge("open_cases", "Cases that no moderator has decided")

    def show(self, dispatch: Dispatcher) -> None:
        """Registers the dispatcher; its state is read at each scrape."""
        self._registry.register(_State(dispatch))

    def text(self) -> bytes:
        """Returns the metrics in Prometheus' exposition format."""
        return generate_latest(self._registry)

    # ---- events

    def hear(self, news: Event | WorkerDied) -> None:
        """Counts the workers' events and deaths."""
        match news:
            case Vitals():
                self.steps.inc(news.steps)
                self.rows.inc(news.rows)
                for verb, seconds in news.device_seconds.items():
                    self.device_seconds.labels(verb=verb).inc(max(0.0, seconds))
            case Strained(action=action):
                self.out_of_memory.labels(action=action).inc()
            case Swapped(loaded=str(model)):
                self.model_swaps.labels(model=model).inc()
            case Ready():
                self.worker_starts.inc()
            case WorkerDied():
                self.worker_deaths.inc()
            case _:
                pass

    def note(self, health: Health) -> None:
        """Sets the figures that are read at each scrape. While the database does not answer, its last figures stay."""
        self._gateway.set(math.nan if health.gateway_seconds is None else health.gateway_seconds)
        self._free.set(health.free_bytes)
        if health.backlog is not None:
            self._share.set(health.picture_share)
            self._undelivered.set(health.backlog.undelivered)
            self._oldest.set(health.oldest_seconds)
            self._open_cases.set(health.backlog.open_cases)

    def judged(self, verdict: Verdict) -> None:
        self.verdicts.labels(ruling=verdict.ruling.word, category=verdict.category.value).inc()

    @contextmanager
    def job(self, action: str, ticket: Ticket) -> Generator[Started]:
        """Measures a job from the queue to its end. A job that a stop interrupts has not ended and is not counted."""
        clock = Started(self, ticket)
        outcome = "done"
        try:
            yield clock
        except JobCancelled:
            outcome = "cancelled"
            raise
        except GenerationFailed as error:
            outcome = f"failed: {error.kind}"
            raise
        except (asyncio.CancelledError, JobParked):
            outcome = ""
            raise
        except BaseException:
            outcome = "failed: bot"
            raise
        finally:
            if outcome:
                self.jobs.labels(action=action, outcome=outcome).inc()
            if outcome == "done":
                self.wait_until_done.observe(clock.seconds)

    async def watch_loop(self) -> None:
        """Measures the loop's lag for ever. A stop of one second counts as fifty late measurements."""
        loop = asyncio.get_running_loop()
        due = loop.time() + PROBE_SECONDS
        while True:
            worked = time.process_time()
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            worked = time.process_time() - worked
            while due <= now:
                self.loop_lag.observe(now - due)
                self.loop_lag_own.observe(min(now - due, worked))
                due += PROBE_SECONDS


class _State(Collector):
    def __init__(self, dispatch: Dispatcher) -> None:
        self._dispatch = dispatch

    def collect(self) -> Iterable[GaugeMetricFamily]:
        state = self._dispatch.state
        line = GaugeMetricFamily("atelier_line_jobs", "Jobs in line", labels=["lane"])
        line.add_metric(["all"], state.waiting)
        yield line
        yield GaugeMetricFamily("atelier_running_jobs", "Jobs at the worker", value=state.running)
        yield GaugeMetricFamily("atelier_slots_in_use", "Pictures being denoised", value=state.seated)
        yield GaugeMetricFamily("atelier_worker_ready", "1: a worker takes jobs", value=state.is_ready)
        yield GaugeMetricFamily(
            "atelier_seconds_per_cost",
            "Device seconds of a picture-step, as waits are estimated with",
            value=state.seconds_per_cost or 0.0,
        )
