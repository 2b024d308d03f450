"""A ticket: the caller's view of a waiting or running job. Used on the bot's event loop; no torch."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from generation.prompt import Reading
from generation.request import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """The files of a model that a worker fetches."""

    done: int  # bytes
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    place: int  # position in the queue; 1 is next
    seconds: float | None  # estimated, until the pictures are ready; None before the first measurement
    download: Download | None = None  # of the job's model; then the job has no place yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    done: int  # picture-steps
    total: int
    preview: bytes | None  # the newest preview, JPEG
    seconds: float | None = None  # as in Waiting


Progress = Waiting | Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of a finished job."""

    job: JobId
    pictures: tuple[bytes, ...]  # PNG
    device_seconds: float


@dataclass(eq=False)
class GenerationError(Exception):
    """Base of the errors that waiting for a ticket's pictures may raise."""

    job: JobId


@dataclass(eq=False)
class GenerationFailed(GenerationError):
    """The worker could not make the pictures, even after retries. `kind` as in protocol.Failed, "crash" or "too-large"."""

    kind: str
    reason: str


@dataclass(eq=False)
class JobCancelled(GenerationError):
    """The job was cancelled by the member or by a moderator."""


@dataclass(eq=False)
class JobParked(GenerationError):
    """The bot stops before the job is done. The job is kept, and the next start continues it."""


@dataclass(eq=False)
class QueueClosed(Exception):
    """The bot stops, and takes no new jobs."""


@dataclass(eq=False)
class LineFull(Exception):
    """The queue holds as many jobs as the settings allow."""

    waiting: int
    seconds: float | None


class Ticket:
    """A job's progress and its result. Progress is a state, not a log: a slow reader sees only the newest."""

    def __init__(self, job: JobId, renew: Callable[[], None] = lambda: None) -> None:
        """`renew`: called before the progress is read, to update it."""
        self.job = job
        self.reading: Reading | None = None  # of its prompt; None until the job starts
        self._renew = renew
        self._progress: Progress = Waiting(place=1, seconds=None)
        self._changed = asyncio.Event()
        self._result: asyncio.Future[Pictures] = asyncio.get_running_loop().create_future()
        # A failed ticket without a reader must not cause a warning when it is garbage-collected.
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
        # A new event each time: several tasks may wait, and none must clear an event that another still needs.
        old, self._changed = self._changed, asyncio.Event()
        old.set()

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """Yields the newest progress after each change; ends when the job is done, failed or cancelled."""
        while not self.is_done:
            changed = self._changed
            yield self.progress
            if self.is_done:
                return
            await changed.wait()

    async def wait_for_start(self) -> None:
        """Returns when the worker has started the job, or when the job is over without a start."""
        async for progress in self:
            if isinstance(progress, Running):
                return

    async def wait_for_pictures(self) -> Pictures:
        """Returns the finished pictures. Raises GenerationFailed, JobCancelled or JobParked."""
        return await asyncio.shield(self._result)
