"""ControlNets with random weights for the models of `tests/tiny_models.py`, and tiny models that make control maps."""

# pyright: reportArgumentType=false, reportCallIssue=false
# Reason: diffusers and transformers annotate their constructors too narrowly.

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    ControlNetModel,
    ControlNetUnionModel,
    QwenImageControlNetModel,
    QwenImageTransformer2DModel,
    UNet2DConditionModel,
    ZImageControlNetModel,
    ZImageTransformer2DModel,
)
from torch import nn
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
)


def tiny_controlnet(folder: Path, model: Path, seed: int = 20) -> Path:
    """Builds a ControlNet from a model's U-Net."""
    torch.manual_seed(seed)
    net: Any = ControlNetModel.from_unet(_unet(model))
    _stir(net)
    net.save_pretrained(folder)
    return folder


def tiny_union(folder: Path, model: Path) -> Path:
    """Builds one net for six kinds, as the union nets for SDXL."""
    torch.manual_seed(21)
    told = dict(_unet(model).config)
    # As in `from_unet`, which knows no other width of the tokens.
    own = inspect.signature(ControlNetUnionModel.__init__).parameters
    shared = {name: told[name] for name in told if name in own}
    sizes = {"num_trans_channel": 32, "num_proj_channel": 32, "num_trans_head": 2}
    net: Any = ControlNetUnionModel(**shared, **sizes, num_control_type=6)
    _stir(net)
    net.save_pretrained(folder)
    return folder


def tiny_z_image_net(folder: Path, model: Path, layers: Sequence[int] = (0, 1)) -> Path:
    """Builds a net in the layout of version 2, which can also inpaint: 33 channels."""
    torch.manual_seed(22)
    told = ZImageTransformer2DModel.load_config(model, subfolder="transformer")
    net: Any = ZImageControlNetModel(
        control_layers_places=list(layers),
        control_refiner_layers_places=[0],
        control_in_dim=33,
        add_control_noise_refiner="control_noise_refiner",
        n_refiner_layers=1,
        **{name: told[name] for name in ("dim", "n_heads", "n_kv_heads")},
    )
    _stir(net)
    net.save_pretrained(folder)
    return folder


def tiny_qwen_net(folder: Path, model: Path, layers: int = 1) -> Path:
    torch.manual_seed(23)
    transformer = QwenImageTransformer2DModel.from_pretrained(model, subfolder="transformer")
    heads = {"attention_head_dim": 16, "num_attention_heads": 2}
    net: Any = QwenImageControlNetModel.from_transformer(transformer, num_layers=layers, **heads)
    _stir(net)
    net.save_pretrained(folder)
    return folder


def tiny_depth_model(folder: Path) -> Path:
    torch.manual_seed(24)
    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=14,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        head_hidden_size=8,
    )
    made: Any = DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        for parameter in made.head.parameters():
            parameter.normal_(std=0.5)
        made.head.conv3.bias.fill_(10)  # no depth is below 0
    made.save_pretrained(folder)
    processor = {
        "image_processor_type": "DPTImageProcessor",
        "size": {"height": 28, "width": 28},
        "ensure_multiple_of": 14,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def tiny_pose_model(folder: Path) -> Path:
    torch.manual_seed(25)
    backbone = VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[8, 8],
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        out_indices=[2],
    )
    VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=17)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3}))
    return folder


def _unet(model: Path) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(model, subfolder="unet")


def _stir(net: nn.Module) -> None:
    """Gives weights to the layers that begin as zeros, so that the net changes pictures."""
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3)
