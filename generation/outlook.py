"""Tells everybody where they stand and when they will be done, once whatever happened at the same time has happened.

That takes as long as there are orders there. So a burst of orders, or of the worker's events, is told together at the end of the
event loop's turn; whoever looks before that has it worked out at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from generation.forecast import Forecast
from generation.lease import Lease
from generation.line import WaitingLine
from generation.pace import Pace
from generation.request import JobId
from generation.ticket import Waiting


class Outlook:
    def __init__(
        self, jobs: Mapping[JobId, Lease], line: WaitingLine, pace: Pace, clock: Callable[[], float]
    ) -> None:
        self.forecast = Forecast(pace.seconds_for)
        self._jobs = jobs
        self._line = line
        self._pace = pace
        self._clock = clock
        self._came: dict[JobId, float] = {}  # when; nothing was forecast for them yet
        self._is_old = False

    def welcome(self, job: JobId) -> None:
        self._came[job] = self._clock()

    def drop(self, job: JobId) -> None:
        """It is over, or begins anew."""
        self._came.pop(job, None)
        self.forecast.drop(job)

    def outdate(self) -> None:
        """Something changed."""
        if not self._is_old:
            self._is_old = True
            asyncio.get_running_loop().call_soon(self.renew)

    def renew(self) -> None:
        if self._is_old:
            self._is_old = False
            self._tell()

    def _tell(self) -> None:
        ranked = [self._jobs[request.job] for request in self._line.ranked()]
        for job in ranked:
            job.work.left = job.left
        fixed, factor = self.forecast.correction
        is_measured = self._pace.seconds_per_cost is not None
        place = 0
        for job, seconds in zip(ranked, self.forecast.ends([job.work for job in ranked]), strict=True):
            job.seconds = fixed + factor * seconds if is_measured else None
            came = self._came.pop(job.request.job, None)
            if came is not None and is_measured:
                self.forecast.keep(job.request.job, seconds, came)
            if not job.is_started and not job.ticket.is_done:
                place += 1
                progress = Waiting(place=place, seconds=job.seconds)
                if job.ticket.progress != progress:
                    job.ticket.show(progress)
