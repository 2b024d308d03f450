"""Keeps the configured models on the device: loads them on demand, and evicts them when others need the memory. Knows no jobs.

The eviction policy decides. This module does the loading and evicting between two steps, and reports it to the bot.
"""

import gc
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import torch

from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.protocol import Event, ModelAbilities, ModelBroken, Swapped
from generation.request import ModelEntry, ModelName
from generation.worker.memory import host_free, is_out_of_memory
from generation.worker.models.backoff import Backoff
from generation.worker.models.eviction_policy import NO_CHANGE, EvictionPolicy
from generation.worker.models.loading import BrokenModel, Model, NotDownloaded, device_name, load, pick_dtype
from generation.worker.models.sources.downloads import Downloads

log = logging.getLogger(__name__)

SHARE = 0.75
"""The share for models of the memory that is free at start. The rest is for pictures."""

GIB = 2**30


def memory_budget(device: torch.device, gib: float) -> int:
    """Returns the bytes for models: `gib`, or a share of the memory that is free now."""
    if gib:
        return round(gib * GIB)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else host_free()
    return round(SHARE * free)


@dataclass(eq=False)
class ModelCache:
    entries: Mapping[ModelName, ModelEntry]
    device: torch.device
    policy: EvictionPolicy
    tell: Callable[[Event], None]
    clock: Callable[[], float]  # seconds
    _models: dict[ModelName, Model] = field(default_factory=dict[ModelName, Model], init=False)
    # Bytes: measured at the last load, otherwise computed from the files.
    _sizes: dict[ModelName, int] = field(default_factory=dict[ModelName, int], init=False)
    _backoff: Backoff[ModelName] = field(default_factory=Backoff[ModelName], init=False)
    _not_downloaded: set[ModelName] = field(default_factory=set[ModelName], init=False)
    downloads: Downloads = field(init=False)

    def __post_init__(self) -> None:
        self.downloads = Downloads(self.tell)

    @property
    def graph_bytes(self) -> int:
        """Returns the bytes that PyTorch keeps for the models' recorded steps."""
        return sum(model.cuda_graphs.idle_bytes for model in self._models.values() if model.cuda_graphs)

    def make_room(self) -> None:
        """Releases the memory that all models use only for speed."""
        for model in self._models.values():
            model.make_room()

    def take(self, name: ModelName) -> Model:
        """Returns a resident model for a picture. Raises BrokenModel."""
        self._demand_usable(name)
        self.policy.used(name)
        return self._models[name]

    def is_open(self, name: ModelName) -> bool:
        """Returns whether `take` returns or raises now; otherwise jobs for this model wait."""
        return self.policy.is_open(name) or self._why_not(name) is not None

    def prepare(self, name: ModelName) -> bool:
        """Begins to download what the model lacks. Returns whether it is being downloaded now."""
        self._size(name)
        return self.downloads.is_running(name)

    def note_downloads(self) -> None:
        """Records and reports the downloads that have failed."""
        for name, reason in self.downloads.take_failures():
            self._not_downloaded.add(name)
            self._fail(name, reason)

    def load(self, name: ModelName) -> None:
        """Loads the model now, without asking the policy. Raises BrokenModel, and reports it to the bot too."""
        self._demand_usable(name)
        if self._load(name) is None:
            self._demand_usable(name)

    def restock(
        self, waiting: Iterable[ModelName], begun: Set[ModelName], settle: Callable[[], None]
    ) -> None:
        """Loads and evicts as the policy decides; loads at most one model.

        `waiting`: the models of jobs that have not started, in order of arrival. `begun`: the models of jobs that have started.
        `settle`: waits for the device. Called before a model is evicted, because unfinished work may hold it.
        """
        wanted = {name: size for name in waiting if (size := self._size(name)) is not None}
        for name in self._models:  # no variable may hold a model that is evicted below
            self.policy.loaded(name, self._sizes[name] + self._models[name].grown_bytes)
        change = self.policy.decide(self.clock(), wanted, begun)
        if change == NO_CHANGE:
            return
        began = self.clock()
        settle()
        for name in change.evict:
            del self._models[name]
            self.policy.evicted(name)
        self._free_memory()
        loaded = self._load(change.load) if change.load is not None else None
        swapped = Swapped(
            loaded=loaded,
            evicted=change.evict,
            seconds=round(self.clock() - began, 3),
            resident_bytes=self.policy.resident_bytes,
        )
        log.info("%s", swapped)
        self.tell(swapped)

    def _load(self, name: ModelName) -> ModelName | None:
        """Loads a model and returns its name. None: it failed, or it waits until it has the device alone."""
        entry = self.entries[name]
        try:
            model = load(entry, self.device, pick_dtype(self.device, entry.dtype))
        except BrokenModel as broken:
            self._fail(name, str(broken))
            return None
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error)
        else:
            self._models[name] = model
            self._sizes[name] = footprint(model.pipe, model.nets.modules if model.nets else ())
            self._backoff.clear(name)
            self.policy.loaded(name, self._sizes[name])
            self.tell(ModelAbilities(model=name, abilities=model.abilities))
            return name
        # Outside the except block, because the traceback would keep half a model alive.
        self._free_memory()
        if self._models:
            self._sizes[name] = self.policy.budget
        else:
            where = device_name(self.device)
            self._fail(name, f"It does not fit into the memory of {where}; take a smaller model. {reason}")
        return None

    def _size(self, name: ModelName) -> int | None:
        """Returns the model's bytes, as far as known; None for a model that can't be loaded now.

        Begins a download of what the model lacks.
        """
        if self._why_not(name) is not None or self.downloads.is_running(name):
            return None
        if name not in self._sizes:
            entry = self.entries[name]
            try:
                source = inspect_entry(entry)
            except BrokenModelFolder as broken:
                self._fail(name, str(broken))
                return None
            if not source.is_complete:
                self._not_downloaded.discard(name)
                self.downloads.begin(entry)
                return None
            itemsize = 1 if entry.quantise else pick_dtype(self.device, entry.dtype).itemsize
            self._sizes[name] = source.bytes(itemsize) or 0
        return self._sizes[name]

    def _fail(self, name: ModelName, reason: str) -> None:
        failed = self._backoff.fail(name, reason, self.clock())
        self._sizes.pop(name, None)  # the files may be different at the next try
        self.tell(ModelBroken(model=name, reason=failed.sentence))

    def _why_not(self, name: ModelName) -> str | None:
        """Returns the reason why the model can't be loaded now; None if it can."""
        if name not in self.entries:
            return f"There is no model named {name} in the settings."
        standing = self._backoff.standing(name, self.clock())
        return None if standing is None or name in self._models else standing.sentence

    def _demand_usable(self, name: ModelName) -> None:
        """Raises BrokenModel if the model can't be loaded now."""
        if (failed := self._why_not(name)) is not None:
            raise (NotDownloaded if name in self._not_downloaded else BrokenModel)(failed)

    def _free_memory(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def footprint(pipe: Any, nets: Sequence[torch.nn.Module] = ()) -> int:
    """Returns the bytes of all parameters and buffers, also of the model's ControlNets, each counted once."""

    def size(tensor: Any) -> int:
        if not hasattr(tensor, "__tensor_flatten__"):
            return tensor.nbytes
        # A quantised tensor says what it would take if it were not. It consists of others: values and scales.
        return sum(size(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])

    parts = (*pipe.components.values(), *nets)
    modules = [part for part in parts if isinstance(part, torch.nn.Module)]
    held = {
        id(tensor): size(tensor) for module in modules for tensor in (*module.parameters(), *module.buffers())
    }
    return sum(held.values())
