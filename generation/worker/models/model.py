"""A loaded model that is denoised step by step: converts drawings to slots, and slots to pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from generation.abilities import Abilities
from generation.control.kinds import Control
from generation.prompt import Reading
from generation.request import BatchKey, Drawing, ImageSize, ModelEntry, ModelName, Role
from generation.worker.control.nets import ControlledDenoiser, ControlNets
from generation.worker.denoise.batch_state import BatchStates
from generation.worker.denoise.conditioning import Conditioner
from generation.worker.denoise.cuda_graphs import CudaGraphs, CudaRecorder
from generation.worker.denoise.inpaint import Mask
from generation.worker.denoise.kept import Kept
from generation.worker.denoise.schedulers import named, suited
from generation.worker.denoise.slots import References, Row, RowControl, Slot
from generation.worker.denoise.step_table import StepTables
from generation.worker.models.abilities import of_pipe, with_controls
from generation.worker.models.clip_skip import layers_skipped
from generation.worker.models.families import FAMILIES
from generation.worker.models.loras import Adapters
from generation.worker.models.offload import Offload, denoiser_of
from generation.worker.models.prompt_reading import reading_of
from generation.worker.models.style_adapter import StyleAdapter, StyledDenoiser
from generation.worker.output.decode import Codec, read_init, reference_picture, to_tensor


@dataclass(eq=False)
class UnusableRequest(Exception):
    """The model can't draw this request. `kind`: as in protocol.Failed; `reason` is a sentence."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return self.reason


def demand_references(name: ModelName, can: Abilities, count: int) -> None:
    """Raises UnusableRequest if the model takes fewer reference pictures."""
    if not can.references:
        raise UnusableRequest("reference", f"{name} takes no reference pictures.")
    if count > can.references:
        raise UnusableRequest("reference", f"{name} takes at most {can.references} reference pictures.")


def demand_control(name: ModelName, can: Abilities, control: Control) -> None:
    """Raises UnusableRequest if the model can't follow the control picture."""
    if control.kind not in can.control_kinds:
        raise UnusableRequest("control", f"{name} follows no control picture of the kind {control.kind}.")
    if control.kind in can.prepared_only and not control.is_prepared:
        reason = f"{name} makes no control maps of the kind {control.kind}: it takes prepared ones."
        raise UnusableRequest("control", reason)


def schedulers_of(entry: ModelEntry, own: Any) -> dict[str, Any]:
    """Returns the schedulers that the settings list, by name. Those that don't suit the model are left out; see `loading`."""
    made = {name: named(name, own) for name in entry.schedulers}
    return {name: scheduler for name, scheduler in made.items() if scheduler is not None}


