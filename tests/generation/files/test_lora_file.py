"""The kinds of LoRA files, told apart by their headers."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from generation.files.lora_file import BrokenLoraFile, inspect_lora

UNET = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
PLAIN = [f"{UNET}.lora_down.weight", f"{UNET}.lora_up.weight", f"{UNET}.alpha"]
LAYER = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


def written(folder: Path, *names: str) -> Path:
    file = folder / "ink.safetensors"
    save_file({name: np.zeros((2, 2), np.float32) for name in names}, file)
    return file


@pytest.mark.parametrize(
    "names",
    [
        PLAIN,
        ["lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight"],
        [f"{LAYER}.lora.down.weight", f"{LAYER}.lora.up.weight"],
        [f"{LAYER}.lora_A.weight", f"{LAYER}.lora_B.weight", f"{LAYER}.lora_B.bias"],
        ["unet.down_blocks.0.attentions.0.attn1.processor.to_q_lora.down.weight"],
        ["text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_linear_layer.up.weight"],
        ["diffusion_model.double_blocks.0.img_attn.qkv.lora_A.default.weight"],
        ["double_blocks.0.processor.qkv_lora1.down.weight"],
        ["transformer.transformer_blocks.0.attn.norm_added_q_proj.lora_A.weight"],
    ],
)
def test_a_plain_lora_of_any_trainer_is_taken(tmp_path: Path, names: list[str]) -> None:
    file = written(tmp_path, *names)
    assert inspect_lora(str(file), "owner/name") == file


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"{UNET}.dora_scale", "It is a DoRA"),
        (f"{LAYER}.lora_magnitude_vector", "It is a DoRA"),
        (f"{LAYER}.lora_magnitude_vector.weight", "It is a DoRA"),
        (f"{UNET}.hada_w1_a", "It is a LoHa"),
        (f"{UNET}.hada_t1", "It is a LoHa"),
        (f"{UNET}.lokr_w1", "It is a LoKr"),
        ("lycoris_transformer_blocks_0_attn_to_q.lokr_w2_a", "It is a LoKr"),
        (f"{UNET}.oft_blocks", "It is an OFT"),
        (f"{UNET}.on_input", "It is an (IA)³"),
        (f"{UNET}.b1.weight", "It is a GLoRA"),
        (f"{UNET}.lora_mid.weight", "It is a LoRA of Tucker's form"),
        ("lora_unet_out_2.diff", "It holds whole weights"),
        ("diffusion_model.blocks.0.norm3.diff_b", "It holds whole weights"),
        ("transformer.transformer_blocks.0.attn.norm_q.weight", "norm_q.weight, which no plain"),
        ("bundle_emb.fox.clip_l", "It bundles embeddings"),
        ("bundle_emb.fox.string_to_param.*", "It bundles embeddings"),
        ("unet.conv_in.weight", "It holds unet.conv_in.weight, which no plain LoRA has"),
    ],
)
def test_another_kind_is_named_though_a_plain_lora_is_in_the_file(
    tmp_path: Path, name: str, kind: str
) -> None:
    with pytest.raises(BrokenLoraFile, match=re.escape(kind)):
        inspect_lora(str(written(tmp_path, *PLAIN, name)), "owner/name")
    with pytest.raises(
        BrokenLoraFile, match=re.escape(kind) if "It is" in kind else "It holds|bundles|holds no"
    ):
        inspect_lora(str(written(tmp_path, name)), "owner/name")


def test_a_lora_of_peft_for_a_unet_needs_its_factor(tmp_path: Path) -> None:
    (tmp_path / "model" / "unet").mkdir(parents=True)
    file = written(tmp_path, "base_model.model.mid_block.attentions.0.proj_in.lora_A.weight")
    with pytest.raises(BrokenLoraFile, match=r"put its adapter_config\.json beside it"):
        inspect_lora(str(file), str(tmp_path / "model"))
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert inspect_lora(str(file), str(tmp_path / "model")) == file
