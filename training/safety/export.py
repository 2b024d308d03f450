"""Exports the fine-tuned encoder as files that the bot reads without torch: an ONNX graph and a table of word pieces, in 8
bits."""

import json
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from transformers import BertModel

from moderation.classifier.encoder import GRAPH, PIECES, TOKENIZER
from training.safety.encoder import FROZEN, Upper

_OPSET = 17


class _Whole(nn.Module):
    """Maps word-piece vectors (1, tokens, width) to logits (1, outputs)."""

    def __init__(self, bert: BertModel, upper: Upper) -> None:
        super().__init__()
        self.position = bert.embeddings.position_embeddings
        self.kind = bert.embeddings.token_type_embeddings
        self.norm = bert.embeddings.LayerNorm
        self.lower = nn.ModuleList(list(bert.encoder.layer)[:FROZEN])
        self.upper = upper.layers
        self.head = upper.head

    def forward(self, pieces: Tensor) -> Tensor:
        places = torch.arange(pieces.shape[1])
        states = self.norm(pieces + self.position(places) + self.kind(torch.zeros_like(places)))
        states = _through(self.upper, _through(self.lower, states))
        return self.head(torch.cat([states.mean(1), states.amax(1)], 1))


def _through(layers: nn.ModuleList, states: Tensor) -> Tensor:
    for layer in layers:
        out = layer(states)
        states = out[0] if isinstance(out, tuple) else out
    return states


def export(model: Path, upper: Upper, folder: Path) -> None:
    """Writes the graph, the tokenizer and the table into `folder`."""
    bert = BertModel.from_pretrained(model, add_pooling_layer=False, attn_implementation="eager").eval()
    for layer in cast(
        "Any", upper.layers
    ):  # trained with another attention implementation, which can't be exported
        layer.attention.self.config = bert.config
    whole = _Whole(bert, upper).eval()
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        torch.onnx.export(
            whole,
            (torch.zeros(1, 7, bert.config.hidden_size),),
            str(full),
            input_names=["pieces"],
            output_names=["logits"],
            dynamic_axes={"pieces": {1: "tokens"}},
            opset_version=_OPSET,
            dynamo=False,
        )
        quantize_dynamic(full, folder / GRAPH, weight_type=QuantType.QInt8, per_channel=True)
    kept = _kept_pieces(model)
    _save_tokenizer(model, kept, folder / TOKENIZER)
    table = bert.embeddings.word_embeddings.weight.detach().numpy()[list(kept.values())]
    scale = np.abs(table).max(axis=1) / 127
    np.savez_compressed(
        folder / PIECES,
        table=np.round(table / scale[:, None]).astype(np.int8),
        scale=scale.astype(np.float32),
    )


def _kept_pieces(model: Path) -> dict[str, int]:
    """Returns the word pieces of plain letters and digits with their old numbers. Text for the classifier contains only these."""
    vocabulary = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    return {
        piece: number
        for piece, number in sorted(vocabulary.items(), key=lambda entry: entry[1])
        if piece in special or (piece.isascii() and piece.removeprefix("##").isalnum())
    }


def _save_tokenizer(model: Path, kept: dict[str, int], path: Path) -> None:
    document = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    number = {piece: at for at, piece in enumerate(kept)}
    document["model"]["vocab"] = number
    document["padding"] = document["truncation"] = None
    for added in document["added_tokens"]:
        added["id"] = number[added["content"]]
    special = document["post_processor"].get("special_tokens", {})
    for entry in special.values():
        entry["ids"] = [number[token] for token in entry["tokens"]]
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
