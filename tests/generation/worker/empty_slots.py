"""Jobs whose slots hold no pictures, for tests of scheduling without computation."""

from collections.abc import Callable, Iterable, Sequence

import torch

from generation.request import BatchKey, MemberId, ModelName
from generation.worker.batch_scheduler import BatchScheduler
from generation.worker.denoise.slots import Row, Slot
from generation.worker.denoise.step_table import StepTable
from generation.worker.job import Job, Seat, seats_of
from tests.generation.worker.requests import order

FIXED, A_ROW = 0.02, 0.005
"""Seconds of a step, and of each row in it: the cost curve bends at 16 rows."""


def job(
    name: str,
    member: int = 1,
    *,
    steps: int = 4,
    images: int = 1,
    rows: int = 2,
    side: int = 8,
    is_alone: bool = False,
) -> Job:
    key = BatchKey(
        model=ModelName("tiny"), latent_shape=(4, side, side), text_shape=(77, 32), dtype="float32"
    )
    table = StepTable(
        told=torch.zeros(steps, 4),
        weights=torch.zeros(steps, 3),
        draws=(False,) * steps,
        start_noise=1.0,
        start_init=0.0,
    )
    made = Job(request=order(name, member=MemberId(member), steps=steps, images=images), total=steps)
    row = Row(weight=1.0, text=torch.zeros(1))
    for index in range(images):
        made.slots[index] = Slot(
            key=key,
            table=table,
            rows=(row,) * rows,
            generator=torch.Generator(),
            sample=torch.zeros(1),
            is_alone=is_alone,
        )
    return made


def next_batch(
    scheduler: BatchScheduler,
    jobs: Iterable[Job],
    sizes_of: Callable[[Seat], Sequence[int]] = lambda _: (),
) -> list[Seat]:
    """Returns the next step where there are no upscales."""
    work = scheduler.next_work(seats_of(jobs), sizes_of)
    assert isinstance(work, list)
    return work
