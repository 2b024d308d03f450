"""Draws orders together and measures the difference of each to diffusers' own pipeline."""

import random
from collections.abc import Sequence
from typing import Any

import diffusers

from generation.request import GenerationRequest
from generation.worker.denoise.slots import Slot
from generation.worker.models.loading import Model
from tests.generation.worker import reference

SCHEDULERS: dict[str, dict[str, Any]] = {
    "DDIMScheduler": {},
    "EulerDiscreteScheduler": {},
    "EulerAncestralDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {},
    "DPMSolverMultistepScheduler karras": {"use_karras_sigmas": True},
    "DPMSolverMultistepScheduler sde": {"algorithm_type": "sde-dpmsolver++"},
    "LCMScheduler": {},
    "TCDScheduler": {},
    "HeunDiscreteScheduler": {},
    "PNDMScheduler": {"skip_prk_steps": True},
    "UniPCMultistepScheduler": {},
    "UniPCMultistepScheduler karras": {"use_karras_sigmas": True, "solver_order": 3},
    "SASolverScheduler": {},
}


def with_schedulers(base: Model, schedulers: dict[str, dict[str, Any]]) -> list[Model]:
    """Returns models that share their modules but have different schedulers."""
    models: list[Model] = []
    for name, config in schedulers.items():
        scheduler = getattr(diffusers, name.split()[0]).from_config(base.pipe.scheduler.config, **config)
        pipe = type(base.pipe)(**{**base.pipe.components, "scheduler": scheduler})
        pipe.set_progress_bar_config(disable=True)
        one = Model(base.entry, pipe, base.device, base.dtype)
        one.batch_states = base.batch_states
        models.append(one)
    return models


def draw_in_company(orders: Sequence[tuple[Model, GenerationRequest]], seed: int) -> list[Slot]:
    """Draws all orders in one batch. Orders join and pause at random, as under preemption."""
    chance = random.Random(seed)
    waiting = list(enumerate(orders))
    seated: dict[int, Slot] = {}
    while waiting or any(not slot.is_finished for slot in seated.values()):
        while waiting and chance.random() < 0.5:
            i, (one, request) = waiting.pop(0)
            seated[i] = one.seat(request.drawing, 0)
        live = [slot for slot in seated.values() if not slot.is_finished]
        if live:
            orders[0][0].advance(chance.sample(live, chance.randint(1, len(live))))
    return [seated[i] for i in range(len(orders))]


def relative_difference(slot: Slot, one: Model, request: GenerationRequest) -> float:
    expected = reference.latents(one.pipe, request.drawing, 0)
    return float((slot.latents - expected).abs().max() / expected.abs().max())
