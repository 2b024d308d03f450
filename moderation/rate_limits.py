"""What a member may spend, and when again. Pure bookkeeping on past spending; the rows themselves live elsewhere."""

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
    is_impossible: bool = False  # more than the limit ever holds: asking for less is the only way


@dataclass(eq=False)
class TooManyJobs(Exception):
    limit: int


class RateLimit(Throttler):
    """At most `rate_limit` images in any `period` seconds; an image spent at t counts until t + period, not at it.

    Unlike a Throttler it says when instead of waiting, and it remembers what was spent before the process began.
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
        """Seconds until so many images may be spent, if nothing else is spent meanwhile; 0 is now.

        Raises RateLimited when the limit can never hold so many.
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
        # The difference is rounded: coming back after exactly so long must be late enough.
        while now + seconds < free_at:
            seconds = math.nextafter(seconds, math.inf)
        return max(seconds, 0.0)

    def take(self, images: int) -> None:
        """Spend now, or raise RateLimited and spend nothing."""
        seconds = self.retry_after(images)
        if seconds > 0:
            raise RateLimited(self.limit, self.rate_limit, images, retry_after=seconds)
        self._task_logs.extend([self._clock()] * images)

    async def acquire(self) -> None:
        while seconds := self.retry_after(1):  # noqa: ASYNC110 - no event says that time has passed
            await asyncio.sleep(seconds)
        self.take(1)


def admit(limits: Limits, spent: Sequence[Spend], in_line: int, images: int, now: float) -> None:
    """Whether a member who has spent so much and has so many jobs in line may ask for so many images.

    Raises TooManyJobs, or RateLimited for the limit that keeps the member longest. Spends nothing.
    """
    if in_line >= limits.jobs_in_line:
        raise TooManyJobs(limits.jobs_in_line)
    longest: RateLimited | None = None
    for limit, most, period in (
        ("minute", limits.images_a_minute, MINUTE),
        ("day", limits.images_a_day, DAY),
    ):
        try:
            RateLimit(limit, most, period, spent, clock=lambda: now).take(images)
        except RateLimited as limited:
            if limited.is_impossible:
                raise
            if longest is None or limited.retry_after > longest.retry_after:
                longest = limited
    if longest is not None:
        raise longest
