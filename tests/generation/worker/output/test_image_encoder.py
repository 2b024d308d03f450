"""An order is always answered, also if its pictures can't be encoded or sent."""

import pytest
import torch

from generation import protocol
from generation.protocol import Event, Failed, Finished, frames
from generation.request import JobId
from generation.worker.output.decode import Arriving
from generation.worker.output.image_encoder import ImageEncoder


def encoded(tell: "list[Event]", fail: Exception | None = None) -> None:
    """Encodes one picture; `fail` is raised for its Finished."""

    def telling(event: Event) -> None:
        if isinstance(event, Finished) and fail is not None:
            raise fail
        frames(event)
        tell.append(event)

    encoder = ImageEncoder(telling)
    encoder.encode(JobId("a"), [Arriving(torch.randint(256, (64, 64, 3), dtype=torch.uint8))], ["a fox"], 1.0)
    encoder.close()


def test_a_result_that_cannot_be_told_fails_its_job() -> None:
    told: list[Event] = []
    encoded(told, fail=OSError("the pipe is full"))
    assert [(event.kind, event.job) for event in told if isinstance(event, Failed)] == [("bug", "a")]


def test_a_picture_that_exceeds_a_frame_fails_its_job_and_not_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Event] = []
    monkeypatch.setattr(protocol, "MAX_FRAME", 1000)
    encoded(told)
    (failed,) = told
    assert isinstance(failed, Failed)
    assert failed.kind == "size", "not worth a second try"
