"""Decides whether a member may spend images, and when again. Pure bookkeeping on past spending; the rows are stored elsewhere."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from asyncio_throttle import Throttler
from msgspec import Meta

from moderation.duration import DAY, MINUTE

Count = Annotated[int, Meta(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    images_a_minute: Count = 30
    images_a_day: Count = 400
    jobs_in_line: Count = 5
    # Started jobs that a member may cancel in a day for free; a later one costs the pictures drawn until then, rounded up.
    free_cancels_a_day: Annotated[int, Meta(ge=0, le=1_000_000)] = 3
    refusals_an_hour: Count = 20  # refused prompts; further ones are not screened


@dataclass(frozen=True, slots=True)
class Spend:
    at: float  # seconds, on the clock that `now` is read from
    images: int


@dataclass(eq=False)
class RateLimited(Exception):
    limit: str  # "minute", "day"
    allowed: int  # images in that period
    asked: int
    retry_after: float = 0.0  # seconds; meaningless when impossible
    is_impossible: bool = False  # the limit never allows so many: request fewer


@dataclass(eq=False)
class TooManyJobs(Exception):
    limit: int


class RateLimit(Throttler):
    """A limit of `rate_limit` images in any `period` seconds. An image spent at t counts until just before t + period.

    Unlike Throttler, it reports the waiting time instead of waiting, and it includes spending from before the process started.
    `async with allowance` still waits, for one image.
    """

    def __init__(
        self,
        limit: str,
        rate_limit: int,
        period: float,
        spent: Iterable[Spend] = (),
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(rate_limit, period)
        self.limit = limit
        self._clock = clock
        for spend in sorted(spent, key=lambda spend: spend.at):
            self._task_logs.extend([spend.at] * spend.images)

    def flush(self) -> None:
        now = self._clock()
        while self._task_logs and self._task_logs[0] + self.period <= now:
            self._task_logs.popleft()

    def retry_after(self, images: int) -> float:
        """Returns the seconds until this many images may be spent, if nothing else is spent in the meantime; 0 means now.

        Raises RateLimited if the limit can never allow so many.
        """
        if images > self.rate_limit:
            raise RateLimited(self.limit, self.rate_limit, images, is_impossible=True)
        self.flush()
        too_many = len(self._task_logs) + images - self.rate_limit
        if too_many <= 0 or images <= 0:
            return 0.0
        now = self._clock()
        free_at = self._task_logs[too_many - 1] + self.period
        seconds = free_at - now
        # The difference is rounded: a retry after exactly this time must not be too early.
        while now + seconds < free_at:
            seconds = math.nextafter(seconds, math.inf)
        return max(seconds, 0.0)

    def take(self, images: int) -> None:
        """Spends the images now, or raises RateLimited and spends nothing."""
        seconds = self.retry_after(images)
        if seconds > 0:
            raise RateLimited(self.limit, self.rate_limit, images, retry_after=seconds)
        self._task_logs.extend([self._clock()] * images)

    async def acquire(self) -> None:
        while seconds := self.retry_after(1):  # noqa: ASYNC110 - no event says that time has passed
            await asyncio.sleep(seconds)
        self.take(1)


def admit(limits: Limits, spent: Sequence[Spend], in_line: int, images: int, now: float) -> None:
    """Checks whether a member may request this many images, by past spending and by jobs in the queue.

    Spending later than `now` counts as spent now: the clock was ahead when it was recorded.
    Raises TooManyJobs, or RateLimited for the limit with the longest wait. Spends nothing.
    """
    if in_line >= limits.jobs_in_line:
        raise TooManyJobs(limits.jobs_in_line)
    longest: RateLimited | None = None
    past = [Spend(min(spend.at, now), spend.images) for spend in spent]
    for limit, most, period in (
        ("minute", limits.images_a_minute, MINUTE),
        ("day", limits.images_a_day, DAY),
    ):
        try:
            RateLimit(limit, most, period, past, clock=lambda: now).take(images)
        except RateLimited as limited:
            if limited.is_impossible:
                raise
            if longest is None or limited.retry_after > longest.retry_after:
                longest = limited
    if longest is not None:
        raise longest
