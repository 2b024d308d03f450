"""Models that the loop can't split into steps. diffusers' own pipeline draws each picture, as a coroutine that pauses after each
step: in the pipeline's callback, or behind its scheduler where it has none.

So these pictures also wait for their turn between two steps, can be cancelled there, and report progress. They share no step, and
a model finishes each before it starts another (`Slot.is_alone`): pipelines store the state of a run in themselves, and some in
their modules.
"""

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import torch
from greenlet import getcurrent, greenlet
from PIL import Image
from torch import Tensor

from generation.abilities import GuidanceKind
from generation.files.images import fitted, open_picture
from generation.prompt import Reading
from generation.request import BatchKey, Drawing, ModelEntry, Role
from generation.worker.denoise.batch_state import BatchStates
from generation.worker.denoise.inpaint import Mask
from generation.worker.denoise.slots import Row, Slot
from generation.worker.denoise.step_table import StepTable
from generation.worker.models.abilities import of_pipe
from generation.worker.models.clip_skip import layers_skipped
from generation.worker.models.loras import Adapters
from generation.worker.models.model import (
    Model,
    UnusableRequest,
    demand_control,
    demand_references,
    schedulers_of,
)
from generation.worker.models.offload import PipelineOffload
from generation.worker.models.prompt_reading import reading_of
from generation.worker.output.decode import reference_picture, to_tensor

BLANK = " "
"""A negative prompt that says nothing. Guidance by `true_cfg_scale` acts only beside a negative prompt."""


REFERENCE_MULTIPLE = 16
"""Pixels. Pipelines cut the rest off themselves; they do it after other changes of size."""


class _Run(greenlet):
    pauses_at_scheduler = False


@dataclass(slots=True, eq=False, kw_only=True)
class PipelineSlot(Slot):
    """A picture drawn by a pipeline. `run` is paused in `draw` after a step. When it is dropped with the slot, it raises
    GreenletExit there, and the pipeline ends.
    """

    draw: Callable[[], Image.Image]
    run: _Run | None = None
    picture: Image.Image | None = None  # set when it is finished


