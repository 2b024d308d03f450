"""A process that is asked about one picture after the other. If it died, the next picture starts another.

A request is four bytes of length (big-endian) and a picture as PPM. A reply is one line. The process first writes "ready", or the
reason why it can't start.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import IO

from PIL import Image

from moderation.pictures.check import DetectorBroken

_READY = "ready"
_PATIENCE = 5.0
"""Seconds that the process may take to end: it finishes its picture first."""


class AskedProcess:
    """Safe to use from several threads: they wait for each other. The process ends with this object, and with the bot."""

    def __init__(self, name: str, command: Sequence[str], advice: str) -> None:
        """Starts the process. `name`: of the detector. Raises DetectorBroken with the advice."""
        self._name = name
        self._command = command
        self._advice = advice
        self._asking = threading.Lock()
        self.process = self._start()

    def ask(self, picture: Image.Image) -> str:
        """Returns the reply. Raises DetectorBroken."""
        out = io.BytesIO()
        picture.convert("RGB").save(out, "PPM")
        question = out.getvalue()
        with self._asking:
            if self.process.poll() is not None:
                self.close()
                self.process = self._start()
            into, out_of = _pipes(self.process)
            try:
                into.write(len(question).to_bytes(4, "big") + question)
                into.flush()
                reply = out_of.readline()
            except OSError as broken:
                raise self._died() from broken
            if not reply.endswith(b"\n"):
                raise self._died()
            return reply[:-1].decode("utf-8")

    def close(self) -> None:
        """Ends the process."""
        self._end()

    def _died(self) -> DetectorBroken:
        self.process.kill()
        return DetectorBroken(self._name, "its process died", self._advice)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        _, out_of = _pipes(process)
        said = out_of.readline().decode("utf-8", "replace").strip()
        if said != _READY:
            _end(process)
            raise DetectorBroken(self._name, said or "its process died", self._advice)
        self._end = weakref.finalize(self, _end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    into, out_of = _pipes(process)
    with contextlib.suppress(OSError):  # the process may have died before it read the whole request
        into.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    out_of.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def answer_questions(load: Callable[[], Callable[[Image.Image], str]]) -> None:
    """The other side: answers until the bot closes the pipe. `load`: returns what gives the reply, on one line, to a picture."""
    # What libraries print would be read as replies.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # At a stop, both processes get the signal. The bot still asks about pictures that it finishes.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    questions = sys.stdin.buffer
    try:
        reply = load()
    except Exception as broken:  # libraries may raise anything for a missing or broken file
        _say(answers, " ".join(f"{type(broken).__name__}: {broken}".split())[:200])
        return
    _say(answers, _READY)
    while length := questions.read(4):
        with Image.open(io.BytesIO(questions.read(int.from_bytes(length, "big")))) as picture:
            _say(answers, reply(picture.convert("RGB")))


def _say(answers: IO[bytes], line: str) -> None:
    answers.write(line.encode() + b"\n")
    answers.flush()
