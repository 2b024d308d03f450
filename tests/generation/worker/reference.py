"""The slow obvious path: diffusers' own pipelines, one picture at a time. What the loop draws is held equal to this."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting
from PIL import Image
from torch import Tensor

from generation.request import GenerationRequest
from generation.worker.decode import read_init
from generation.worker.inpaint import read_mask


def latents(pipe: Any, request: GenerationRequest, index: int) -> Tensor:
    """(channels, height / vae scale, width / vae scale) of the request's picture `index`."""
    found: Tensor = _run(pipe, request, index, "latent")
    if found.ndim == 3:  # Flux's, packed into tokens
        found = pipe._unpack_latents(found, request.size.height, request.size.width, pipe.vae_scale_factor)
    return found[0]


def picture(pipe: Any, request: GenerationRequest, index: int) -> Image.Image:
    return _run(pipe, request, index, "pil")[0]


def _run(pipe: Any, request: GenerationRequest, index: int, output_type: str) -> Any:
    asked: dict[str, Any] = {
        "prompt": request.prompt.text,
        "negative_prompt": request.prompt.negative or None,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
        "generator": torch.Generator().manual_seed(request.seed + index),
        "output_type": output_type,
    }
    if eta := inspect.signature(pipe.scheduler.step).parameters.get("eta"):
        # Pipelines switch TCD's noise off unless told otherwise; the scheduler's own default is what its authors recommend.
        asked["eta"] = eta.default
    size = {"height": request.size.height, "width": request.size.width}
    if request.init is None:
        return pipe(**size, **asked).images
    init = read_init(request.init.content, request.size)
    asked |= {"image": init, "strength": request.init.strength}
    if request.init.mask is None:
        redraw = AutoPipelineForImage2Image.from_pipe(pipe)
        return redraw(**(size if hasattr(pipe, "transformer") else {}), **asked).images
    mask = read_mask(request.init.mask, request.size)
    return AutoPipelineForInpainting.from_pipe(pipe)(mask_image=mask, **size, **asked).images
