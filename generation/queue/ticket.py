"""What a caller holds while a job waits and runs. Lives on the bot's event loop; no torch."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from generation.request import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    place: int  # 1 is next
    seconds: float | None  # until the pictures are there, estimated; None before anything was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    done: int  # picture-steps
    total: int
    preview: bytes | None  # the newest preview, JPEG
    seconds: float | None = None  # as in Waiting


Progress = Waiting | Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """A finished job."""

    job: JobId
    pictures: tuple[bytes, ...]  # PNG
    device_seconds: float


@dataclass(eq=False)
class GenerationError(Exception):
    """Base of everything that a ticket's result may raise."""

    job: JobId


@dataclass(eq=False)
class GenerationFailed(GenerationError):
    """The worker could not make it, retries included. `kind` as in protocol.Failed, or "crash"."""

    kind: str
    reason: str


@dataclass(eq=False)
class JobCancelled(GenerationError):
    """Taken back by the member or a moderator."""


@dataclass(eq=False)
class LineFull(Exception):
    """The line holds as many jobs as the settings allow."""

    waiting: int
    seconds: float | None


class Ticket:
    """Progress to watch and a result to wait for. Progress is a state, not a log: a slow watcher sees the newest only."""

    def __init__(self, job: JobId, renew: Callable[[], None] = lambda: None) -> None:
        """renew: called before somebody looks."""
        self.job = job
        self._renew = renew
        self._progress: Progress = Waiting(place=1, seconds=None)
        self._changed = asyncio.Event()
        self._result: asyncio.Future[Pictures] = asyncio.get_running_loop().create_future()
        # A ticket nobody waits for any more (a lost caller) must not warn at collection.
        self._result.add_done_callback(lambda f: f.cancelled() or f.exception())

    @property
    def progress(self) -> Progress:
        self._renew()
        return self._progress

    @property
    def is_done(self) -> bool:
        return self._result.done()

    def show(self, progress: Progress) -> None:
        if not self.is_done:
            self._progress = progress
            self._announce()

    def resolve(self, pictures: Pictures) -> None:
        if not self.is_done:
            self._result.set_result(pictures)
            self._announce()

    def fail(self, error: GenerationError) -> None:
        if not self.is_done:
            self._result.set_exception(error)
            self._announce()

    def _announce(self) -> None:
        # A new event each time: several watchers may wait, and none can clear another's news.
        old, self._changed = self._changed, asyncio.Event()
        old.set()

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """Yields the newest progress whenever it changed; ends when the job is done, failed or cancelled."""
        while not self.is_done:
            changed = self._changed
            yield self.progress
            if self.is_done:
                return
            await changed.wait()

    async def wait_for_start(self) -> None:
        """Returns when the worker has begun, or when the job is over without having begun."""
        async for progress in self:
            if isinstance(progress, Running):
                return

    async def wait_for_pictures(self) -> Pictures:
        """Raises GenerationFailed or JobCancelled."""
        return await asyncio.shield(self._result)
