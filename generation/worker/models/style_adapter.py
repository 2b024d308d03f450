"""The IP-Adapter of one model: makes tokens of a style picture, and teaches the U-Net's attentions to see them."""

import hashlib
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from diffusers.models.embeddings import ImageProjection
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from generation.files.images import open_picture
from generation.files.styles.adapter_file import AdapterFile, check_adapter_fit, inspect_style_adapter
from generation.files.tensor_file import BrokenModelFolder
from generation.request import Drawing, ModelEntry, Role
from generation.worker.denoise.kept import Kept
from generation.worker.denoise.slots import Row
from generation.worker.denoise.style_rows import STYLES, StyleAttention, StyleTokens
from generation.worker.models.offload import uncompiled

_KEPT = 16
"""Pictures whose tokens are kept: the pictures of a job, and its next ones, look at the same one."""


class StyleAdapter:
    """`load` puts its layers into the pipeline's U-Net, and its image encoder beside the other parts."""

    def __init__(self, pipe: Any, projection: Any) -> None:
        self._pipe = pipe
        self._projection = projection
        self.kept = Kept[bytes, tuple[Tensor, Tensor]](_KEPT)

    @classmethod
    def load(cls, entry: ModelEntry, pipe: Any, dtype: torch.dtype) -> "StyleAdapter":
        """Raises BrokenModelFolder."""
        file = inspect_style_adapter(entry.style_adapter)
        check_adapter_fit(entry.style_adapter, file, dict(pipe.unet.config) if hasattr(pipe, "unet") else {})
        unet = pipe.unet
        tensors: dict[str, Tensor] = load_file(file.path)
        of_picture = {
            name.removeprefix("image_proj."): each
            for name, each in tensors.items()
            if name.startswith("image_proj.")
        }
        # diffusers' public way also changes what every call of the U-Net must be given.
        projection = unet._convert_ip_adapter_image_proj_to_diffusers(of_picture, low_cpu_mem_usage=False)
        _teach(entry.style_adapter, unet, file, {name: each.to(dtype) for name, each in tensors.items()})
        encoder: Any = CLIPVisionModelWithProjection.from_pretrained(
            file.encoder, dtype=dtype, use_safetensors=True, local_files_only=True
        )
        side: int = encoder.config.image_size
        pipe.register_modules(
            image_encoder=encoder,
            feature_extractor=CLIPImageProcessor(size=side, crop_size=side),
        )
        # A part of the encoder, so that it moves with it and its bytes are counted.
        encoder.style_projection = projection.to(dtype)
        return cls(pipe, projection)

    def seen(self, rows: tuple[Row, ...], drawing: Drawing[bytes]) -> tuple[Row, ...]:
        """Returns the rows with the drawing's style picture, if it has one.

        The negative's row sees what the adapter was trained to call no picture, as in diffusers' pipelines. Raises
        generation.files.images.PictureError.
        """
        picture = drawing.picture(Role.STYLE)
        if picture is None:
            return rows
        content = picture.source
        shown, none = self.kept.of(hashlib.sha256(content).digest(), lambda: self._encoded(content))
        strength = picture.strength
        return tuple(
            replace(row, style=StyleTokens(tokens=none if row.is_negative else shown, strength=strength))
            for row in rows
        )

    def _encoded(self, content: bytes) -> tuple[Tensor, Tensor]:
        is_hidden = not isinstance(self._projection, ImageProjection)
        device = self._pipe.image_encoder.device
        shown, none = self._pipe.encode_image(open_picture(content), device, 1, is_hidden or None)
        return self._projection(shown)[0], self._projection(none)[0]


class StyledDenoiser:
    """A denoiser of a model with an adapter. In steps without style pictures it is called as before: compiled, or replayed."""

    def __init__(self, plain: Any, module: Any) -> None:
        """`plain`: the denoiser. `module`: what it calls, which may be compiled."""
        self._plain = plain
        self._module = module

    def __call__(self, x: Tensor, timesteps: Tensor, **told: Any) -> tuple[Tensor, ...]:
        with uncompiled(self._module) if STYLES in told else nullcontext():
            return self._plain(x, timesteps, **told)


def _teach(source: str, unet: Any, file: AdapterFile, tensors: dict[str, Tensor]) -> None:
    """Gives the attentions to text a processor that sees pictures. Raises BrokenModelFolder."""
    processors = dict(unet.attn_processors)
    names = [name for name in processors if name.endswith("attn2.processor")]
    if len(names) != len(file.numbers):
        what = f"It has {len(file.numbers)} layers where the model has {len(names)} that attend to text."
        raise BrokenModelFolder(source, what, "Set `style_adapter` to one for this model.")
    for name, number in zip(names, file.numbers, strict=True):
        to_k, to_v = (tensors[f"ip_adapter.{number}.to_{each}_ip.weight"] for each in "kv")
        hidden = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        if not len(to_k) == len(to_v) == hidden:
            what = f"Its layer {number} is {len(to_k)} wide where the model's is {hidden}."
            raise BrokenModelFolder(source, what, "Set `style_adapter` to one for this model.")
        processors[name] = StyleAttention(processors[name], to_k, to_v)
    unet.set_attn_processor(processors)
