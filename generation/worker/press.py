"""Finished pictures -> bytes, on a thread of its own: no torch in it, and the device need not wait for a PNG."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from PIL import Image

from generation.images import encode_grid, grid_of, to_png
from generation.messages import Event, Failed, Finished
from generation.request import JobId

log = logging.getLogger(__name__)


class Press:
    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="press")

    def print(
        self, job: JobId, pictures: Sequence[Image.Image], texts: Sequence[str], device_seconds: float
    ) -> None:
        """Tells Finished, soon. `texts` go into the PNGs."""
        context = copy_context()  # of the log lines
        self._thread.submit(context.run, self._print, job, pictures, texts, device_seconds)

    def close(self) -> None:
        """Waits for what is being printed."""
        self._thread.shutdown()

    def _print(
        self, job: JobId, pictures: Sequence[Image.Image], texts: Sequence[str], device_seconds: float
    ) -> None:
        try:
            encoded = tuple(to_png(picture, text) for picture, text in zip(pictures, texts, strict=True))
            grid, grid_format = encode_grid(grid_of(pictures))
        except Exception as bug:  # the boundary of this thread
            log.exception("printing failed")
            self._tell(Failed(job=job, kind="bug", reason=f"{type(bug).__name__}: {bug}"))
            return
        self._tell(
            Finished(
                job=job,
                pictures=encoded,
                grid=grid,
                grid_format=grid_format,
                device_seconds=round(device_seconds, 3),
            )
        )
