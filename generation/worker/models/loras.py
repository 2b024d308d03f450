"""The LoRAs of one model: read when first asked for, and worn by its modules while a batch that asks for them is computed."""

import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from generation.files.lora_file import BrokenLoraFile, inspect_lora
from generation.request import LoraEntry, LoraName, LoraSet, ModelEntry
from generation.worker.models.backoff import Backoff

KEPT = 8
"""LoRAs in memory beside a model, more than one order may ask for; those of SDXL have 50 to 400 MB."""


class BrokenLora(Exception):
    """A LoRA cannot be used; the text is a sentence for the owner."""

    kind = "lora"  # as in protocol.Failed


class Adapters:
    def __init__(self, entry: ModelEntry, pipe: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = entry
        self._entries = {lora.name: lora for lora in entry.loras}
        self._pipe = pipe
        self._clock = clock  # seconds
        self._loaded: OrderedDict[LoraName, int] = OrderedDict()  # bytes; used longest ago first
        self._worn: LoraSet | None = ()  # None: whatever diffusers left
        self._layers: list[LoraLayer] = []  # that any LoRA has put around the model's own
        self._backoff: Backoff[LoraName] = Backoff()

    @property
    def bytes(self) -> int:
        return sum(self._loaded.values())

    def load(self, loras: LoraSet) -> None:
        """Afterwards all of them are in memory. Raises BrokenLora, and torch.OutOfMemoryError; then the model is as it was."""
        for lora in loras:
            if lora.name not in self._loaded:
                self._load(lora.name)
            self._loaded.move_to_end(lora.name)
        while len(self._loaded) > max(KEPT, len(loras)):
            self._drop(next(iter(self._loaded)))

    def wear(self, loras: LoraSet) -> None:
        """From now on the model's modules compute with these and no others. Raises as `load`."""
        if loras == self._worn:
            return
        self.load(loras)
        names: list[str] = [lora.name for lora in loras]
        # diffusers' `set_adapters` visits every module and every weight: 79 ms of CPU for SDXL's, where this takes 4. PEFT's own
        # setters beneath it would switch the weights' gradients each time, which nobody here wants; so its fields are set.
        for layer in self._layers:
            layer._disable_adapters = not loras  # pyright: ignore[reportPrivateUsage]
            layer._active_adapter = names  # pyright: ignore[reportPrivateUsage]
            for lora in loras:
                layer.set_scale(lora.name, lora.weight)  # nothing, where the layer is not the LoRA's
        self._worn = loras

    def _load(self, name: LoraName) -> None:
        if (standing := self._backoff.standing(name, self._clock())) is not None:
            raise BrokenLora(standing.sentence)
        if name not in self._entries:
            raise BrokenLora(f"There is no LoRA named {name} for {self._model.name} in the settings.")
        self._worn = None
        try:
            self._read(self._entries[name])
        except (torch.OutOfMemoryError, torch.AcceleratorError):
            self._drop(name)
            raise
        except Exception as broken:
            # Anything may come out of a file that is whole but made for another model.
            self._drop(name)
            what = str(broken) if isinstance(broken, BrokenLoraFile | BrokenLora) else _first_lines(broken)
            reason = f"The LoRA {name} cannot be used with {self._model.name}. {what}"
            raise BrokenLora(self._backoff.fail(name, reason, self._clock()).sentence) from broken
        self._backoff.clear(name)

    def _read(self, lora: LoraEntry) -> None:
        if not hasattr(self._pipe, "load_lora_weights"):
            raise BrokenLora(f"A {type(self._pipe).__name__} takes none.")
        file = inspect_lora(lora.source, self._model.source)
        with torch.inference_mode(False), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about keys of other programs
            self._pipe.load_lora_weights(
                str(file.parent), weight_name=file.name, adapter_name=lora.name, local_files_only=True
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
        """The LoRA's own parameters, each with the module that wears it."""
        return [
            (weight, module)
            for module in self._modules
            for path, weight in module.named_parameters()
            if name in path.split(".")
        ]

    def _drop(self, name: LoraName) -> None:
        self._worn = None
        self._loaded.pop(name, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it was active
            if hasattr(self._pipe, "delete_adapters"):
                self._pipe.delete_adapters([name])
        self._layers = self._find_layers()  # a failure may have left some


def _first_lines(error: Exception) -> str:
    """Mismatches are told by every layer; the first says it."""
    return " ".join(" ".join(str(error).split("\n")[:2]).split())[:300]
