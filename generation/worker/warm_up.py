"""Runs a model's first steps before any job waits for them: this selects kernels and measures the memory that rows take."""

import logging

from generation.request import Drawing, GenerationRequest, JobId, MemberId, ModelEntry, Prompt
from generation.worker.job import Job, seats_of
from generation.worker.memory import MEASUREMENTS, is_device_lost, is_out_of_memory
from generation.worker.models.loading import Model, UnusableRequest
from generation.worker.models.pipeline_model import PipelineModel
from generation.worker.oom_recovery import OomRecovery

log = logging.getLogger(__name__)

PICTURES = (1, 4)
"""Numbers of pictures at once. The straight line through the two measurements predicts how many fit."""


def warm_up(model: Model, oom_recovery: OomRecovery) -> None:
    """Runs steps and decodes at the model's own size. A size that does not fit is skipped; jobs will find their own limit."""
    if isinstance(model, PipelineModel):
        return  # it draws one picture at a time, and would draw it to the end
    for count in PICTURES:
        try:
            _warm_up(model, oom_recovery, count)
        except UnusableRequest as unusable:
            log.warning("%s was not warmed up: %s", model.entry.name, unusable)
            return
        except Exception as error:
            if is_device_lost(error):
                raise
            if is_out_of_memory(error):
                log.warning("%s has no memory for %d pictures at once: %s", model.entry.name, count, error)
                oom_recovery.free_memory()
            else:
                log.exception("warming %s up failed; orders will say why", model.entry.name)
            return


def _warm_up(model: Model, oom_recovery: OomRecovery, count: int) -> None:
    entry = model.entry
    drawing = trial(entry, count, steps=max(MEASUREMENTS, min(entry.steps, 4)), guidance=entry.guidance)
    request = GenerationRequest(job=JobId("warm-up"), member=MemberId(0), drawing=drawing)
    job = Job(request=request, model=model)
    for index in range(count):
        job.slots[index] = model.seat(drawing, index)
    seats = seats_of([job])
    slots = [seat.slot for seat in seats]
    while not slots[0].is_finished:
        with oom_recovery.measured("step", seats):
            model.advance(slots, sizes=oom_recovery.sizes(model))
    for _ in range(MEASUREMENTS):
        with oom_recovery.measured("decode", seats):
            model.develop(slots)


def trial(entry: ModelEntry, images: int, *, steps: int, guidance: float) -> Drawing[bytes]:
    """Returns a drawing of the size that the model was trained on."""
    return Drawing(
        model=entry.name,
        prompt=Prompt(text="a red apple on a blue background"),
        size=entry.size_for((1, 1)),
        steps=steps,
        guidance=guidance,
        seed=1,
        images=images,
    )
