"""The network and its noise schedule, in diffusers' own classes."""

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from training.network.codec import COMPONENTS
from training.network.text import WIDTH

LATENT_SIDE = 16


def new_unet() -> UNet2DConditionModel:
    """Returns a U-Net of 6.2 million weights. `addition_embed_type` gives the whole sentence to every block."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=COMPONENTS,
        out_channels=COMPONENTS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(48, 128),
        layers_per_block=1,
        transformer_layers_per_block=2,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=6,
    )


def load_weights(unet: UNet2DConditionModel, weights: dict[str, Tensor]) -> None:
    """Loads weights of this version, or of the former version with one transformer layer instead of two.

    The second layers then add zero to the picture until they are trained. RuntimeError names other missing or surplus weights.
    """
    own = unet.state_dict()
    for name in own.keys() - weights.keys():
        if "transformer_blocks.1." in name:
            is_output = any(part in name for part in ("to_out.0", "ff.net.2"))
            weights = weights | {name: torch.zeros_like(own[name]) if is_output else own[name]}
    unet.load_state_dict(weights)


def channels_last(network: nn.Module) -> None:
    """Stores the weights in the memory order of CPU convolutions."""
    # torch's overloads of `to` omit this argument
    nn.Module.to(network, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def new_scheduler() -> DDIMScheduler:
    """Returns v-prediction (Salimans & Ho 2022) on the cosine schedule (Nichol & Dhariwal 2021).

    "trailing" spacing starts sampling at the last step, where training saw pure noise (Lin et al. 2023,
    https://arxiv.org/abs/2305.08891).
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,  # unused by trailing spacing, but diffusers warns about any other value
    )
