"""Models that the loop cannot take apart: diffusers' own pipeline draws each picture, on a thread that goes one step at a time.

So its pictures wait for their turn between two steps as all others do, may be cancelled there, and tell how far they are. They
share no batch. Every run has a copy of the pipeline (not of its modules), because pipelines keep their run's state in themselves.
"""

from __future__ import annotations

import copy
import inspect
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from generation.images import fitted, open_picture
from generation.request import BatchKey, Drawing, ModelEntry, Role
from generation.worker.decode import to_tensor
from generation.worker.loras import Adapters
from generation.worker.model import Model, UnusableRequest
from generation.worker.residence import WholePipeline
from generation.worker.schedule import StepTable
from generation.worker.slots import Row, Slot

Draw = Callable[[Callable[[], None]], Image.Image]
"""Draws a picture and calls its argument after every step."""


class _Closed(BaseException):
    """Nobody waits for the picture any more. No Exception, so that no pipeline swallows it."""


class Run:
    """One picture on its way through a pipeline."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._thread: threading.Thread | None = None
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._is_closed = False
        self._error: Exception | None = None
        self.picture: Image.Image | None = None  # once it is finished

    def step(self) -> None:
        """Comes back when the next step, or the picture, is done. Raises what the pipeline raises; then it begins anew."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="pipeline")
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        if self._error is not None:
            error, self._error, self._thread = self._error, None, None
            raise error

    def close(self) -> None:
        """The pipeline ends at its next step; it does not wait for that."""
        self._is_closed = True
        self._go.release()

    def _run(self) -> None:
        try:
            self.picture = self._draw(self._wait)
        except _Closed:
            return
        except Exception as error:
            self._error = error
        self._back.release()

    def _wait(self) -> None:
        self._back.release()
        self._go.acquire()
        if self._is_closed:
            raise _Closed


@dataclass(slots=True, eq=False, kw_only=True)
class PipelineSlot(Slot):
    run: Run
    closer: Any = field(init=False)

    def __post_init__(self) -> None:
        # A slot that nobody holds any more was cancelled, or is done.
        self.closer = weakref.finalize(self, self.run.close)


class PipelineModel(Model):
    """A pipeline as a whole."""

    def __init__(self, entry: ModelEntry, pipe: Any, device: torch.device, dtype: torch.dtype) -> None:
        self.entry = entry
        self.pipe = pipe
        self.device = device
        self.dtype = dtype
        self.adapters = Adapters(entry, pipe)
        self.residence = WholePipeline(pipe, device)
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
        return PipelineSlot(
            key=key,
            table=_table(steps),
            rows=(Row(weight=1.0, text=torch.empty(0)),),
            generator=asked["generator"],
            sample=torch.empty(0),
            run=Run(self._drawing(asked)),
        )

    def make_room(self) -> None:
        """It keeps nothing."""

    def advance(self, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        for slot in slots:
            assert isinstance(slot, PipelineSlot)
            # Its thread computes only while this one waits for it.
            self.adapters.wear(slot.key.loras)
            try:
                slot.run.step()
            except Exception:
                slot.step = 0
                raise
            last = len(slot.table)
            # Samplers of a higher order call back more often than they were asked for steps.
            slot.step = last if slot.run.picture else min(slot.step + 1, last - 1)

    def develop(self, slots: Sequence[Slot]) -> list[Tensor]:
        runs = [slot.run for slot in slots if isinstance(slot, PipelineSlot)]
        return [to_tensor(run.picture) for run in runs if run.picture is not None]

    def _asked(self, drawing: Drawing[bytes], index: int) -> dict[str, Any]:
        """What the pipeline can be told of the drawing. Raises UnusableRequest, and generation.images.PictureError."""
        start, mask = drawing.picture(Role.START), drawing.picture(Role.MASK)
        if "mask_image" in self._accepts and not (start and mask):
            raise UnusableRequest(f"{self.entry.name} only fills in: give it a picture and a mask.")
        if start and not {"image", "strength"} <= set(self._accepts):
            raise UnusableRequest(f"{self.entry.name} cannot start from a picture.")
        if start and mask and "mask_image" not in self._accepts:
            raise UnusableRequest(f"{self.entry.name} knows no masks.")
        asked: dict[str, Any] = {
            "prompt": drawing.prompt.text,
            "negative_prompt": drawing.prompt.negative or None,
            "num_inference_steps": drawing.steps,
            "guidance_scale": drawing.guidance,
            "height": drawing.size.height,
            "width": drawing.size.width,
            "output_type": "pil",
        }
        if start:
            asked |= {"image": fitted(open_picture(start.source), drawing.size), "strength": start.strength}
            if mask:
                asked["mask_image"] = fitted(open_picture(mask.source).convert("L"), drawing.size)
        told = {name: value for name, value in asked.items() if name in self._accepts}
        return told | {"generator": torch.Generator().manual_seed(drawing.seed + index)}

    def _drawing(self, asked: dict[str, Any]) -> Draw:
        pipe, has_steps = self.pipe, "callback_on_step_end" in self._accepts
        generator: torch.Generator = asked["generator"]
        seed = generator.initial_seed()

        def draw(wait: Callable[[], None]) -> Image.Image:
            def on_step_end(_: Any, step: int, timestep: Any, told: dict[str, Any]) -> dict[str, Any]:
                wait()
                return told

            own: Any = copy.copy(pipe)
            if hasattr(pipe, "scheduler"):
                own.scheduler = copy.deepcopy(pipe.scheduler)
            generator.manual_seed(seed)  # it may have been tried before
            return own(**asked, **({"callback_on_step_end": on_step_end} if has_steps else {})).images[0]

        return draw


def _table(steps: int) -> StepTable:
    """Only its length counts."""
    nothing = torch.zeros(steps, 0)
    return StepTable(told=nothing, weights=nothing, draws=(False,) * steps, start_noise=1.0, start_init=0.0)
