"""Loads models from folders and hub names to the device."""

import importlib
import inspect
import logging
import os
import platform
import warnings
from collections.abc import Callable
from typing import Any

import diffusers
import torch

from generation.files.hub_cache import is_hub_name
from generation.files.tensor_file import BrokenModelFolder
from generation.request import ModelEntry
from generation.worker.control.nets import load_nets
from generation.worker.denoise.schedulers import is_flow
from generation.worker.memory import is_device_lost, is_out_of_memory
from generation.worker.models.clip_skip import name_text_model
from generation.worker.models.embeddings import BrokenEmbedding, load_embeddings
from generation.worker.models.families import FAMILIES
from generation.worker.models.model import Model as Model
from generation.worker.models.model import UnusableRequest as UnusableRequest
from generation.worker.models.model import schedulers_of
from generation.worker.models.offload import denoiser_of
from generation.worker.models.pipeline_model import PipelineModel
from generation.worker.models.sources.pipelines import load_pipeline
from generation.worker.models.sources.preview_decoder import load_preview_decoder

log = logging.getLogger(__name__)

FLOW = "flow_prediction"
"""The `prediction_type` of schedulers that serve models of both kinds."""


class BrokenModel(Exception):
    """The model can't be loaded. The text is a sentence for the owner."""

    kind = "model"  # as in protocol.Failed


class NotDownloaded(BrokenModel):
    """Its files could not be fetched from the hub."""

    kind = "download"


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_dtype(device: torch.device, wanted: str) -> torch.dtype:
    """Returns the owner's choice, or the best dtype for the device."""
    if wanted:
        return DTYPES[wanted]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def limit_threads() -> None:
    """Leaves one core to the bot. Two torch threads on one core wait for each other at every operation: on a busy machine, 24 ms
    of work took 350 to 1,900 ms.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores - 1))


def load(entry: ModelEntry, device: torch.device, dtype: torch.dtype) -> Model:
    """Loads a model. Raises BrokenModel. Errors of memory and of the device are passed on."""
    try:
        pipe = load_pipeline(entry, dtype)
        _check(entry, pipe)
        load_embeddings(entry, pipe)
        # To the device alone: its files decide which parts stay in float32. T5 overflows in float16.
        pipe.to(device)
        nets = load_nets(entry, pipe, dtype, device)
        if entry.compile:
            compile_denoiser(pipe, device)
        if type(pipe).__name__ not in FAMILIES:
            return PipelineModel(entry, pipe, device, dtype)
        if dtype is not torch.float32 and pipe.vae.config.get("force_upcast"):
            pipe.vae.to(torch.float32)  # it overflows in half precision and gives bands of colour in bfloat16
        preview = load_preview_decoder(entry.preview, pipe.vae, dtype).to(device) if entry.preview else None
        model = Model(entry, pipe, device, dtype, preview, nets)
        _try_scheduler(model)
        return model
    except BrokenModelFolder as broken:
        raise BrokenModel(str(broken)) from broken
    except BrokenEmbedding as broken:
        raise BrokenModel(str(broken)) from broken
    except BrokenModel:
        raise
    except Exception as broken:
        if is_out_of_memory(broken) or is_device_lost(broken):
            raise
        # Complete files that do not belong together, or the network, may raise any exception.
        log.exception("loading %s failed", entry.source)
        advice = "Check that the folder is complete and made for this version of diffusers."
        if is_hub_name(entry.source):
            advice = "Check the name and the connection to the hub."
        raise BrokenModel(f"{entry.source}: {type(broken).__name__}: {broken} {advice}") from broken


def compile_denoiser(pipe: Any, device: torch.device, backend: str = "inductor") -> None:
    """Compiles the denoiser in place, at its first call with each number of rows. On CUDA the compiled code is replayed as a
    graph.

    See https://docs.pytorch.org/docs/stable/generated/torch.compile.html
    """
    denoiser = denoiser_of(pipe)
    # Each number of rows and each size is compiled separately: more than PyTorch's limit of eight.
    dynamo: Any = importlib.import_module("torch._dynamo.config")  # there is no public one
    dynamo.recompile_limit = max(dynamo.recompile_limit, 64)
    # If compiling fails (for example without a compiler), the denoiser runs uncompiled, and the log says so.
    dynamo.suppress_errors = True
    more: dict[str, Any] = {"mode": "reduce-overhead"} if device.type == "cuda" else {}
    denoiser.compile(backend=backend, dynamic=False, **more)


def watch_compiling(begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Calls `begin` and `end` around all compiling of this process: it comes during a step, and may take minutes."""
    callbacks: Any = importlib.import_module("torch._dynamo.callback")  # there is no public one

    def started(_: object) -> None:
        begin()

    def ended(_: object) -> None:
        end()

    callbacks.on_compile_start(started)
    callbacks.on_compile_end(ended)


