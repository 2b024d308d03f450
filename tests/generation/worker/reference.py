"""The slow reference: diffusers' own pipelines, one picture at a time. The loop's pictures must equal these."""

import inspect
from typing import Any

import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting
from PIL import Image
from torch import Tensor

from generation.request import Drawing, Role
from generation.worker.denoise.inpaint import read_mask
from generation.worker.output.decode import read_init


def latents(pipe: Any, drawing: Drawing[bytes], index: int) -> Tensor:
    """Returns the latents of the drawing's picture `index`: (channels, height / vae scale, width / vae scale)."""
    found: Tensor = _run(pipe, drawing, index, "latent")
    if found.ndim == 3:  # Flux packs its latents into tokens
        found = pipe._unpack_latents(found, drawing.size.height, drawing.size.width, pipe.vae_scale_factor)
    return found[0]


def picture(pipe: Any, drawing: Drawing[bytes], index: int) -> Image.Image:
    return _run(pipe, drawing, index, "pil")[0]


def _run(pipe: Any, drawing: Drawing[bytes], index: int, output_type: str) -> Any:
    asked: dict[str, Any] = {
        "prompt": drawing.prompt.text,
        "negative_prompt": drawing.prompt.negative or None,
        "num_inference_steps": drawing.steps,
        "guidance_scale": drawing.guidance,
        "generator": torch.Generator().manual_seed(drawing.seed + index),
        "output_type": output_type,
    }
    if eta := inspect.signature(pipe.scheduler.step).parameters.get("eta"):
        # Pipelines disable TCD's noise by default; the scheduler's own default is the value recommended by its authors.
        asked["eta"] = eta.default
    size = {"height": drawing.size.height, "width": drawing.size.width}
    if (start := drawing.picture(Role.START)) is None:
        return pipe(**size, **asked).images
    asked |= {"image": read_init(start.source, drawing.size), "strength": start.strength}
    if (masking := drawing.picture(Role.MASK)) is None:
        redraw = AutoPipelineForImage2Image.from_pipe(pipe)
        return redraw(**(size if hasattr(pipe, "transformer") else {}), **asked).images
    mask = read_mask(masking.source, drawing.size)
    return AutoPipelineForInpainting.from_pipe(pipe)(mask_image=mask, **size, **asked).images