class PipelineModel(Model):
    """A model that draws with a whole diffusers pipeline."""

    def __init__(self, entry: ModelEntry, pipe: Any, device: torch.device, dtype: torch.dtype) -> None:
        self.entry = entry
        self.pipe = pipe
        self.device = device
        self.dtype = dtype
        self.adapters = Adapters(entry, pipe)
        self._schedulers = (
            {"": pipe.scheduler, **schedulers_of(entry, pipe.scheduler)} if hasattr(pipe, "scheduler") else {}
        )
        self.cuda_graphs = None
        self.nets = None
        self.batch_states, self._kept = BatchStates(device), []
        self.offload = PipelineOffload(pipe, device)
        has_scheduler = _pause_behind_schedulers([*pipe.components.values(), *self._schedulers.values()])
        abilities = of_pipe(pipe)
        self.abilities = replace(abilities, tells_steps=has_scheduler or _has_callback(pipe))
        self._siblings: dict[str, Any] = {type(pipe).__name__: pipe}
        pipe.set_progress_bar_config(disable=True)

    def seat(self, drawing: Drawing[bytes], index: int) -> Slot:
        pipe = self._pipe_for(drawing)
        asked = self._asked(pipe, drawing, index)
        self.adapters.load(drawing.lora_set)
        size = (drawing.size.height, drawing.size.width)
        key = BatchKey(
            model=self.entry.name,
            latent_shape=size,
            text_shape=(),
            dtype=str(self.dtype),
            loras=drawing.lora_set,
        )
        steps = max(1, round(drawing.steps * asked.get("strength", 1.0))) if self.abilities.tells_steps else 1
        slot = PipelineSlot(
            key=key,
            table=_table(steps),
            rows=(Row(weight=1.0, text=torch.empty(0)),),
            generator=asked["generator"],
            sample=torch.empty(0),
            is_alone=True,
            draw=_drawing(pipe, asked, self._scheduler(drawing.scheduler)),
        )
        slot.mask = self._mask(drawing)
        self.adapters.wearers.add(slot)
        return slot

    def reading(self, drawing: Drawing[bytes]) -> Reading:
        has_negative = self.abilities.takes_negative
        return reading_of(self.pipe, None, drawing.prompt, has_negative=has_negative, has_parts=False)

    def advance(self, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        (slot,) = slots
        assert isinstance(slot, PipelineSlot)
        self.adapters.wear(slot.key.loras)
        slot.run = slot.run or _Run(slot.draw)
        try:
            slot.picture = slot.run.switch()
        except Exception:
            slot.step, slot.run = 0, None  # the next try starts from the beginning
            raise
        last = len(slot.table)
        # Schedulers of a higher order call back more often than the requested number of steps.
        slot.step = last if slot.picture else min(slot.step + 1, last - 1)

    def develop(self, slots: Sequence[Slot]) -> list[Tensor]:
        drawn = [(slot.mask, slot.picture) for slot in slots if isinstance(slot, PipelineSlot)]
        pairs = [(mask, to_tensor(picture)) for mask, picture in drawn if picture is not None]
        return [picture if mask is None else mask.paste(picture) for mask, picture in pairs]

    def _mask(self, drawing: Drawing[bytes]) -> Mask | None:
        start, mask = drawing.picture(Role.START), drawing.picture(Role.MASK)
        if start is None or mask is None:
            return None
        size = drawing.size
        return Mask.read(start.source, mask.source, size, (1, size.height, size.width), self.device)

    def _pipe_for(self, drawing: Drawing[bytes]) -> Any:
        """Returns the model's own pipeline, or the sibling that shares its modules. Raises UnusableRequest."""
        name, can = self.entry.name, self.abilities
        if (picture := drawing.picture(Role.CONTROL)) and picture.control:
            demand_control(name, can, picture.control)
        if drawing.picture(Role.STYLE):
            raise UnusableRequest("style", f"{name} takes no style pictures.")
        if drawing.references:
            demand_references(name, can, len(drawing.references))
            return self.pipe
        if drawing.picture(Role.MASK):
            kind, by, reason = "mask", can.masks_by, f"{name} knows no masks."
        elif drawing.picture(Role.START):
            kind, by, reason = "start", can.starts_by, f"{name} cannot start from a picture."
        else:
            kind, by = "text", can.draws_text and type(self.pipe).__name__
            reason = f"{name} draws no picture from a prompt alone. {can.advice}"
        if can.masks and not (can.starts or can.draws_text) and kind != "mask":
            kind, reason = "mask", f"{name} only fills in: give it a picture and a mask."
        if not by:
            raise UnusableRequest(kind, reason)
        if by not in self._siblings:
            self._siblings[by] = sibling(self.pipe, getattr(diffusers, by))
        return self._siblings[by]

    def _asked(self, pipe: Any, drawing: Drawing[bytes], index: int) -> dict[str, Any]:
        """Returns the pipeline's arguments for the drawing. Raises generation.files.images.PictureError."""
        start, mask = drawing.picture(Role.START), drawing.picture(Role.MASK)
        asked: dict[str, Any] = {
            "prompt": drawing.prompt.unweighted,
            "num_inference_steps": drawing.steps,
            "height": drawing.size.height,
            "width": drawing.size.width,
            "max_area": drawing.size.width
            * drawing.size.height,  # Kontext enlarges every size to a million pixels
            "output_type": "pil",
        }
        guidance = self.abilities.guidance
        if self.abilities.takes_negative:
            is_blank_needed = guidance.argument == "true_cfg_scale" and drawing.guidance > guidance.off
            asked["negative_prompt"] = drawing.prompt.unweighted_negative or (
                BLANK if is_blank_needed else None
            )
        if guidance.kind is not GuidanceKind.NONE:
            asked[guidance.argument] = drawing.guidance
        if self.entry.rescale:
            asked["guidance_rescale"] = self.entry.rescale
        if (skipped := layers_skipped(self.pipe, self.entry.clip_skip)) is not None:
            asked["clip_skip"] = skipped
        if drawing.references:
            pictures = [reference_picture(each.source, REFERENCE_MULTIPLE) for each in drawing.references]
            # A pipeline for one picture does not take a list.
            asked["image"] = pictures if self.abilities.references > 1 else pictures[0]
        elif start:
            asked |= {"image": fitted(open_picture(start.source), drawing.size), "strength": start.strength}
            if mask:
                asked["mask_image"] = fitted(open_picture(mask.source).convert("L"), drawing.size)
        accepts = _parameters(pipe)
        told = {name: value for name, value in asked.items() if name in accepts}
        return told | {"generator": torch.Generator().manual_seed(drawing.seed + index)}

    def _scheduler(self, name: str) -> Any:
        """Returns the scheduler of that name, or the model's own; None for a pipeline without one. Raises UnusableRequest."""
        if name and name not in self._schedulers:
            raise UnusableRequest("scheduler", f"{self.entry.name} has no scheduler {name} in the settings.")
        return self._schedulers.get(name)


def sibling(pipe: Any, kind: type[Any]) -> Any:
    """Returns a pipeline of another class with the same modules.

    diffusers' `from_pipe` would also convert all of them to one dtype, although T5 and some VAEs need float32.
    """
    modules, options = kind._get_signature_keys(kind)
    own: dict[str, Any] = {name: part for name, part in pipe.components.items() if name in modules}
    own |= {name: value for name, value in dict(pipe.config).items() if name in options}
    made = kind(**own)
    made.set_progress_bar_config(disable=True)
    return made


def _parameters(pipe: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(type(pipe).__call__).parameters


def _has_callback(pipe: Any) -> bool:
    return "callback_on_step_end" in _parameters(pipe)


def _drawing(pipe: Any, asked: dict[str, Any], scheduler: Any) -> Callable[[], Image.Image]:
    generator, has_callback = asked["generator"], _has_callback(pipe)
    seed = generator.initial_seed()
    if has_callback:
        asked = asked | {"callback_on_step_end": _call_back}

    def draw() -> Image.Image:
        _pause_at_scheduler(not has_callback)
        generator.manual_seed(seed)  # it may be a second try
        if scheduler is not None:
            pipe.scheduler = scheduler
        return pipe(**asked).images[0]

    return draw


def _call_back(_: Any, step: int, timestep: Any, told: dict[str, Any]) -> dict[str, Any]:
    _wait()
    return told


def _pause_behind_schedulers(parts: Iterable[Any]) -> bool:
    """Lets a run without a callback pause after each step of a scheduler. Returns whether there is a scheduler."""
    schedulers = {id(part): part for part in parts if hasattr(part, "set_timesteps")}.values()
    for scheduler in schedulers:
        step = type(scheduler).step

        @functools.wraps(step)  # pipelines look at its parameters
        def stepped(self: Any, *args: Any, step: Any = step, **more: Any) -> Any:
            done = step(self, *args, **more)
            if _pauses_at_scheduler():
                _wait()
            return done

        # A method, which a pipeline may copy with its scheduler.
        scheduler.step = types.MethodType(stepped, scheduler)
    return bool(schedulers)


# A run's own frames must not refer to it: such a circle would keep a dropped run from ending at once.


def _pause_at_scheduler(is_on: bool) -> None:
    run = getcurrent()
    assert isinstance(run, _Run)
    run.pauses_at_scheduler = is_on


def _pauses_at_scheduler() -> bool:
    run = getcurrent()
    return isinstance(run, _Run) and run.pauses_at_scheduler


def _wait() -> None:
    """Switches to the loop, until its next `advance`."""
    loop = getcurrent().parent
    assert loop is not None
    with torch.enable_grad():  # pipelines switch gradients off, and torch stores that by thread
        loop.switch()


def _table(steps: int) -> StepTable:
    """Returns an empty table; only its length is used."""
    nothing = torch.zeros(steps, 0)
    return StepTable(told=nothing, weights=nothing, draws=(False,) * steps, start_noise=1.0, start_init=0.0)
