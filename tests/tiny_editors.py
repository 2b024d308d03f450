"""Model folders with random weights for pipelines that change pictures; as in tests/tiny_models.py."""

import json
from pathlib import Path

from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from tests.tiny_models import edit_json, tiny_qwen_image


def tiny_qwen_edit(folder: Path) -> Path:
    """Builds Qwen-Image-Edit Plus: Qwen-Image whose text encoder sees the pictures, and a processor as its folders have it."""
    tiny_qwen_image(folder)
    tokenizer, encoder = (
        Qwen2Tokenizer.from_pretrained(folder / "tokenizer"),
        Qwen2_5_VLForConditionalGeneration.from_pretrained(folder / "text_encoder"),
    )
    marks = ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *marks]})
    encoder.resize_token_embeddings(len(tokenizer))
    names = ("vision_start_token_id", "image_token_id", "vision_end_token_id", "video_token_id")
    for name, mark in zip(names, marks, strict=True):
        setattr(encoder.config, name, tokenizer.convert_tokens_to_ids(mark))
    encoder.save_pretrained(folder / "text_encoder")
    for part in ("tokenizer", "processor"):
        tokenizer.save_pretrained(folder / part)
    pictures = {"image_processor_type": "Qwen2VLImageProcessor", "patch_size": 14, "merge_size": 2}
    videos = {"video_processor_type": "Qwen2VLVideoProcessor"}
    for name, config in (("preprocessor_config.json", pictures), ("video_preprocessor_config.json", videos)):
        whole = {"processor_class": "Qwen2VLProcessor", **config}
        (folder / "processor" / name).write_text(json.dumps(whole), encoding="utf-8")
    edit_json(
        folder / "model_index.json",
        _class_name="QwenImageEditPlusPipeline",
        processor=["transformers", "Qwen2VLProcessor"],
    )
    return folder
