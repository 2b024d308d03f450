"""The orders that the CPU benchmarks share: their sizes and their arrival times."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from generation.request import Drawing, GenerationRequest, ImageSize, JobId, MemberId, ModelName, Prompt

MODEL = ModelName("bench")
SIDE = 64
"""Pixels: 8 latents."""

LIGHT = 8
"""An order with at most this many steps is light."""

STEPS = {4: 0.25, 8: 0.1, 20: 0.3, 30: 0.25, 50: 0.1}
IMAGES = {1: 0.25, 2: 0.15, 3: 0.1, 4: 0.5}
SCHEDULERS = (
    "DDIMScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler",
)
GUIDANCE = 7.0
"""One guidance for all orders: diffusers takes one per call, and request-level batching must not lose by that."""

MEMBERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    at: float  # seconds; before `paced`, units of the mean gap
    request: GenerationRequest
    scheduler: str  # name of a diffusers class

    @property
    def is_light(self) -> bool:
        return self.request.drawing.steps <= LIGHT


def poisson(count: int, seed: int) -> list[Arrival]:
    chance = random.Random(seed)
    at = 0.0
    arrivals: list[Arrival] = []
    for number in range(count):
        at += chance.expovariate(1.0)
        arrivals.append(
            Arrival(
                at=at,
                scheduler=chance.choice(SCHEDULERS),
                request=order(
                    f"order-{number}",
                    member=chance.randrange(MEMBERS),
                    steps=_pick(chance, STEPS),
                    images=_pick(chance, IMAGES),
                    seed=1000 * number,
                ),
            )
        )
    return arrivals


def paced(arrivals: Sequence[Arrival], mean_gap: float) -> list[Arrival]:
    return [replace(arrival, at=arrival.at * mean_gap) for arrival in arrivals]


def order(job: str, *, member: int, steps: int, images: int, seed: int) -> GenerationRequest:
    drawing: Drawing[bytes] = Drawing(
        model=MODEL,
        prompt=Prompt(text=f"a red fox, {job}", negative="blurry"),
        size=ImageSize(width=SIDE, height=SIDE),
        steps=steps,
        guidance=GUIDANCE,
        seed=seed,
        images=images,
    )
    return GenerationRequest(job=JobId(job), member=MemberId(member), drawing=drawing)


def _pick(chance: random.Random, shares: dict[int, float]) -> int:
    return chance.choices(list(shares), weights=list(shares.values()))[0]
