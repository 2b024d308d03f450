"""A processor of text and pictures without torchvision, for the pipelines whose text encoder sees pictures.

transformers' Qwen2VLProcessor has a part for videos, which needs torchvision: it brings a CUDA of its own (ADR 0004). The
pipelines of Qwen-Image-Edit pass texts and pictures alone.
"""

import json
from typing import Any

from transformers import Qwen2VLProcessor
from transformers.processing_utils import ProcessorMixin

from generation.files.model_folder import ModelFolder

_PART = "processor"


class PictureProcessor(Qwen2VLProcessor):
    """The same texts and pictures in, the same tensors out; no videos."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None, **_: Any
    ) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id, self.video_token_id = (
            tokenizer.convert_tokens_to_ids(token) for token in (self.image_token, self.video_token)
        )
        # Its own __init__ passes the part for videos on; transformers reads from this signature which parts there are.
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def vision_processor(folder: ModelFolder) -> dict[str, Any]:
    """Returns the pipeline's part of that name, if the folder has one of this class; otherwise nothing."""
    index = json.loads((folder.path / "model_index.json").read_text(encoding="utf-8"))
    if index.get(_PART, [None, None])[1] != Qwen2VLProcessor.__name__:
        return {}
    return {_PART: PictureProcessor.from_pretrained(str(folder.path / _PART), local_files_only=True)}
