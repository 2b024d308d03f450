"""The ControlNets of one model: loaded once, called in the steps of pictures that follow a control map."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor

from generation.control.kinds import Control, ControlKind
from generation.control.maps import control_map
from generation.control.nets import QWEN_IMAGE, Z_IMAGE, check_net, folder_of
from generation.files.model_folder import read_json
from generation.files.tensor_file import BrokenModelFolder
from generation.request import ImageSize, InputPicture, ModelEntry
from generation.worker.control.estimators import Estimator, load_estimator
from generation.worker.control.residuals import CALLS, Residuals, between_blocks
from generation.worker.denoise.control_rows import CONTROLS, ControlGroup
from generation.worker.denoise.inpaint import read_pixels
from generation.worker.denoise.kept import Kept
from generation.worker.denoise.slots import RowControl
from generation.worker.models.offload import denoiser_of, uncompiled
from generation.worker.output.decode import Codec, to_tensor

_KEPT_MAPS = 8
"""Maps of jobs in progress. All pictures of a job have the same."""

_Map = tuple[bytes, Control, ImageSize]


def load_nets(entry: ModelEntry, pipe: Any, dtype: torch.dtype, device: torch.device) -> "ControlNets | None":
    """Loads an entry's nets to the device. None: it names none. Raises BrokenModelFolder."""
    sources = entry.controls.sources
    if not sources:
        return None
    loaded: dict[str, Any] = {}
    for kind, source in sources.items():
        if source not in loaded:
            folder = folder_of(kind, source)
            if folder is None:
                raise BrokenModelFolder(source, "It is not in the hub's cache.", "Try again later.")
            config = read_json(source, folder / "config.json")
            check_net(kind, source, config, type(pipe).__name__, dict(denoiser_of(pipe).config))
            loaded[source] = _load(folder, str(config["_class_name"]), pipe, dtype).to(device)
    estimators = {
        kind: load_estimator(kind, Path(source), device) for kind, source in entry.controls.estimators.items()
    }
    blocks = len(getattr(denoiser_of(pipe), "transformer_blocks", ()))
    return ControlNets({kind: loaded[source] for kind, source in sources.items()}, estimators, blocks)


def _load(folder: Path, name: str, pipe: Any, dtype: torch.dtype) -> Any:
    kind: Any = getattr(diffusers, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about old but valid configurations
        net = kind.from_pretrained(str(folder), dtype=dtype, use_safetensors=True, local_files_only=True)
    if name == Z_IMAGE:
        net = kind.from_transformer(net, pipe.transformer)  # it has parts in common with its model
    return net.eval()


class ControlNets:
    def __init__(
        self,
        nets: Mapping[ControlKind, Any],
        estimators: Mapping[ControlKind, Estimator] | None = None,
        blocks: int = 0,
    ) -> None:
        """`blocks`: of the denoiser, if it is a transformer that has one list of them."""
        self.nets = nets
        self._blocks = blocks
        self._estimators = estimators or {}
        self.kept = Kept[_Map, Tensor](_KEPT_MAPS)

    @property
    def modules(self) -> Sequence[torch.nn.Module]:
        return list({id(net): net for net in self.nets.values()}.values())

    @property
    def streamed(self) -> Sequence[torch.nn.Module]:
        """Returns the nets that have no layer in common with their model: a layer can be streamed for one of them only."""
        return [module for module in self.modules if type(module).__name__ != Z_IMAGE]

    @torch.inference_mode()
    def row_control(
        self,
        picture: InputPicture[bytes],
        size: ImageSize,
        codec: Codec,
        device: torch.device,
        dtype: torch.dtype,
    ) -> RowControl | None:
        """Returns what the picture's rows follow; None for a strength of 0. The model must have a net of its kind.

        Raises generation.files.images.PictureError.
        """
        control = picture.control
        if control is None or not picture.strength:
            return None
        key = (picture.source, control, size)
        content = picture.source
        seen = self.kept.of(key, lambda: self._map(content, control, size, codec).to(device, dtype))
        return RowControl(
            kind=control.kind,
            picture=seen,
            scale=picture.strength,
            is_shared=type(self.nets[control.kind]).__name__ == QWEN_IMAGE,
        )

    def _map(self, content: bytes, control: Control, size: ImageSize, codec: Codec) -> Tensor:
        if control.is_prepared:
            pixels = read_pixels(content, size)
        elif control.kind in self._estimators:
            pixels = to_tensor(self._estimators[control.kind](content, size))
        else:
            pixels = to_tensor(control_map(content, control.kind, size))
        if type(self.nets[control.kind]).__name__ in (Z_IMAGE, QWEN_IMAGE):
            return codec.encode(pixels[None])[0]
        return pixels

    def residuals(
        self, x: Tensor, timesteps: Tensor, told: Mapping[str, Any], groups: Sequence[ControlGroup]
    ) -> Residuals:
        """Returns further arguments of the denoiser's call."""
        found: Residuals = {}
        for group in groups:
            net = self.nets[group.kind]
            CALLS[type(net).__name__](net, x, timesteps, told, group, found)
        return between_blocks(found, len(x), self._blocks)


class ControlledDenoiser:
    """A denoiser that takes control maps. Without any it is called as before: compiled, or replayed."""

    def __init__(self, plain: Any, unet: Any, module: Any, nets: ControlNets) -> None:
        """`plain`: called in steps without maps. `unet`: the same function, never replayed. `module`: what it calls, which may be
        compiled.
        """
        self._plain = plain
        self._unet = unet
        self._module = module
        self._nets = nets

    def __call__(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor, ...]:
        groups = told.pop(CONTROLS, None)
        if groups is None:
            return self._plain(x, timesteps, **told)
        residuals = self._nets.residuals(x, timesteps, told, groups)
        with uncompiled(self._module):
            return self._unet(x, timesteps, **told, **residuals)
