"""Model folders with random weights in the real layouts: small enough to build during a test and to step in milliseconds.

Pictures are 64 pixels a side, latents 8. The pictures are only noise, which is enough for comparisons.
"""

# pyright: reportArgumentType=false, reportCallIssue=false
# Reason: diffusers annotates its constructors too narrowly (tuples of one, only CLIP and AutoencoderKL).

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    AutoencoderTiny,
    ChromaPipeline,
    ChromaTransformer2DModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers import pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

BETAS: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}
_WIDTH = 32
_UNET: dict[str, Any] = {
    "sample_size": 8,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "cross_attention_dim": _WIDTH,
    "attention_head_dim": 4,
    "norm_num_groups": 16,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}


def tiny_sd(folder: Path, **unet: Any) -> Path:
    """Builds Stable Diffusion 1.x: CLIP, AutoencoderKL, DDIM. `unet` changes the size of the U-Net."""
    torch.manual_seed(0)
    pipe = StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_clip()),
        tokenizer=_clip_tokenizer(),
        unet=UNet2DConditionModel(**{"in_channels": 4, "out_channels": 4, **_UNET, **unet}),
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **BETAS),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_sdxl(folder: Path) -> Path:
    """Builds Stable Diffusion XL: two CLIPs, pooled embeddings, time ids, Euler."""
    torch.manual_seed(1)
    pipe = StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_clip()),
        text_encoder_2=CLIPTextModelWithProjection(_clip()),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        unet=UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + _WIDTH,
            **{**_UNET, "cross_attention_dim": 2 * _WIDTH},
        ),
        scheduler=EulerDiscreteScheduler(**BETAS),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_bundled(folder: Path) -> Path:
    """Builds the layout of the shipped model: BERT with an attention mask, text in the time embedding, AutoencoderTiny."""
    torch.manual_seed(2)
    text = BertConfig(
        vocab_size=len(_BERT_WORDS),
        hidden_size=_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        use_attention_mask=True,
    )
    vocabulary = {word: i for i, word in enumerate(_BERT_WORDS)}
    pipe = StableDiffusionPipeline(
        vae=AutoencoderTiny(
            latent_channels=12,
            encoder_block_out_channels=(16, 16, 16, 16),
            decoder_block_out_channels=(16, 16, 16, 16),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
            scaling_factor=2.0,
        ),
        text_encoder=BertModel(text),
        tokenizer=BertTokenizer(vocab=vocabulary, model_max_length=20),
        unet=UNet2DConditionModel(
            in_channels=12,
            out_channels=12,
            addition_embed_type="text",
            addition_embed_type_num_heads=4,
            resnet_time_scale_shift="scale_shift",
            **_UNET,
        ),
        scheduler=DDIMScheduler(
            beta_schedule="squaredcos_cap_v2",
            prediction_type="v_prediction",
            timestep_spacing="trailing",
            steps_offset=1,
            clip_sample=False,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_sd3(folder: Path) -> Path:
    """Builds Stable Diffusion 3: a transformer, two CLIPs and T5, flow matching."""
    torch.manual_seed(3)
    pipe = StableDiffusion3Pipeline(
        vae=_vae(latent_channels=16, shift_factor=0.06),
        text_encoder=CLIPTextModelWithProjection(_clip()),
        text_encoder_2=CLIPTextModelWithProjection(_clip()),
        text_encoder_3=T5EncoderModel(_t5(2 * _WIDTH)),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        tokenizer_3=T5Tokenizer(vocab=_T5_WORDS, extra_ids=0),
        transformer=SD3Transformer2DModel(
            sample_size=8,
            patch_size=1,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=2 * _WIDTH,
            caption_projection_dim=32,
            pooled_projection_dim=2 * _WIDTH,
            pos_embed_max_size=12,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_flux(folder: Path) -> Path:
    """Builds FLUX.1 dev: a transformer with the guidance as input, CLIP and T5, steps that depend on the picture's size."""
    torch.manual_seed(4)
    pipe = FluxPipeline(
        vae=_vae(latent_channels=4, shift_factor=0.1),
        text_encoder=CLIPTextModel(_clip()),
        text_encoder_2=T5EncoderModel(_t5(_WIDTH)),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=T5Tokenizer(vocab=_T5_WORDS, extra_ids=0),
        transformer=FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            pooled_projection_dim=_WIDTH,
            guidance_embeds=True,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_z_image(folder: Path, layers: int = 2) -> Path:
    """Builds Z-Image: a transformer that takes lists, and a Qwen 3 as text encoder. `layers`: of the transformer."""
    torch.manual_seed(5)
    pipe = ZImagePipeline(
        vae=_vae(latent_channels=16, shift_factor=0.1),
        text_encoder=Qwen3Model(_qwen3(layers=2)),
        tokenizer=_qwen_tokenizer(),
        transformer=ZImageTransformer2DModel(
            in_channels=16,
            dim=32,
            n_layers=layers,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=_WIDTH,
            axes_dims=[8, 4, 4],
            axes_lens=[1024, 32, 32],
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )
    with torch.no_grad():  # diffusers leaves them as they come
        pipe.transformer.x_pad_token.normal_()
        pipe.transformer.cap_pad_token.normal_()
    pipe.save_pretrained(folder)
    return folder


def tiny_klein(folder: Path, *, is_distilled: bool = False) -> Path:
    """Builds FLUX.2 klein: the layers 9, 18 and 27 of a Qwen 3, and a VAE with a batch norm."""
    torch.manual_seed(6)
    pipe = Flux2KleinPipeline(
        vae=_flux2_vae(),
        text_encoder=Qwen3ForCausalLM(_qwen3(layers=27)),
        tokenizer=_qwen_tokenizer(),
        transformer=_flux2_transformer(guidance_embeds=False),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        is_distilled=is_distilled,
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_flux2(folder: Path) -> Path:
    """Builds FLUX.2 dev, which takes its guidance as an input. A Qwen 3 stands for the Mistral 3 that it comes with."""
    torch.manual_seed(7)
    pipe = Flux2Pipeline(
        vae=_flux2_vae(),
        text_encoder=Qwen3ForCausalLM(_qwen3(layers=30)),
        tokenizer=_qwen_tokenizer(),
        transformer=_flux2_transformer(guidance_embeds=True),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_qwen_image(folder: Path) -> Path:
    """Builds Qwen-Image: a Qwen 2.5-VL as text encoder, and a VAE for videos."""
    torch.manual_seed(8)
    text = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(_QWEN_WORDS),
            "hidden_size": _WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "rope_scaling": {"mrope_section": [2, 3, 3], "rope_type": "default"},
            "rope_theta": 1_000_000.0,
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": _WIDTH,
        },
    )
    pipe = QwenImagePipeline(
        vae=AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.1, -0.2, 0.3, 0.0],
            latents_std=[1.1, 0.9, 1.3, 0.7],
        ),
        text_encoder=Qwen2_5_VLForConditionalGeneration(text),
        tokenizer=_qwen_tokenizer(),
        transformer=QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            axes_dims_rope=(8, 4, 4),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )
    pipe.save_pretrained(folder)
    return folder


def tiny_chroma(folder: Path) -> Path:
    """Builds Chroma: T5 alone, with a mask over the padding of its text."""
    torch.manual_seed(9)
    pipe = ChromaPipeline(
        vae=_vae(latent_channels=4, shift_factor=0.1),
        text_encoder=T5EncoderModel(_t5(_WIDTH)),
        tokenizer=T5Tokenizer(vocab=_T5_WORDS, extra_ids=0),
        transformer=ChromaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            axes_dims_rope=(4, 4, 8),
            approximator_hidden_dim=32,
            approximator_layers=1,
            approximator_num_channels=16,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )
    pipe.save_pretrained(folder)
    return folder


_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,.!?'-"
_BERT_WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *_LETTERS,
    *(f"##{letter}" for letter in _LETTERS),
]


_T5_WORDS = [
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("\u2581", -1.0),
    *((letter, -2.0) for letter in _LETTERS),
]


def _clip_tokenizer() -> CLIPTokenizer:
    """Builds a tokenizer of letters, each at the end of a word or not. It has no merges, so every text has tokens."""
    tokens = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)


def _clip() -> CLIPTextConfig:
    size = 2 * len(_LETTERS) + 2
    return CLIPTextConfig(
        vocab_size=size,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
        hidden_size=_WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=_WIDTH,
        hidden_act="gelu",
    )


def _t5(width: int) -> T5Config:
    return T5Config(vocab_size=len(_T5_WORDS), d_model=width, d_kv=8, d_ff=64, num_layers=2, num_heads=4)


_BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
_QWEN_WORDS = [*_BYTES, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _qwen_tokenizer() -> Qwen2Tokenizer:
    """Builds a tokenizer of bytes with a chat template."""
    tokenizer = Qwen2Tokenizer(vocab={word: i for i, word in enumerate(_QWEN_WORDS)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = _CHAT
    return tokenizer


def _qwen3(layers: int) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=len(_QWEN_WORDS),
        hidden_size=_WIDTH,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        pad_token_id=_QWEN_WORDS.index("<|endoftext|>"),
    )


def _flux2_transformer(*, guidance_embeds: bool) -> Flux2Transformer2DModel:
    return Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * _WIDTH,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guidance_embeds,
    )


def _flux2_vae() -> AutoencoderKLFlux2:
    vae = AutoencoderKLFlux2(
        latent_channels=4,
        block_out_channels=(16, 16, 16, 16),
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=32,
    )
    mean, variance = vae.bn.running_mean, vae.bn.running_var
    assert mean is not None and variance is not None
    mean.normal_()
    variance.uniform_(0.5, 2.0)
    return vae


def _vae(latent_channels: int = 4, **more: Any) -> AutoencoderKL:
    return AutoencoderKL(
        latent_channels=latent_channels,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 16, 16, 16),
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=False,
        **more,
    )


def cut(file: Path, size: int) -> None:
    """Keeps only the first `size` bytes, like a broken download."""
    file.write_bytes(file.read_bytes()[:size])


def edit_json(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
