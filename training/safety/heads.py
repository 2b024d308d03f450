"""A head on an encoder that is not trained: what it learns carries over to sources that the fine-tuned voices have not seen.

It is the sum of a linear head and a perceptron, brought to the same deviation. A strong weight decay makes both carry over.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from moderation.classifier.multilingual import SCALE, encode

_SEED = 0
_BATCH, _RATE, _DECAY = 256, 1e-3, 1.0
_LINEAR_EPOCHS, _EPOCHS = 8, 5
_HIDDEN, _DROPPED = 128, 0.2
_LETTERS = 600  # of a text for the encoder of many languages
_TEXTS = 32  # encoded at once

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


class _Perceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, _HIDDEN)
        self.drop = nn.Dropout(_DROPPED)
        self.output = nn.Linear(_HIDDEN, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.output(self.drop(self.hidden(vectors).relu()))


class Head(nn.Module):
    """Maps embeddings (rows, width) of length 1 to logits (rows, 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.bent = _Perceptron(width)

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.linear(embeddings * SCALE) + self.bent(embeddings * SCALE)


def fit_head(
    embeddings: NDArray[np.float32], unsafe: NDArray[np.bool_], weights: NDArray[np.float32]
) -> Head:
    """Trains both parts on their own, then divides each by its deviation over the training rows."""
    vectors = torch.from_numpy(embeddings) * SCALE
    labels, weighed = torch.from_numpy(unsafe.astype(np.float32)), torch.from_numpy(weights)
    torch.manual_seed(_SEED)
    head = Head(vectors.shape[1])
    for part, epochs in ((head.linear, _LINEAR_EPOCHS), (head.bent, _EPOCHS)):
        _train(part, vectors, labels, weighed, epochs)
    head.eval()
    with torch.no_grad():
        for part, last in ((head.linear, head.linear), (head.bent, head.bent.output)):
            said = part(vectors)
            deviation = said.std()
            last.weight /= deviation
            last.bias.sub_(said.mean()).div_(deviation)
    return head


def _train(part: nn.Module, vectors: Tensor, labels: Tensor, weights: Tensor, epochs: int) -> None:
    optimizer = torch.optim.AdamW(part.parameters(), lr=_RATE, weight_decay=_DECAY)
    part.train()
    for _ in range(epochs):
        for some in torch.randperm(len(vectors)).split(_BATCH):
            logits = part(vectors[some])[:, 0]
            losses = F.binary_cross_entropy_with_logits(logits, labels[some], reduction="none")
            optimizer.zero_grad()
            (losses * weights[some]).mean().backward()
            optimizer.step()


def logits(head: Head, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns (rows,)."""
    with torch.no_grad():
        return head(torch.from_numpy(embeddings))[:, 0].double().numpy()


def save_universal(head: Head, path: Path) -> None:
    def array(each: Tensor) -> NDArray[np.float32]:
        return each.detach().numpy().astype(np.float32)

    bent = head.bent
    np.savez(
        path,
        linear=array(head.linear.weight[0]),
        hidden=array(bent.hidden.weight),
        hidden_bias=array(bent.hidden.bias),
        output=array(bent.output.weight[0]),
        bias=array((head.linear.bias + bent.output.bias)[0]),
    )


def universal_embeddings(texts: Sequence[str]) -> NDArray[np.float32]:
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    out = np.zeros((len(texts), 512), np.float32)
    for start in range(0, len(order), _TEXTS):
        batch = order[start : start + _TEXTS]
        out[batch] = encode([texts[at][:_LETTERS] or " " for at in batch])
    return out


def remembered(embed: Embed, texts: Sequence[str], kept: Path) -> NDArray[np.float32]:
    """Returns the texts' embeddings. `kept`: a file with those of earlier calls; only new texts are embedded."""
    known: dict[str, int] = {}
    table = np.zeros((0, 0), np.float32)
    if kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            table = arrays["table"]
            known = {key: at for at, key in enumerate(arrays["keys"].tolist())}
    keys = {text: sha256(text.encode()).hexdigest()[:16] for text in texts}
    if missing := [text for text, key in keys.items() if key not in known]:
        print(f"embedding {len(missing)} texts", flush=True)
        new = embed(missing)
        table = np.concatenate([table, new]) if len(table) else new
        known |= {keys[text]: len(known) + at for at, text in enumerate(missing)}
        np.savez(kept, table=table, keys=np.array(list(known)))
    return table[[known[keys[text]] for text in texts]]
