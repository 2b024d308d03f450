"""diffusers' StableDiffusionSafetyChecker in a separate process: it needs torch, which the bot's process does not load.

A request is four bytes of length (big-endian) and a picture as PNG. A reply is one line with a number. The process first writes
"ready", or the reason why it can't start.
"""

import contextlib
import io
import subprocess
import sys
import threading
from typing import IO

from PIL import Image

from moderation.pictures.check import DetectorBroken
from moderation.verdict import Category

BLACKS_OUT = 0.85
"""The score of a picture that the checker would only just black out. The standard policy refuses from here on."""

COMMAND = (sys.executable, "-m", "moderation.safety_checker_process")
_ADVICE = (
    "pictures.safety_checker names its weights: the folder of a StableDiffusionSafetyChecker in diffusers' layout, "
    "as in the subfolder safety_checker of a Stable Diffusion 1.5 model"
)


class SafetyChecker:
    """A detector with its own process, which ends when the bot ends. If it died, it is started again for the next picture."""

    name = "safety-checker"

    def __init__(self, source: str) -> None:
        self._source = source
        self._asking = threading.Lock()
        self.process = self._start()

    def score(self, picture: Image.Image) -> dict[Category, float]:
        """Returns the score. From BLACKS_OUT on, the checker itself would black out the picture. Raises DetectorBroken."""
        out = io.BytesIO()
        picture.convert("RGB").save(out, "PNG", compress_level=1)
        question = out.getvalue()
        with self._asking:
            if self.process.poll() is not None:
                self.close()
                self.process = self._start()
            into, out_of = _pipes(self.process)
            try:
                into.write(len(question).to_bytes(4, "big") + question)
                into.flush()
                answer = out_of.readline()
                return {Category.SEXUAL: float(answer)}
            except (OSError, ValueError) as broken:
                self.process.kill()
                raise DetectorBroken(self.name, "its process died", _ADVICE) from broken

    def close(self) -> None:
        """Ends the process."""
        _end(self.process)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*COMMAND, self._source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        _, out_of = _pipes(process)
        said = out_of.readline().decode("utf-8", "replace").strip()
        if said != "ready":
            _end(process)
            raise DetectorBroken(self.name, said or "its process died", _ADVICE)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    into, out_of = _pipes(process)
    with contextlib.suppress(OSError):  # the process may have died before it read the whole request
        into.close()
    process.wait()
    out_of.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def load(source: str) -> SafetyChecker:
    """Loads the detector. `source`: a folder or hub name. Raises DetectorBroken."""
    if not source:
        raise DetectorBroken(SafetyChecker.name, "pictures.safety_checker is empty", _ADVICE)
    return SafetyChecker(source)
