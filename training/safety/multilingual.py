"""`python -m training.safety.multilingual --data DIR`: trains the head that scores other languages, on English prompts alone.

The encoder is frozen: fine-tuned to English, it loses languages. A strong weight decay makes the head carry over. Sources whose
rows are unsafe for the picture that came of them teach it noise, and are left out. Of rows that one language model wrote, a part
is enough. Requests ("how do I …") are repeated, because the other sources have few. The scale is set by users' prompts that the
head has not seen: 2 % reach the flag of the standard policy, 0.3 % its refusal. Run it after training.safety.train, which writes
the model's card anew.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from hashlib import sha256
from math import log
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from moderation.classifier.classifier import CARD, MODEL
from moderation.classifier.multilingual import HEAD, SCALE, encode
from moderation.policy import standard
from moderation.prompts.rules import load_rules
from moderation.verdict import Category
from training.safety.corpus import CATEGORIES, REAL_USERS, WORD_LISTS, Example, examples

_SEED = 0
_EPOCHS, _BATCH, _RATE, _DECAY = 8, 256, 1e-3, 1.0
_FOLDS = 4
_FLAGGED, _REFUSED = 0.02, 0.003  # shares of users' prompts
_LETTERS = 600
_TEXTS = 32  # encoded at once
_JUDGED_BY_PICTURE = frozenset({"adversarial_nibbler", "i2p"})
_MOST = {"coprov2_train": 12_000, "coprov2_test": 3_000}  # rows
_REQUESTS = Path(__file__).with_name("requests.txt")
_REPEATS = 20  # of each request
_SAFE = "safe"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev.jsonl")
    parser.add_argument(
        "--vectors", type=Path, help="keeps the encoder's vectors in this file for the next run"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = [*_described(options.data), *requests()]
    once = torch.from_numpy(_vectors([example.prompt for example in found], options.vectors)) * SCALE
    times = [_REPEATS if example.source == _REQUESTS.stem else 1 for example in found]
    found = [example for example, repeats in zip(found, times, strict=True) for _ in range(repeats)]
    vectors = once.repeat_interleave(torch.tensor(times), dim=0)
    harm, categories = _scaled(vectors, found), _category_head(vectors, found)
    weights = torch.cat([harm.weight, categories.weight]).detach().numpy()
    bias = torch.cat([harm.bias, categories.bias]).detach().numpy()
    np.savez(MODEL / HEAD, weights=weights.astype(np.float32), bias=bias.astype(np.float32))
    card = json.loads((MODEL / CARD).read_text(encoding="utf-8"))
    card["files"][HEAD] = sha256((MODEL / HEAD).read_bytes()).hexdigest()
    (MODEL / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(f"{len(found)} rows; wrote {MODEL / HEAD}")


def _described(data: Path) -> list[Example]:
    """Returns the English prompts of the development data and of the rules."""
    found = [
        example
        for example in examples(data, load_rules(), seed=_SEED)
        if example.prompt
        and example.language == "en"
        and not example.source.startswith(WORD_LISTS)
        and example.source not in _JUDGED_BY_PICTURE
    ]
    chance = random.Random(_SEED)
    for source, most in _MOST.items():
        own = [at for at, example in enumerate(found) if example.source == source]
        left_out = set(chance.sample(own, max(0, len(own) - most)))
        found = [example for at, example in enumerate(found) if at not in left_out]
    return found


def requests() -> list[Example]:
    """Reads requests.txt. Raises ValueError for a category that is not one of the classifier's."""
    found: list[Example] = []
    for line in _REQUESTS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            category, _, text = map(str.strip, line.partition("|"))
            is_unsafe = category != _SAFE
            found.append(
                Example(
                    prompt=text,
                    text=text,
                    is_unsafe=is_unsafe,
                    category=CATEGORIES.index(Category(category)) if is_unsafe else -1,
                    source=_REQUESTS.stem,
                    language="en",
                )
            )
    return found


def _vectors(texts: Sequence[str], kept: Path | None) -> NDArray[np.float32]:
    if kept is not None and kept.exists():
        return np.load(kept)
    # Texts of like length share a batch.
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    vectors = np.zeros((len(texts), 512), np.float32)
    for start in range(0, len(order), _TEXTS):
        some = order[start : start + _TEXTS]
        vectors[some] = encode([texts[at][:_LETTERS] for at in some])
    if kept is not None:
        np.save(kept, vectors)
    return vectors


def _scaled(vectors: Tensor, found: Sequence[Example]) -> nn.Linear:
    """Trains the first output and brings it to the scale of the English classifier."""
    unsafe = torch.tensor([float(example.is_unsafe) for example in found])
    users = np.array([at for at, example in enumerate(found) if example.source in REAL_USERS])
    folds = np.random.default_rng(_SEED).integers(0, _FOLDS, len(users))
    unseen = np.zeros(len(users))
    for fold in range(_FOLDS):
        left = np.ones(len(found), bool)
        left[users[folds == fold]] = False
        head = _harm_head(vectors[left], unsafe[left])
        with torch.no_grad():
            unseen[folds == fold] = head(vectors[users[folds == fold]])[:, 0].numpy()
    flag, refuse = np.quantile(unseen, [1 - _FLAGGED, 1 - _REFUSED])
    stance = standard().stance(Category.SEXUAL)
    low, high = (log(score / (1 - score)) for score in (stance.flag, stance.refuse))
    slope = float((high - low) / (refuse - flag))
    head = _harm_head(vectors, unsafe)
    with torch.no_grad():
        head.weight *= slope
        head.bias.mul_(slope).add_(low - slope * float(flag))
    return head


def _harm_head(vectors: Tensor, unsafe: Tensor) -> nn.Linear:
    head = nn.Linear(vectors.shape[1], 1)
    return _trained(
        head, vectors, lambda logits, some: F.binary_cross_entropy_with_logits(logits[:, 0], unsafe[some])
    )


def _category_head(vectors: Tensor, found: Sequence[Example]) -> nn.Linear:
    kept = [at for at, example in enumerate(found) if example.category >= 0]
    category = torch.tensor([found[at].category for at in kept])
    head = nn.Linear(vectors.shape[1], len(CATEGORIES))
    return _trained(head, vectors[kept], lambda logits, some: F.cross_entropy(logits, category[some]))


def _trained(head: nn.Linear, vectors: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]) -> nn.Linear:
    torch.manual_seed(_SEED)
    head.reset_parameters()
    optimizer = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=_DECAY)
    for _ in range(_EPOCHS):
        for some in torch.randperm(len(vectors)).split(_BATCH):
            optimizer.zero_grad()
            loss_of(head(vectors[some]), some).backward()
            optimizer.step()
    return head


if __name__ == "__main__":
    main()
