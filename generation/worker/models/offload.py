"""Moves a model's modules between device and host, and saves memory in other ways. Knows no jobs and no batches.

The ways form a ladder: each rung takes less memory and more time than the one before, and draws the same picture. Only a tiled
decode differs a little, because each tile is normalised separately.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
from diffusers.hooks.hooks import HookRegistry
from torch import nn

Verb = Literal["step", "decode", "encode"]

Rung = Literal["tiled", "aside", "apart", "streamed"]
"""tiled: pictures are decoded one at a time, in tiles. aside: text encoders and VAE are in host memory while they are not used.
apart: the denoiser is in host memory too while those work. streamed: the denoiser's layers are copied to the device one by one.
"""

Part = Literal["text", "vae", "denoiser"]

HELPS: Mapping[Verb, Sequence[Rung]] = {
    "step": ("aside", "streamed"),
    "decode": ("tiled", "aside", "apart"),
    "encode": ("aside", "apart"),
}

HOST = torch.device("cpu")

LEAST_TILE = 16
"""Latents on each side. The smaller a tile is, the more it differs from the whole picture."""

_STREAMING = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")
"""diffusers' names of the hooks that `enable_group_offload` sets (hooks/group_offloading.py). diffusers
can't remove them itself.
"""


def denoiser_of(pipe: Any) -> Any:
    """Returns the pipeline's denoiser, an nn.Module."""
    return pipe.unet if hasattr(pipe, "unet") else pipe.transformer


@contextmanager
def uncompiled(module: Any) -> Generator[None]:
    """Runs the module without its compiled form inside the block.

    For rare calls with further arguments: compiling for them would take minutes for each number of rows.
    """
    compiled, module._compiled_call_impl = module._compiled_call_impl, None
    try:
        yield
    finally:
        module._compiled_call_impl = compiled


