"""The LoRAs of one model: loaded at first use, and active in its modules while a batch that uses them is computed."""

import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from weakref import WeakSet

import torch
from peft.tuners.lora import LoraLayer

from generation.files.lora_file import BrokenLoraFile, inspect_lora
from generation.request import LoraEntry, LoraName, LoraSet, ModelEntry
from generation.worker.denoise.slots import Slot
from generation.worker.memory import is_device_lost, is_out_of_memory
from generation.worker.models.backoff import Backoff
from generation.worker.models.peft_names import read_peft

KEPT = 8
"""LoRAs in memory for each model; more if the pictures in progress need more. SDXL LoRAs take 50 to 400 MB."""


class BrokenLora(Exception):
    """A LoRA can't be used. The text is a sentence for the owner."""

    kind = "lora"  # as in protocol.Failed


class Adapters:
    def __init__(self, entry: ModelEntry, pipe: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = entry
        self._entries = {lora.name: lora for lora in entry.loras}
        self._pipe = pipe
        self._clock = clock  # seconds
        self._loaded: OrderedDict[LoraName, int] = OrderedDict()  # bytes; least recently used first
        self._worn: LoraSet | None = ()  # None: unknown, as diffusers left it
        self._layers: list[LoraLayer] = []  # the layers that LoRAs have put around the model's own
        self._backoff: Backoff[LoraName] = Backoff()
        self.wearers: WeakSet[Slot] = WeakSet()
        """The pictures. Until they are finished their LoRAs stay in memory: no step waits for a file."""

    @property
    def bytes(self) -> int:
        return sum(self._loaded.values())

    def load(self, loras: LoraSet) -> None:
        """Loads all of them to memory. Raises BrokenLora or an error of memory, and then leaves the model unchanged."""
        for lora in loras:
            if lora.name not in self._loaded:
                self._load(lora.name)
            self._loaded.move_to_end(lora.name)
        unfinished = (slot.key.loras for slot in self.wearers if not slot.is_finished)
        used = {lora.name for own in (loras, *unfinished) for lora in own}
        unused = [name for name in self._loaded if name not in used]
        for name in unused[: max(0, len(self._loaded) - KEPT)]:
            self._drop(name)

    def wear(self, loras: LoraSet) -> None:
        """Makes these LoRAs, and no others, active in the model's modules. Raises the same errors as `load`."""
        if loras == self._worn:
            return
        self.load(loras)
        names = [_adapter(lora.name) for lora in loras]
        # diffusers' `set_adapters` visits every module and every weight: for SDXL it takes 79 ms of CPU, and this loop 4 ms.
        # PEFT's own setters would also switch the weights' gradients each time, which is not needed. So this code sets the fields
        # directly.
        for layer in self._layers:
            layer._disable_adapters = not loras  # pyright: ignore[reportPrivateUsage]
            layer._active_adapter = names  # pyright: ignore[reportPrivateUsage]
            for lora in loras:
                layer.set_scale(
                    _adapter(lora.name), lora.weight
                )  # does nothing if the LoRA does not have this layer
        self._worn = loras

    def _load(self, name: LoraName) -> None:
        if (standing := self._backoff.standing(name, self._clock())) is not None:
            raise BrokenLora(standing.sentence)
        if name not in self._entries:
            raise BrokenLora(f"There is no LoRA named {name} for {self._model.name} in the settings.")
        self._worn = None
        try:
            self._read(self._entries[name])
        except Exception as broken:
            # A complete file that was made for another model may raise any exception.
            self._drop(name)
            if is_out_of_memory(broken) or is_device_lost(broken):
                raise
            what = str(broken) if isinstance(broken, BrokenLoraFile | BrokenLora) else _first_lines(broken)
            reason = f"The LoRA {name} cannot be used with {self._model.name}. {what}"
            raise BrokenLora(self._backoff.fail(name, reason, self._clock()).sentence) from broken
        self._backoff.clear(name)

    def _read(self, lora: LoraEntry) -> None:
        if not hasattr(self._pipe, "load_lora_weights"):
            raise BrokenLora(f"A {type(self._pipe).__name__} takes none.")
        file = inspect_lora(lora.source, self._model.source)
        with torch.inference_mode(False), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the keys of other programs
            if hasattr(self._pipe, "unet") and (state := read_peft(file)) is not None:
                self._pipe.load_lora_weights(state, adapter_name=_adapter(lora.name))
            else:
                self._pipe.load_lora_weights(
                    str(file.parent),
                    weight_name=file.name,
                    adapter_name=_adapter(lora.name),
                    local_files_only=True,
                )
        weights = self._weights(lora.name)
        if not weights:
            raise BrokenLora(f"{lora.source} holds nothing for a {type(self._pipe).__name__}.")
        for weight, module in weights:
            weight.data = weight.data.to(module.device, module.dtype)
        self._loaded[lora.name] = sum(weight.nbytes for weight, _ in weights)
        self._layers = self._find_layers()

    @property
    def _modules(self) -> list[torch.nn.Module]:
        return [part for part in self._pipe.components.values() if isinstance(part, torch.nn.Module)]

    def _find_layers(self) -> list[LoraLayer]:
        return [layer for part in self._modules for layer in part.modules() if isinstance(layer, LoraLayer)]

    def _weights(self, name: LoraName) -> Sequence[tuple[torch.nn.Parameter, Any]]:
        """Returns the LoRA's own parameters, each with the module that uses it."""
        return [
            (weight, module)
            for module in self._modules
            for path, weight in module.named_parameters()
            # PEFT's paths: …to_q.lora_A.NAME.weight. The name alone may also be that of a layer.
            if any(
                kind.startswith("lora_") and own == _adapter(name) for kind, own in pairwise(path.split("."))
            )
        ]

    def _drop(self, name: LoraName) -> None:
        self._worn = None
        self._loaded.pop(name, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about deleting an active LoRA
            if hasattr(self._pipe, "delete_adapters"):
                self._pipe.delete_adapters([_adapter(name)])
        self._layers = self._find_layers()  # a failed load may have left some


def _adapter(name: LoraName) -> str:
    """Returns PEFT's name for a LoRA. A dict of modules takes no name that is its attribute too, such as `keys`."""
    return f"lora-{name}"


def _first_lines(error: Exception) -> str:
    """Shortens an error. Every mismatching layer adds a line; the first ones say enough."""
    return " ".join(" ".join(str(error).split("\n")[:2]).split())[:300]