class Model:
    """A loaded model: its modules and the objects made from them."""

    def __init__(
        self,
        entry: ModelEntry,
        pipe: Any,
        device: torch.device,
        dtype: torch.dtype,
        preview: Any = None,
        nets: ControlNets | None = None,
        styles: StyleAdapter | None = None,
    ) -> None:
        """`preview`: as in `Codec`. `nets`: on the device."""
        self.styles = styles
        self.entry = entry
        self.pipe = pipe
        self.device = device
        self.dtype = dtype
        self.family = FAMILIES[type(pipe).__name__](pipe)
        self.family.clip_skip = layers_skipped(pipe, entry.clip_skip)
        self.unet: Any = self.family.unet
        # Compiled code is already replayed. Unpacking quantised weights copies from the host.
        is_packed = getattr(denoiser_of(pipe), "hf_quantizer", None) is not None
        is_replayed = (
            device.type == "cuda" and not entry.compile and not is_packed and self.family.IS_RECORDED
        )
        self.cuda_graphs = CudaGraphs(self.family.unet, CudaRecorder()) if is_replayed else None
        self.step_tables = StepTables(pipe.scheduler)
        self.named_tables = {
            name: StepTables(scheduler) for name, scheduler in schedulers_of(entry, pipe.scheduler).items()
        }
        self.adapters = Adapters(entry, pipe)
        self.nets = nets
        self.offload = Offload(pipe, device, *((nets.modules, nets.streamed) if nets else ()))
        self.conditioner = Conditioner(self.family, device, dtype, self.offload, self.adapters.wear)
        self.codec = Codec(pipe, self.family, device, self.offload, preview)
        self.batch_states = BatchStates(device)
        self._kept: list[Kept[Any, Any]] = [
            part.kept for part in (self.conditioner, nets, styles) if part is not None
        ]
        can = replace(of_pipe(pipe), multiple=self.family.multiple, has_style_adapter=styles is not None)
        self.abilities = with_controls(can, entry)

    def scheduler_name(self, name: str = "") -> str:
        """Returns the name of an order's scheduler; of the model's own if `name` is empty."""
        return name or type(self.pipe.scheduler).__name__.removesuffix("Scheduler")

    def _tables(self, name: str) -> StepTables:
        """Raises UnusableRequest."""
        if name and name not in self.named_tables:
            raise UnusableRequest("scheduler", f"{self.entry.name} has no scheduler {name} in the settings.")
        return self.named_tables[name] if name else self.step_tables

    def latent_shape(self, size: ImageSize) -> tuple[int, int, int]:
        multiple, scale = self.family.multiple, self.family.scale
        if size.width % multiple or size.height % multiple:
            raise UnusableRequest(
                "size", f"Width and height must be multiples of {multiple} for {self.entry.name}."
            )
        return (self.family.channels, size.height // scale, size.width // scale)

    @torch.inference_mode()
    def seat(self, drawing: Drawing[bytes], index: int) -> Slot:
        """Returns a slot for the drawing's picture `index`, before its first step.

        Raises UnusableRequest, BadWeights, BrokenLora, and generation.files.images.PictureError if the init picture can't be
        read.
        """
        shape = self.latent_shape(drawing.size)
        self.adapters.load(drawing.lora_set)
        rows = self.conditioner.rows(drawing.prompt, drawing.guidance, drawing.size, drawing.lora_set)
        references = self._references(drawing)
        rows = tuple(replace(row, references=references) for row in rows) if references else rows
        control = self._control(drawing)
        rows = tuple(replace(row, control=control) for row in rows) if control else rows
        rows = self._styled(rows, drawing)
        generator = torch.Generator().manual_seed(drawing.seed + index)
        init = mask = None
        if start := drawing.picture(Role.START):
            picture = read_init(start.source, drawing.size)
            init = self.codec.encode(picture, generator)[0]
            if masking := drawing.picture(Role.MASK):
                mask = Mask.read(start.source, masking.source, drawing.size, shape, self.device)
        try:
            strength = start.strength if start else None
            tables = self._tables(drawing.scheduler)
            timing = suited(self.family.timing(shape, drawing.steps), tables.scheduler)
            table = tables.table(drawing.steps, strength, timing, is_masked=mask is not None)
        except (ValueError, IndexError) as refused:  # schedulers raise these for more steps than they support
            raise UnusableRequest(
                "steps",
                f"{self.scheduler_name(drawing.scheduler)} cannot do {drawing.steps} steps: {refused}",
            ) from refused
        key = BatchKey(
            model=self.entry.name,
            latent_shape=self.family.state_shape(shape, self.entry.side),
            # FLUX.2's transformer reads the positions of the first row alone, so all pictures of a call have one layout.
            text_shape=(*rows[0].text.shape, *(references.sizes if references else ())),
            dtype=str(self.dtype),
            loras=drawing.lora_set,
        )
        slot = self.batch_states.of(key).seat(key, table, rows, generator, init, mask, shape)
        slot.rescale = self.entry.rescale
        slot.mask = mask
        self.adapters.wearers.add(slot)
        if mask is not None and self.codec.is_drawing:
            # diffusers also encodes the masked picture, for U-Nets that use it. So its generator has advanced when the schedulers
            # draw noise.
            torch.randn(shape, generator=generator)
        return slot

    def _references(self, drawing: Drawing[bytes]) -> References | None:
        """Raises UnusableRequest, and generation.files.images.PictureError."""
        if not drawing.references:
            return None
        demand_references(self.entry.name, self.abilities, len(drawing.references))
        latents = [
            self.codec.encode(to_tensor(reference_picture(each.source, self.family.multiple))[None])[0]
            for each in drawing.references
        ]
        tokens, places = self.family.references(latents)
        sizes = tuple(side for one in latents for side in one.shape[1:])
        return References(sizes=sizes, tokens=tokens.to(self.dtype), places=places.to(self.device))

    def _control(self, drawing: Drawing[bytes]) -> RowControl | None:
        """Raises UnusableRequest, and generation.files.images.PictureError."""
        picture = drawing.picture(Role.CONTROL)
        if picture is None or picture.control is None:
            return None
        demand_control(self.entry.name, self.abilities, picture.control)
        if self.nets is None:
            return None
        return self.nets.row_control(picture, drawing.size, self.codec, self.device, self.dtype)

    def _styled(self, rows: tuple[Row, ...], drawing: Drawing[bytes]) -> tuple[Row, ...]:
        """Raises UnusableRequest, and generation.files.images.PictureError."""
        if self.styles is not None:
            return self.styles.seen(rows, drawing)
        if drawing.picture(Role.STYLE):
            raise UnusableRequest("style", f"{self.entry.name} takes no style pictures.")
        return rows

    def reading(self, drawing: Drawing[bytes]) -> Reading:
        """Returns how the model reads the drawing's prompt. Raises BadWeights."""
        is_guided = drawing.guidance > 1 and self.family.told_guidance(drawing.guidance) is None
        return reading_of(self.pipe, self.family.clip, drawing.prompt, has_negative=is_guided, has_parts=True)

    def advance(self, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        """Takes one step for every slot. All slots share a BatchKey. If it raises, no slot has changed. `sizes`: as in
        `BatchState`.
        """
        self.adapters.wear(slots[0].key.loras)
        if self.entry.compile and self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # the results of the last replay may be overwritten
        with self.offload.at_work("denoiser"):
            state = self.batch_states.of(slots[0].key)
            rescaled = self.family.rescaled if self.family.RESCALES else None
            state.advance(self.denoiser(slots[0].key), slots, self.dtype, sizes=sizes, rescaled=rescaled)

    def denoiser(self, key: BatchKey) -> Any:
        """Returns the function that a step of this key calls."""
        # A recording can't contain LoRAs, because they change; nor modules that move.
        is_plain = self.cuda_graphs is None or key.loras or self.offload.rungs
        plain = self.unet if is_plain else self.cuda_graphs
        if self.styles is not None:
            plain = StyledDenoiser(plain, denoiser_of(self.pipe))
        if self.nets is None:
            return plain
        return ControlledDenoiser(plain, self.unet, denoiser_of(self.pipe), self.nets)

    @property
    def grown_bytes(self) -> int:
        """Returns the bytes that came with orders: those of LoRAs, and of what is kept for speed."""
        return self.adapters.bytes + sum(each.bytes for each in self._kept)

    def make_room(self) -> None:
        """Releases the memory that is used only for speed."""
        if self.cuda_graphs is not None:
            self.cuda_graphs.give_up()
        self.batch_states.drop_plans()
        for each in self._kept:
            each.drop()

    @torch.inference_mode()
    def develop(self, slots: Sequence[Slot]) -> list[Tensor]:
        """Decodes the slots' present samples: (3, height, width) each, 0 to 1. All slots must have one size."""
        decoded = self.codec.decode(torch.stack([slot.latents for slot in slots]))
        return [
            picture if slot.mask is None else slot.mask.paste(picture)
            for slot, picture in zip(slots, decoded, strict=True)
        ]
