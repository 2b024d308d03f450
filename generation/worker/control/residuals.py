"""Calls ControlNets on their rows of a step, and lays their outputs between the denoiser's layers: zeros for all other rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from generation.control.kinds import ControlKind
from generation.control.nets import PLAIN, QWEN_IMAGE, UNION, Z_IMAGE
from generation.worker.denoise.control_rows import ControlGroup
from generation.worker.models.families.family import tokens_of

UNION_TYPES = {
    ControlKind.POSE: 0,
    ControlKind.DEPTH: 1,
    ControlKind.SCRIBBLE: 2,
    ControlKind.EDGES: 3,
}
"""The numbers that the union nets for SDXL were trained with, see https://github.com/xinsir6/ControlNetPlus."""

_Z_IMAGE_TOKENS = 32
"""Z-Image pads its pictures' and texts' tokens to a multiple of this (`SEQ_MULTI_OF` in diffusers)."""

Told = Mapping[str, Any]
Residuals = dict[str, Any]
"""Further arguments of the denoiser's call."""

PARTS = "parts"
"""Of the residuals, until all nets were called: what each net of a Qwen-Image returned, with its group."""

Call = Callable[[Any, Tensor, Tensor, Told, ControlGroup, Residuals], None]
"""The net, x (rows, channels, height, width), timesteps (rows,), what the model is told, the net's rows, and the residuals, to
which it adds.
"""


def _of_unet(
    net: Any, x: Tensor, timesteps: Tensor, told: Told, group: ControlGroup, found: Residuals
) -> None:
    added = told["added_cond_kwargs"]
    pictures: Any = torch.stack(group.pictures)
    more: dict[str, Any] = {}
    if type(net).__name__ == UNION:
        kind = UNION_TYPES[group.kind]
        types = x.new_zeros(len(pictures), net.config.num_control_type)
        types[:, kind] = 1
        more, pictures = {"control_type": types, "control_type_idx": [kind]}, [pictures]
    down, middle = net(
        x[group.seen],
        timesteps[group.seen],
        encoder_hidden_states=told["encoder_hidden_states"][group.seen],
        controlnet_cond=pictures,
        added_cond_kwargs={
            name: value[group.seen] for name, value in added.items() if isinstance(value, Tensor)
        },
        return_dict=False,
        **more,
    )
    if not found:
        found["down_block_additional_residuals"] = [_zeros(each, len(x)) for each in down]
        found["mid_block_additional_residual"] = _zeros(middle, len(x))
    for whole, part in zip(found["down_block_additional_residuals"], down, strict=True):
        _lay(whole, _scaled(part, group), group)
    _lay(found["mid_block_additional_residual"], _scaled(middle, group), group)


def _of_z_image(
    net: Any, x: Tensor, timesteps: Tensor, told: Told, group: ControlGroup, found: Residuals
) -> None:
    """Its outputs are as long as the longest of its own rows, those of the transformer as the longest of all."""
    extents: tuple[tuple[int, int, int], ...] = told["extents"]
    rows = [(place, *extents[place]) for place in group.places]
    samples = net(
        [x[place, :, 0, : height * width].view(-1, 1, height, width) for place, _, height, width in rows],
        (1000 - timesteps[group.seen]) / 1000,
        [told["encoder_hidden_states"][place][:length] for place, length, _, _ in rows],
        [_with_channels(each, net.config.control_in_dim)[:, None] for each in group.pictures],
        conditioning_scale=group.scales.to(x.dtype)[:, None, None],
    )
    longest = max(_padded(length) + _padded(height * width // 4) for length, height, width in extents)
    laid: dict[int, Tensor] = found.setdefault("control_samples", {})
    for layer, sample in samples.items():
        # Nets of different kinds may serve different layers.
        whole = laid.setdefault(layer, x.new_zeros(len(x), longest, sample.shape[-1]))
        _lay(whole[:, : sample.shape[1]], sample, group)


def _of_qwen_image(
    net: Any, x: Tensor, timesteps: Tensor, told: Told, group: ControlGroup, found: Residuals
) -> None:
    height, width = x.shape[2:]
    samples = net(
        hidden_states=tokens_of(x[group.seen]),
        controlnet_cond=tokens_of(torch.stack(group.pictures)),
        conditioning_scale=group.scales.to(x.dtype)[:, None, None],
        encoder_hidden_states=told["encoder_hidden_states"][group.seen],
        encoder_hidden_states_mask=told["added_cond_kwargs"]["text_embeds"][group.seen],
        timestep=timesteps[group.seen].to(x.dtype) / 1000,
        img_shapes=[[(1, height // 2, width // 2)]] * len(group.seen),
        return_dict=False,
    )
    found.setdefault(PARTS, []).append((samples, group))


CALLS: Mapping[str, Call] = {
    PLAIN: _of_unet,
    UNION: _of_unet,
    Z_IMAGE: _of_z_image,
    QWEN_IMAGE: _of_qwen_image,
}
"""By the net's class."""


def between_blocks(found: Residuals, rows: int, blocks: int) -> Residuals:
    """Returns the residuals with the parts of all nets laid together. `rows`: of the call. `blocks`: of the transformer.

    diffusers adds each of a list to `ceil(blocks / length)` blocks in a row. Nets of different depths share a list with one for
    each block. In it the same tensor stands as often as it is added.
    """
    parts: list[tuple[Sequence[Tensor], ControlGroup]] = found.pop(PARTS, [])
    if not parts:
        return found
    lengths = [len(samples) for samples, _ in parts]
    chosen = [(number,) * len(parts) for number in range(lengths[0])]
    if len(set(lengths)) > 1:
        runs = [math.ceil(blocks / length) for length in lengths]
        chosen = [tuple(block // run for run in runs) for block in range(blocks)]
    laid: dict[tuple[int, ...], Tensor] = {}
    for numbers in dict.fromkeys(chosen):
        whole = laid[numbers] = _zeros(parts[0][0][0], rows)
        for number, (samples, group) in zip(numbers, parts, strict=True):
            _lay(whole, samples[number], group)
    return {**found, "control_samples": [laid[numbers] for numbers in chosen]}


def _zeros(part: Tensor, rows: int) -> Tensor:
    return part.new_zeros(rows, *part.shape[1:])


def _scaled(part: Tensor, group: ControlGroup) -> Tensor:
    return (part * group.scales[:, None, None, None]).to(part.dtype)


def _lay(whole: Tensor, part: Tensor, group: ControlGroup) -> None:
    whole.index_copy_(0, group.served, part[group.of_served])


def _with_channels(latents: Tensor, channels: int) -> Tensor:
    """Adds channels of zeros: nets that can also inpaint take a mask and a picture there."""
    return F.pad(latents, (0, 0, 0, 0, 0, channels - len(latents)))


def _padded(tokens: int) -> int:
    return -(-tokens // _Z_IMAGE_TOKENS) * _Z_IMAGE_TOKENS
