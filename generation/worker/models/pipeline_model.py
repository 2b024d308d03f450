"""Models that the loop can't split into steps. diffusers' own pipeline draws each picture, as a coroutine that pauses after each
step.

So these pictures also wait for their turn between two steps, can be cancelled there, and report progress. They share no step, and
a model finishes each before it starts another (`Slot.is_alone`): pipelines store the state of a run in themselves, and some in
their modules.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from greenlet import getcurrent, greenlet
from PIL import Image
from torch import Tensor

from generation.files.images import fitted, open_picture
from generation.request import BatchKey, Drawing, ModelEntry, Role
from generation.worker.denoise.slots import Row, Slot
from generation.worker.denoise.step_table import StepTable
from generation.worker.models.clip_skip import layers_skipped
from generation.worker.models.loras import Adapters
from generation.worker.models.model import Model, UnusableRequest, schedulers_of
from generation.worker.models.offload import PipelineOffload
from generation.worker.output.decode import to_tensor


@dataclass(slots=True, eq=False, kw_only=True)
class PipelineSlot(Slot):
    """A picture drawn by a pipeline. `run` is paused in `draw` after a step. When it is dropped with the slot, it raises
    GreenletExit there, and the pipeline ends.
    """

    draw: Callable[[], Image.Image]
    run: greenlet | None = None
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
        self.offload = PipelineOffload(pipe, device)
        self._accepts = inspect.signature(pipe.__call__).parameters
        pipe.set_progress_bar_config(disable=True)

    def seat(self, drawing: Drawing[bytes], index: int) -> Slot:
        asked = self._asked(drawing, index)
        self.adapters.load(drawing.lora_set)
        size = (drawing.size.height, drawing.size.width)
        key = BatchKey(
            model=self.entry.name,
            latent_shape=size,
            text_shape=(),
            dtype=str(self.dtype),
            loras=drawing.lora_set,
        )
        steps = drawing.steps if "callback_on_step_end" in self._accepts else 1
        slot = PipelineSlot(
            key=key,
            table=_table(steps),
            rows=(Row(weight=1.0, text=torch.empty(0)),),
            generator=asked["generator"],
            sample=torch.empty(0),
            is_alone=True,
            draw=self._drawing(asked, drawing.scheduler),
        )
        self.adapters.wearers.add(slot)
        return slot

    def advance(self, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        (slot,) = slots
        assert isinstance(slot, PipelineSlot)
        self.adapters.wear(slot.key.loras)
        slot.run = slot.run or greenlet(slot.draw)
        try:
            slot.picture = slot.run.switch()
        except Exception:
            slot.step, slot.run = 0, None  # the next try starts from the beginning
            raise
        last = len(slot.table)
        # Schedulers of a higher order call back more often than the requested number of steps.
        slot.step = last if slot.picture else min(slot.step + 1, last - 1)

    def develop(self, slots: Sequence[Slot]) -> list[Tensor]:
        pictures = [slot.picture for slot in slots if isinstance(slot, PipelineSlot)]
        return [to_tensor(picture) for picture in pictures if picture is not None]

    def _asked(self, drawing: Drawing[bytes], index: int) -> dict[str, Any]:
        """Returns the pipeline's arguments for the drawing. Raises UnusableRequest, and generation.files.images.PictureError."""
        start, mask = drawing.picture(Role.START), drawing.picture(Role.MASK)
        if "mask_image" in self._accepts and not (start and mask):
            raise UnusableRequest("mask", f"{self.entry.name} only fills in: give it a picture and a mask.")
        if start and not {"image", "strength"} <= set(self._accepts):
            raise UnusableRequest("start", f"{self.entry.name} cannot start from a picture.")
        if start and mask and "mask_image" not in self._accepts:
            raise UnusableRequest("mask", f"{self.entry.name} knows no masks.")
        asked: dict[str, Any] = {
            "prompt": drawing.prompt.asked,
            "negative_prompt": drawing.prompt.left_out or None,
            "num_inference_steps": drawing.steps,
            "guidance_scale": drawing.guidance,
            "height": drawing.size.height,
            "width": drawing.size.width,
            "output_type": "pil",
        }
        if self.entry.rescale:
            asked["guidance_rescale"] = self.entry.rescale
        if (skipped := layers_skipped(self.pipe, self.entry.clip_skip)) is not None:
            asked["clip_skip"] = skipped
        if start:
            asked |= {"image": fitted(open_picture(start.source), drawing.size), "strength": start.strength}
            if mask:
                asked["mask_image"] = fitted(open_picture(mask.source).convert("L"), drawing.size)
        told = {name: value for name, value in asked.items() if name in self._accepts}
        return told | {"generator": torch.Generator().manual_seed(drawing.seed + index)}

    def _drawing(self, asked: dict[str, Any], scheduler: str) -> Callable[[], Image.Image]:
        """Raises UnusableRequest."""
        pipe, generator = self.pipe, asked["generator"]
        if scheduler and scheduler not in self._schedulers:
            raise UnusableRequest(
                "scheduler", f"{self.entry.name} has no scheduler {scheduler} in the settings."
            )
        seed = generator.initial_seed()
        if "callback_on_step_end" in self._accepts:
            asked = asked | {"callback_on_step_end": _wait}

        def draw() -> Image.Image:
            generator.manual_seed(seed)  # it may be a second try
            if self._schedulers:
                pipe.scheduler = self._schedulers[scheduler]
            return pipe(**asked).images[0]

        return draw


def _wait(_: Any, step: int, timestep: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Switches to the loop, until its next `advance`."""
    loop = getcurrent().parent
    assert loop is not None
    with torch.enable_grad():  # pipelines switch gradients off, and torch stores that by thread
        loop.switch()
    return told


def _table(steps: int) -> StepTable:
    """Returns an empty table; only its length is used."""
    nothing = torch.zeros(steps, 0)
    return StepTable(told=nothing, weights=nothing, draws=(False,) * steps, start_noise=1.0, start_init=0.0)
