"""Encodes pictures on separate threads, so that the device waits neither for a PNG nor for a preview."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Protocol

from PIL import Image

from generation.files.images import to_png
from generation.protocol import Event, Failed, Finished, Previewed, TooLarge
from generation.request import JobId
from generation.worker.output.decode import NotFinite
from generation.worker.output.preview import JobPreview

log = logging.getLogger(__name__)


_LARGE = 4096 * 4096
"""Pixels. Above it a picture is packed, so that it fits into a frame."""


class Finishing(Protocol):
    """What a picture is made of when its copy from the device is complete."""

    def picture(self) -> Image.Image:
        """Waits for it. Raises NotFinite."""
        ...


class ImageEncoder:
    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
        # A second thread, because encoding a few large PNGs would delay previews too much.
        self._preview_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="previews")
        self._previewing: set[JobId] = set()

    def encode(
        self, job: JobId, pictures: Sequence[Finishing], texts: Sequence[str], device_seconds: float
    ) -> None:
        """Encodes the pictures in the background, then sends Finished. `texts` are written into the PNGs."""
        context = copy_context()  # for the log lines
        self._thread.submit(context.run, self._encode, job, pictures, texts, device_seconds)

    def encode_preview(self, job: JobId, preview: JobPreview) -> None:
        """Encodes in the background, then sends Previewed. Does nothing if the job's last preview is still being encoded."""
        if job not in self._previewing:
            self._previewing.add(job)
            self._preview_thread.submit(self._encode_preview, job, preview)

    def close(self) -> None:
        """Waits for all running encodings."""
        self._preview_thread.shutdown()
        self._thread.shutdown()

    def _encode_preview(self, job: JobId, preview: JobPreview) -> None:
        try:
            self._tell(Previewed(job=job, picture=preview.develop()))
        except NotFinite:
            log.info("a preview has no numbers that are colours")
        except Exception:  # the boundary of this thread; a preview is not worth failing the job
            log.exception("a preview failed")
        finally:
            self._previewing.discard(job)

    def _encode(
        self, job: JobId, arriving: Sequence[Finishing], texts: Sequence[str], device_seconds: float
    ) -> None:
        try:
            pictures = tuple(_encoded(one.picture(), text) for one, text in zip(arriving, texts, strict=True))
            self._tell(Finished(job=job, pictures=pictures, device_seconds=round(device_seconds, 3)))
        except TooLarge as refusal:
            reason = f"a picture of {refusal.size} bytes can't be sent to the bot"
            self._tell(Failed(job=job, kind="size", reason=reason))
        except NotFinite:
            self._tell(Failed(job=job, kind="numbers", reason="the model made numbers that are no colours"))
        except Exception as bug:  # the boundary of this thread
            log.exception("encoding failed")
            self._tell(Failed(job=job, kind="bug", reason=f"{type(bug).__name__}: {bug}"))


def _encoded(picture: Image.Image, text: str) -> bytes:
    # The reader marks the picture and encodes it again, so packing it here would be work for nothing.
    return to_png(picture, text, is_packed=picture.width * picture.height > _LARGE)
