"""The real worker process, used through its pipes like the bot does."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from generation.protocol import (
    Cancel,
    Cancelled,
    Configure,
    Event,
    Failed,
    Finished,
    Generate,
    Message,
    ModelAbilities,
    ModelBroken,
    Picture,
    Ping,
    Pong,
    Previewed,
    Ready,
    Stepped,
    Stop,
    Vitals,
    decode_event,
    frame,
)
from generation.request import JobId, ModelName
from generation.worker.process import BROKEN_STREAM
from tests.generation.worker.requests import entry, order
from tests.tiny_models import cut

E = TypeVar("E", bound=Event)


class Worker:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "generation.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[3],
        )
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def say(self, *orders: Message) -> None:
        self.stdin.write(b"".join(frame(one) for one in orders))
        self.stdin.flush()

    def hear(self) -> Event:
        """Returns the next event except Vitals, which arrive on a timer."""
        length = int.from_bytes(self.stdout.read(4), "big")
        assert length, "the worker hung up"
        event = decode_event(self.stdout.read(length))
        return self.hear() if isinstance(event, Vitals) else event

    def hear_until(self, kind: type[E]) -> tuple[list[Event], E]:
        before: list[Event] = []
        while not isinstance(event := self.hear(), kind):
            assert not isinstance(event, Failed), event
            before.append(event)
        return before, event


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker()
    yield started
    started.stdin.close()
    started.stdout.close()
    started.process.kill()
    started.process.wait()


def test_a_worker_lives_from_configure_to_the_end_of_stdin(worker: Worker, sd_folder: Path) -> None:
    tiny = entry(sd_folder)
    worker.say(Ping(number=1), Configure(models=(tiny,), default=tiny.name, preview_seconds=0.0))
    assert worker.hear() == Pong(number=1)  # answered before torch is loaded
    told, _ = worker.hear_until(Ready)
    assert [type(each) for each in told] == [ModelAbilities] * 2  # by its files, and by the loaded model

    worker.process.send_signal(signal.SIGINT)  # Ctrl-C reaches the whole process group; only the bot reacts
    worker.say(Generate(request=order("a", images=2)))
    told, finished = worker.hear_until(Finished)
    assert sum(isinstance(e, Stepped) for e in told) == 4
    assert 1 <= sum(isinstance(e, Previewed) for e in told) <= 3
    assert sum(isinstance(e, Picture) for e in told) == 2
    assert finished.pictures == (), "each has a frame of its own"

    worker.say(Generate(request=order("long", steps=500)))
    worker.hear_until(Stepped)
    worker.say(Ping(number=2), Cancel(job=JobId("long")))
    told, cancelled = worker.hear_until(Cancelled)
    assert cancelled.job == "long"
    assert Pong(number=2) in told

    worker.say(Generate(request=order("longer", steps=500)))
    worker.hear_until(Stepped)
    worker.stdin.close()  # the bot died in the middle of a step
    assert worker.process.wait(timeout=10) == 0


def test_a_worker_with_a_broken_model_says_so_and_goes_on(
    worker: Worker, sd_folder: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(sd_folder, tmp_path / "broken")
    cut(broken / "unet" / "diffusion_pytorch_model.safetensors", 5000)
    models = (entry(broken), entry(sd_folder, "whole"))
    worker.say(Configure(models=models, default=ModelName("tiny")), Generate(request=order("a")))
    _, said = worker.hear_until(ModelBroken)
    assert said.model == "tiny"
    assert "unet/diffusion_pytorch_model.safetensors is cut off" in said.reason
    assert "Download the model again" in said.reason
    assert worker.hear() == Failed(job=JobId("a"), kind="model", reason=said.reason)

    worker.say(Generate(request=order("b", model=ModelName("whole"), steps=1)))
    worker.hear_until(Finished)
    worker.say(Stop())
    assert worker.process.wait(timeout=10) == 0


def test_what_is_no_order_ends_the_worker(worker: Worker) -> None:
    worker.stdin.write(b"\0\0\0\2hi")
    worker.stdin.flush()
    assert worker.process.wait(timeout=60) == BROKEN_STREAM
