"""The slow reference: diffusers' own pipelines, one picture at a time. The loop's pictures must equal these."""

import inspect
from typing import Any

import diffusers
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
    if found.ndim == 3 and isinstance(pipe, diffusers.Flux2Pipeline):  # as the transformer takes them
        side = pipe.vae_scale_factor * 2
        return found[0].T.unflatten(1, (drawing.size.height // side, drawing.size.width // side))
    if found.ndim == 3:  # FLUX.1, Chroma and Qwen-Image pack their latents into tokens
        found = pipe._unpack_latents(found, drawing.size.height, drawing.size.width, pipe.vae_scale_factor)
    if found.ndim == 5:  # videos of one frame
        found = found[:, :, 0]
    if hasattr(pipe.vae, "bn"):  # FLUX.2 returns the VAE's latents
        norm = pipe.vae.bn
        mean, variance = (each.view(1, -1, 1, 1) for each in (norm.running_mean, norm.running_var))
        found = (pipe._patchify_latents(found) - mean) / (variance + pipe.vae.config.batch_norm_eps).sqrt()
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
    name = type(pipe).__name__
    if name.startswith("QwenImage"):
        asked |= {
            "true_cfg_scale": asked.pop("guidance_scale"),
            "negative_prompt": drawing.prompt.negative or " ",
        }
    if name.startswith("Flux2"):
        del asked["negative_prompt"]  # its pipelines take none
    size = {"height": drawing.size.height, "width": drawing.size.width}
    if (start := drawing.picture(Role.START)) is None:
        return pipe(**size, **asked).images
    asked |= {"image": read_init(start.source, drawing.size), "strength": start.strength}
    if (masking := drawing.picture(Role.MASK)) is None:
        # diffusers' table of siblings lacks Chroma's.
        is_listed = not isinstance(pipe, diffusers.ChromaPipeline)
        redraw: Any = (
            AutoPipelineForImage2Image.from_pipe(pipe)
            if is_listed
            else diffusers.ChromaImg2ImgPipeline(**pipe.components)
        )
        redraw.set_progress_bar_config(disable=True)
        return redraw(**(size if hasattr(pipe, "transformer") else {}), **asked).images
    mask = read_mask(masking.source, drawing.size)
    fill: Any = AutoPipelineForInpainting.from_pipe(pipe)
    fill.set_progress_bar_config(disable=True)
    return fill(mask_image=mask, **size, **asked).images
