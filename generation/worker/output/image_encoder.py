"""Pictures -> bytes, on threads of its own: the device waits neither for a PNG nor for a preview."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from generation.files.images import to_png
from generation.protocol import Event, Failed, Finished, Previewed
from generation.request import JobId
from generation.worker.output.decode import Arriving
from generation.worker.output.preview import JobPreview

log = logging.getLogger(__name__)


class ImageEncoder:
    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="press")
        # Another one, since a few large PNGs take longer than a preview is fresh.
        self._sketcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sketches")
        self._sketching: set[JobId] = set()

    def print(
        self, job: JobId, pictures: Sequence[Arriving], texts: Sequence[str], device_seconds: float
    ) -> None:
        """Tells Finished, soon. `texts` go into the PNGs."""
        context = copy_context()  # of the log lines
        self._thread.submit(context.run, self._print, job, pictures, texts, device_seconds)

    def sketch(self, job: JobId, sketch: JobPreview) -> None:
        """Tells Previewed, soon; or nothing, where the job's last preview is not out yet."""
        if job not in self._sketching:
            self._sketching.add(job)
            self._sketcher.submit(self._sketch, job, sketch)

    def close(self) -> None:
        """Waits for what is being printed."""
        self._sketcher.shutdown()
        self._thread.shutdown()

    def _sketch(self, job: JobId, sketch: JobPreview) -> None:
        try:
            self._tell(Previewed(job=job, picture=sketch.develop()))
        except Exception:  # the boundary of this thread; a preview is not worth the job
            log.exception("a preview failed")
        finally:
            self._sketching.discard(job)

    def _print(
        self, job: JobId, arriving: Sequence[Arriving], texts: Sequence[str], device_seconds: float
    ) -> None:
        try:
            pictures = tuple(to_png(one.picture(), text) for one, text in zip(arriving, texts, strict=True))
        except Exception as bug:  # the boundary of this thread
            log.exception("printing failed")
            self._tell(Failed(job=job, kind="bug", reason=f"{type(bug).__name__}: {bug}"))
            return
        self._tell(Finished(job=job, pictures=pictures, device_seconds=round(device_seconds, 3)))