class Offload:
    """The ladder for a model whose modules the loop calls one by one."""

    def __init__(
        self, pipe: Any, device: torch.device, nets: Sequence[Any] = (), streamed: Sequence[Any] = ()
    ) -> None:
        """`nets`: modules that work with the denoiser, and go where it goes. `streamed`: those whose layers can be copied one by
        one; the others stay on the device then.
        """
        self._vae: Any = pipe.vae
        self._denoiser = denoiser_of(pipe)
        self._denoisers = (self._denoiser, *nets)
        self._streamed = (self._denoiser, *streamed)
        self._texts = [
            module
            for name, module in pipe.components.items()
            if name.startswith("text_encoder") and isinstance(module, nn.Module)
        ]
        self._device = device
        self.rungs: list[Rung] = []
        self._tile: tuple[Any, Any] | None = None
        # The compiled form, if nn.Module.compile was called.
        self._compiled: Any = self._denoiser._compiled_call_impl

    def rung_for(self, verb: Verb) -> Rung | None:
        """Returns the next rung that would help; None if there is none left."""
        return next((rung for rung in HELPS[verb] if rung not in self.rungs and self._has(rung)), None)

    def climb(self, rung: Rung) -> None:
        match rung:
            case "tiled":
                self._cut_tiles()
            case "aside":
                self._move(HOST, *self._texts, self._vae)
            case "apart":
                self._run_uncompiled()
            case "streamed":
                self._run_uncompiled()
                self._stream()
        self.rungs.append(rung)

    def descend(self) -> Rung | None:
        """Undoes the last rung and returns it; None if there is none. If memory is short it raises, and leaves the rungs
        unchanged.
        """
        if not self.rungs:
            return None
        rung = self.rungs[-1]
        match rung:
            case "tiled":
                self._vae.disable_tiling()
                self._vae.disable_slicing()
                if self._tile is not None:
                    self._vae.tile_latent_min_size, self._vae.tile_sample_min_size = self._tile
            case "aside":
                self._move_or_none(*self._texts, self._vae)
            case "apart":
                if "streamed" not in self.rungs:
                    self._move_or_none(*self._denoisers)
            case "streamed":
                for module in self._streamed:
                    hooks = HookRegistry.check_if_exists_or_initialize(module)
                    for name in _STREAMING:
                        hooks.remove_hook(name, recurse=True)
                try:
                    self._move(self._device, *self._denoisers)
                except Exception:
                    self._stream()
                    raise
        self.rungs.pop()
        if not {"apart", "streamed"} & set(self.rungs):
            self._denoiser._compiled_call_impl = self._compiled
        return rung

    def at_work(self, part: Part) -> AbstractContextManager[None]:
        """Keeps the part on the device inside the block."""
        return self._fetched(part) if self.rungs else nullcontext()

    @contextmanager
    def _fetched(self, part: Part) -> Generator[None]:
        comes_and_goes = "apart" in self.rungs and "streamed" not in self.rungs
        if part == "denoiser":
            if comes_and_goes:
                self._move(self._device, *self._denoisers)
            yield
            return
        if comes_and_goes:
            self._move(HOST, *self._denoisers)
        if "aside" not in self.rungs:
            yield
            return
        modules = self._texts if part == "text" else [self._vae]
        try:
            self._move(self._device, *modules)
            yield
        finally:
            self._move(HOST, *modules)

    def _has(self, rung: Rung) -> bool:
        return rung != "tiled" or (hasattr(self._vae, "use_tiling") and hasattr(self._vae, "use_slicing"))

    def _cut_tiles(self) -> None:
        """Halves the side of a tile. The VAE's own tile is as large as the pictures it was made for."""
        vae = self._vae
        if hasattr(vae, "tile_latent_min_size") and hasattr(vae, "tile_sample_min_size"):
            self._tile = (vae.tile_latent_min_size, vae.tile_sample_min_size)
            vae.tile_latent_min_size = max(LEAST_TILE, int(vae.tile_latent_min_size) // 2)
            vae.tile_sample_min_size = vae.tile_latent_min_size * (int(self._tile[1]) // int(self._tile[0]))
        vae.enable_tiling()
        vae.enable_slicing()

    def _run_uncompiled(self) -> None:
        """Runs the denoiser without its compiled graph, which expects the weights at fixed addresses."""
        self._compiled = self._denoiser._compiled_call_impl or self._compiled
        self._denoiser._compiled_call_impl = None

    def _stream(self) -> None:
        is_cuda = self._device.type == "cuda"
        for module in self._streamed:
            module.enable_group_offload(
                onload_device=self._device, offload_device=HOST, offload_type="leaf_level", use_stream=is_cuda
            )

    def _move_or_none(self, *modules: nn.Module) -> None:
        try:
            self._move(self._device, *modules)
        except Exception:
            self._move(HOST, *modules)
            raise

    def _move(self, device: torch.device, *modules: nn.Module) -> None:
        # Outside inference mode, because its tensors can't be changed in place later.
        with torch.inference_mode(False), torch.no_grad():
            for module in modules:
                module.to(device)
        if device == HOST and self._device.type == "cuda":
            torch.cuda.empty_cache()


class PipelineOffload:
    """The ladder for a pipeline that draws by itself, with diffusers' own methods. Has the same interface as `Offload`."""

    def __init__(self, pipe: Any, device: torch.device) -> None:
        self._pipe = pipe
        self._device = device
        self.rungs: list[Rung] = []

    def rung_for(self, verb: Verb) -> Rung | None:
        can: Sequence[Rung] = ("aside", "streamed") if self._device.type == "cuda" else ()
        if hasattr(getattr(self._pipe, "vae", None), "use_tiling"):
            can = ("tiled", *can)
        return next((rung for rung in can if rung not in self.rungs), None)

    def climb(self, rung: Rung) -> None:
        self.rungs.append(rung)
        if rung == "tiled":
            self._pipe.vae.enable_tiling()
        else:
            self._place_modules()

    def descend(self) -> Rung | None:
        """As `Offload.descend`."""
        if not self.rungs:
            return None
        rung = self.rungs.pop()
        try:
            if rung == "tiled":
                self._pipe.vae.disable_tiling()
            else:
                self._place_modules()
        except Exception:
            self.rungs.append(rung)
            self._place_modules()
            raise
        return rung

    def _place_modules(self) -> None:
        """Moves the modules to where the rungs want them."""
        self._pipe.remove_all_hooks()
        if "streamed" in self.rungs:
            self._pipe.enable_sequential_cpu_offload(device=self._device)
        elif "aside" in self.rungs:
            self._pipe.enable_model_cpu_offload(device=self._device)
        else:
            self._pipe.to(self._device)
