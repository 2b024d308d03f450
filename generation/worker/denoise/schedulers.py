"""One common interface to diffusers' scheduler classes. Knows no model and no table."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import diffusers
import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from generation.scheduler_names import SCHEDULERS


class Scheduler(Protocol):
    """The parts of diffusers' scheduler classes that are used here."""

    timesteps: Tensor
    sigmas: Tensor  # not of all classes
    order: int

    @property
    def config(self) -> Any: ...
    def set_timesteps(self, num_inference_steps: int, device: Any = None, **more: Any) -> None: ...
    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **more: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How the schedulers of a model family space their steps."""

    mu: float | None = None  # shift of a dynamic schedule towards noise
    is_even: bool = False  # sigmas go evenly from 1 to 1 / steps before they are shifted
    rounds_up: bool = False  # image-to-image does one more step if strength * steps is not a whole number


PLAIN = Timing()


def prepared(scheduler: Scheduler, steps: int, skipped: int = 0, timing: Timing = PLAIN) -> Scheduler:
    """Returns a copy of the scheduler, ready for its first step."""
    fresh = copy.deepcopy(scheduler)
    more: dict[str, Any] = {} if timing.mu is None else {"mu": timing.mu}
    if timing.is_even:
        more["sigmas"] = np.linspace(1.0, 1 / steps, steps)
    fresh.set_timesteps(steps, **more)
    begin_at(fresh, skipped * fresh.order)
    return fresh


def begin_at(scheduler: Any, index: int) -> None:
    """Sets the index of the first step. DDIM and DDPM have no such method, because they find it by the timestep."""
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(index)


def named(name: str, own: Scheduler) -> Scheduler | None:
    """Returns the scheduler of this name for a model whose own is `own`. None: it does not suit the model."""
    meant, config = SCHEDULERS[name], own.config
    changes = dict(meant.config)
    class_name = meant.class_name
    if is_flow(own) or config.get("prediction_type") == "flow_prediction":
        class_name = meant.flow_class
        is_shifted = config.get("use_dynamic_shifting")
        if not class_name or (is_shifted and class_name == "FlowMatchHeunDiscreteScheduler"):
            return None
        shift = config.get("shift", config.get("flow_shift", 1.0))
        changes |= {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
        changes |= {"flow_shift": shift, "shift": shift}
    elif meant.spacing and config.get("timestep_spacing") != "trailing":
        changes["timestep_spacing"] = meant.spacing
    made: Any = getattr(diffusers, class_name)
    changes |= {"final_sigmas_type": "zero", "use_beta_sigmas": False, "use_exponential_sigmas": False}
    known = inspect.signature(made.__init__).parameters
    return made.from_config(config, **{key: value for key, value in changes.items() if key in known})


def suited(timing: Timing, scheduler: Any) -> Timing:
    """Returns the part of the model's timing that the scheduler takes: it may be another than the model's own."""
    taken, config = inspect.signature(scheduler.set_timesteps).parameters, scheduler.config
    is_shifted = "mu" in taken and config.get("use_dynamic_shifting")
    is_even = timing.is_even and "sigmas" in taken and not config.get("use_flow_sigmas")
    return replace(timing, mu=timing.mu if is_shifted else None, is_even=is_even)


# Flow-matching schedulers do not scale the sample, and use another name for mixing a picture with noise.


def is_flow(scheduler: Any) -> bool:
    """Returns whether it moves from noise to the picture on a straight line: x = (1 - sigma) * x0 + sigma * noise."""
    return hasattr(scheduler, "scale_noise")


def scaled(scheduler: Any, sample: Tensor, timestep: Tensor) -> Tensor:
    """Returns the sample as the model expects it. Must be called every step: some schedulers check that, and warn otherwise."""
    return sample if is_flow(scheduler) else scheduler.scale_model_input(sample, timestep)


def first_scale(scheduler: Any) -> float:
    return 1.0 if is_flow(scheduler) else float(scheduler.init_noise_sigma)


def mixed(scheduler: Any, picture: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """Returns the picture mixed with the noise that it has at `timestep` (1,)."""
    if is_flow(scheduler):
        return scheduler.scale_noise(picture, timestep, noise)
    return scheduler.add_noise(picture, noise, timestep)


class NoiseInstead(TorchFunctionMode):
    """A block in which `torch.randn` returns `draw(shape)`. Schedulers accept noise in no other way."""

    def __init__(self, draw: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.draw = draw
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.randn:
            self.count += 1
            return self.draw(args[0])
        return func(*args, **(kwargs or {}))


def step(scheduler: Scheduler, output: Tensor, timestep: Tensor, sample: Tensor) -> Tensor:
    scaled(scheduler, sample, timestep)
    return scheduler.step(output, timestep, sample, return_dict=False)[0]


def accepts_generator(scheduler: Scheduler) -> bool:
    return "generator" in inspect.signature(scheduler.step).parameters
