"""Makes diffusers pipelines from a model's files. Knows no device and no loop."""

import importlib
import inspect
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from diffusers import AutoencoderKL, AutoModel, EulerDiscreteScheduler
from diffusers.utils import logging as diffusers_logging

from generation.files.checkpoint import Checkpoint
from generation.files.hub import fetch_missing
from generation.files.hub_cache import find_snapshot, is_hub_name
from generation.files.model_source import ModelSource, is_single_file
from generation.request import ModelEntry
from generation.worker.models.sources.folder import load_folder
from generation.worker.models.sources.single_file import load_checkpoint, write_layout

ZERO_SNR: dict[str, Any] = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
"""Settings of a scheduler for models that were trained up to pure noise: drawing then begins at the last timestep. See section 3
of https://arxiv.org/abs/2305.08891.
"""

_V_SIDE = 768
"""Pixels. Files of Stable Diffusion 2 do not say which of its two models they hold; the larger one predicts v."""


def load_pipeline(entry: ModelEntry, dtype: torch.dtype) -> Any:
    """Loads the entry's files, in the host's memory, and fetches what the hub's cache lacks.

    Raises BrokenModelFolder; incomplete files may raise anything.
    """
    source = fetch_missing(entry)
    diffusers_logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about old but valid configurations
        given = {"vae": _load_vae(entry, source, dtype)} if entry.vae else {}
        if source.checkpoint is not None:
            pipe = load_checkpoint(source.checkpoint, dtype, source.folder, given)
        else:
            assert source.folder is not None
            pipe = load_folder(source.folder, dtype, given)
        _set_prediction(entry, source.checkpoint, pipe)
        if entry.quantise:
            quantise(pipe)
    return pipe


def _load_vae(entry: ModelEntry, source: ModelSource, dtype: torch.dtype) -> Any:
    """Returns the VAE that replaces the model's own. A file has the configuration of the model's own VAE."""
    if not is_single_file(entry.vae):
        folder = find_snapshot(entry.vae) if is_hub_name(entry.vae) else Path(entry.vae)
        return AutoModel.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, local_files_only=True
        )
    with TemporaryDirectory() as made:
        config = source.folder.path if source.folder else Path(made)
        if source.folder is None and source.checkpoint is not None:
            write_layout(source.checkpoint, config)
        return AutoencoderKL.from_single_file(
            entry.vae, config=str(config), subfolder="vae", dtype=dtype, local_files_only=True
        )


def quantise(pipe: Any) -> None:
    """Stores the weights of linear layers as int8, in place, with one scale a row. A step converts them back, layer by layer.

    Not in the VAE, whose errors are seen. See https://docs.pytorch.org/ao/
    """
    # Imported here, because the package is optional.
    ao: Any = importlib.import_module("torchao.quantization")
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module) and part is not pipe.vae:
            ao.quantize_(part, ao.Int8WeightOnlyConfig())


def _set_prediction(entry: ModelEntry, checkpoint: Checkpoint | None, pipe: Any) -> None:
    """Tells the scheduler what the model predicts: as the entry says, otherwise as the file says."""
    prediction = entry.prediction or (checkpoint.prediction if checkpoint else "")
    if (
        not prediction
        and checkpoint
        and checkpoint.architecture.layout == "stable-diffusion-2"
        and not entry.base
    ):
        prediction = "v_prediction" if entry.side >= _V_SIDE else "epsilon"
    changes: dict[str, Any] = {"prediction_type": prediction} if prediction else {}
    if entry.zero_snr or (checkpoint and checkpoint.has_zero_snr):
        changes |= ZERO_SNR
    if changes:
        kind: Any = type(pipe.scheduler)
        if not set(changes) <= set(inspect.signature(kind.__init__).parameters):
            kind = EulerDiscreteScheduler  # PNDM, which comes with Stable Diffusion 1.x, never starts from pure noise
        pipe.scheduler = kind.from_config(pipe.scheduler.config, **changes)
