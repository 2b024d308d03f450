"""Folders and hub names -> modules on the device."""

import importlib
import inspect
import logging
import os
import platform
import warnings
from typing import Any

import diffusers
import torch
import transformers
from diffusers import DiffusionPipeline
from diffusers.utils import logging as diffusers_logging

from generation.files.model_folder import OPTIONAL, BrokenModelFolder, is_hub_name
from generation.files.model_folder import inspect as inspect_folder
from generation.request import ModelEntry
from generation.worker.models.families import FAMILIES
from generation.worker.models.model import Model as Model
from generation.worker.models.model import UnusableRequest as UnusableRequest
from generation.worker.models.offload import denoiser_of
from generation.worker.models.pipeline_model import PipelineModel

log = logging.getLogger(__name__)


class BrokenModel(Exception):
    """The model cannot be loaded; the text is a sentence for the owner."""

    kind = "model"  # as in protocol.Failed


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_dtype(device: torch.device, wanted: str) -> torch.dtype:
    """The owner's choice; else what the device is good at."""
    if wanted:
        return DTYPES[wanted]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def limit_threads() -> None:
    """Leaves one core to the bot. Two of torch's threads that share a core wait for each other at every operation: on a busy
    machine, 24 ms of work took 350 to 1,900 ms."""
    if "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores - 1))


def load(entry: ModelEntry, device: torch.device, dtype: torch.dtype) -> Model:
    """Raises BrokenModel, torch.OutOfMemoryError, and torch.AcceleratorError where the device itself has failed."""
    try:
        folder = inspect_folder(entry.source)
        pipe = _load_pipeline(entry.source, dtype, folder.variant if folder else None)
        _check(entry, pipe)
        pipe.to(device, dtype)
        if entry.compile:
            compile_denoiser(pipe, device)
        if type(pipe).__name__ not in FAMILIES:
            return PipelineModel(entry, pipe, device, dtype)
        if dtype is not torch.float32 and pipe.vae.config.get("force_upcast"):
            pipe.vae.to(torch.float32)  # overflows in half precision and bands in bfloat16
        return Model(entry, pipe, device, dtype)
    except BrokenModelFolder as broken:
        raise BrokenModel(str(broken)) from broken
    except (BrokenModel, torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except Exception as broken:
        # Anything may come out of files that are whole but do not belong together, or of the network.
        log.exception("loading %s failed", entry.source)
        advice = "Check that the folder is complete and made for this version of diffusers."
        if is_hub_name(entry.source):
            advice = "Check the name and the connection to the hub."
        raise BrokenModel(f"{entry.source}: {type(broken).__name__}: {broken} {advice}") from broken


def compile_denoiser(pipe: Any, device: torch.device, backend: str = "inductor") -> None:
    """In place, at its first call of every number of rows. On CUDA what is compiled is replayed as a graph.

    https://docs.pytorch.org/docs/stable/generated/torch.compile.html
    """
    denoiser = denoiser_of(pipe)
    # Every number of rows and every size is compiled for itself: more than the eight that PyTorch stops at.
    dynamo: Any = importlib.import_module("torch._dynamo.config")  # there is no public one
    dynamo.recompile_limit = max(dynamo.recompile_limit, 64)
    # Where it cannot be compiled (no compiler, say), it is run as it is, and the log says so.
    dynamo.suppress_errors = True
    more: dict[str, Any] = {"mode": "reduce-overhead"} if device.type == "cuda" else {}
    denoiser.compile(backend=backend, dynamic=False, **more)


def _check(entry: ModelEntry, pipe: Any) -> None:
    """Puts the owner's scheduler in the model's place. Raises BrokenModel for what the loop cannot denoise."""
    family = FAMILIES.get(type(pipe).__name__)
    if family is None and "prompt" not in inspect.signature(pipe.__call__).parameters:
        raise BrokenModel(f"{entry.source}: it is a {type(pipe).__name__}, which takes no prompt.")
    if family is not None and family(pipe).channels != pipe.vae.config.latent_channels:
        takes = "it takes more than latents (an inpainting model?)"
        raise BrokenModel(f"{entry.source}: {takes}; take a plain one.")
    if entry.scheduler:
        scheduler = getattr(diffusers, entry.scheduler, None)
        if scheduler is None or not entry.scheduler.endswith("Scheduler"):
            raise BrokenModel(
                f"{entry.name}: diffusers has no scheduler {entry.scheduler}; leave `scheduler` empty."
            )
        pipe.scheduler = scheduler.from_config(pipe.scheduler.config)


def _load_pipeline(source: str, dtype: torch.dtype, variant: str | None) -> Any:
    diffusers_logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about configurations that are old, not wrong
        return DiffusionPipeline.from_pretrained(
            source,
            torch_dtype=dtype,
            variant=variant,
            local_files_only=not is_hub_name(source),
            # Stable Diffusion's safety checker alone is 1.2 GB.
            **dict.fromkeys(OPTIONAL),
        )