def _check(entry: ModelEntry, pipe: Any) -> None:
    """Replaces the model's scheduler by the owner's. Raises BrokenModel if the loop can't denoise with this model."""
    family = FAMILIES.get(type(pipe).__name__)
    if family is None and entry.preview:
        raise BrokenModel(f"{entry.name}: a {type(pipe).__name__} has no previews; leave `preview` out.")
    if family is None and "prompt" not in inspect.signature(pipe.__call__).parameters:
        raise BrokenModel(f"{entry.source}: it is a {type(pipe).__name__}, which takes no prompt.")
    if family is not None and not family(pipe).is_fitting:
        takes = "it takes more than latents (an inpainting model?)"
        raise BrokenModel(f"{entry.source}: {takes}; take a plain one.")
    if entry.scheduler:
        scheduler = getattr(diffusers, entry.scheduler, None)
        if scheduler is None or not entry.scheduler.endswith("Scheduler"):
            raise BrokenModel(
                f"{entry.name}: diffusers has no scheduler {entry.scheduler}; leave `scheduler` empty."
            )
        try:
            pipe.scheduler = scheduler.from_config(pipe.scheduler.config)
        except Exception as error:  # it may lack what this class needs, or a package that the class needs
            raise BrokenModel(_unfit(entry, entry.scheduler, error)) from error
    for key, argument, function in (
        ("clip_skip", "clip_skip", getattr(pipe, "encode_prompt", None)),
        ("rescale", "guidance_rescale", pipe.__call__),
    ):
        is_taken = function is not None and argument in inspect.signature(function).parameters
        if getattr(entry, key) and not is_taken:
            raise BrokenModel(f"{entry.name}: a {type(pipe).__name__} has no `{key}`; leave it out.")
    if family is None and entry.clip_skip:
        name_text_model(pipe)
    if entry.schedulers:
        made = schedulers_of(entry, pipe.scheduler)
        if wrong := next((name for name in entry.schedulers if name not in made), None):
            raise BrokenModel(f"{entry.name}: the scheduler {wrong} does not suit a {type(pipe).__name__}.")


def _try_scheduler(model: Model) -> None:
    """Makes the schedule of an order with default settings. Raises BrokenModel if the scheduler can't serve this model."""
    entry, scheduler = model.entry, model.pipe.scheduler
    name = type(scheduler).__name__
    config = scheduler.config
    has_flow = is_flow(scheduler) or config.get("use_flow_sigmas") or config.get("prediction_type") == FLOW
    if hasattr(model.pipe, "transformer") and not has_flow:
        reason = f"its scheduler is {name}, which adds noise in another way than this model was trained with"
        raise BrokenModel(f"{entry.source}: {reason}; leave `scheduler` empty.")
    shape = (model.family.channels, *(entry.side // model.family.scale,) * 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # diffusers 0.42 passes torch tensors to numpy 2 in some schedulers
            model.step_tables.table(entry.steps, None, model.family.timing(shape, entry.steps))
    except Exception as error:  # classes for other purposes raise anything
        raise BrokenModel(_unfit(entry, name, error)) from error


def _unfit(entry: ModelEntry, scheduler: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    what = f"{scheduler} can't do {entry.steps} steps with this model"
    return f"{entry.source}: {what}: {reason.rstrip('.')}. Choose another scheduler."
