"""Fine-tunes a sentence encoder's upper layers. The lower layers stay unchanged, so their output is computed once."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from training.precision import has_bfloat16
from training.safety.corpus import CATEGORIES

TOKENS = 64  # tokens of a training text, including [CLS] and [SEP]
FROZEN = 4  # frozen layers, of six
_BATCH = 32
_SMOOTHING = 0.02  # label smoothing; about this share of labels is wrong
_CATEGORY_WEIGHT = 0.3
# Weight of the trained parameters when averaged with the original ones: WiSE-FT (Wortsman et al., 2022). On one half of the
# sources it gained 0.008 of mean AUC, on the other it lost 0.007.
_LEARNED = 0.75
_HALF = has_bfloat16("cpu")


@dataclass(frozen=True, slots=True)
class Task:
    """One training text. `category`: index into CATEGORIES, -1 for safe texts."""

    text: int  # index into the bank
    is_unsafe: bool
    category: int


class Bank:
    """The lower layers' output for every text, in half precision."""

    def __init__(self, model: Path, texts: Sequence[str]) -> None:
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS)
        self.ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        self.states: list[Tensor] = [torch.empty(0)] * len(texts)
        lower = BertModel.from_pretrained(model, add_pooling_layer=False).eval()
        lower.encoder.layer = lower.encoder.layer[:FROZEN]
        order = sorted(range(len(texts)), key=lambda at: len(self.ids[at]))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=_HALF):
            for start in range(0, len(order), 128):
                batch = order[start : start + 128]
                ids, mask = padded([torch.tensor(self.ids[at]) for at in batch])
                states = lower(ids, attention_mask=mask).last_hidden_state.to(torch.bfloat16)
                for row, at in enumerate(batch):
                    self.states[at] = states[row, : len(self.ids[at])].clone()

    def batch(self, which: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Returns states (rows, tokens, width) and their mask (rows, tokens)."""
        return padded([self.states[at] for at in which])


class Upper(nn.Module):
    """The trained layers and the head, which maps the mean and maximum over the tokens to unsafe or not, and to a category."""

    def __init__(self, model: Path) -> None:
        super().__init__()
        bert = BertModel.from_pretrained(model, add_pooling_layer=False)
        self.layers = nn.ModuleList(list(bert.encoder.layer)[FROZEN:])
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(2 * bert.config.hidden_size, 1 + len(CATEGORIES))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Returns logits (rows, 1 + categories)."""
        bias = (1.0 - mask[:, None, None, :].float()) * -1e4
        for layer in self.layers:
            out = layer(states, bias)
            states = out[0] if isinstance(out, tuple) else out
        known = mask[..., None].float()
        mean = (states * known).sum(1) / known.sum(1)
        most = (states + (known - 1) * 1e4).amax(1)
        return self.head(self.drop(torch.cat([mean, most], 1)))


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    out = torch.zeros(len(rows), longest, *rows[0].shape[1:], dtype=rows[0].dtype)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for at, row in enumerate(rows):
        out[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return out, mask


def fine_tune(bank: Bank, model: Path, tasks: Sequence[Task], *, seed: int, rate: float) -> Upper:
    """Trains one epoch over `tasks`, in batches of texts of equal length. The rate warms up, then falls linearly to zero.
    Afterwards the weights are averaged with the original ones."""
    torch.manual_seed(seed)
    chance = random.Random(seed)
    net = Upper(model).train()
    groups = [
        {"params": net.head.parameters(), "base": 20 * rate},
        {"params": net.layers.parameters(), "base": rate},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=0.01)
    batches = _batches(bank, tasks, chance)
    began = time.process_time()
    for step, batch in enumerate(batches):
        share = min(1.0, (step + 1) / 100) * max(0.02, 1 - step / len(batches))
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * share
        states, mask = bank.batch([task.text for task in batch])
        with torch.autocast("cpu", torch.bfloat16, enabled=_HALF):
            logits = net(states.float(), mask).float()
        loss = _loss(logits, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 0:
            print(f"  step {step} of {len(batches)}, {time.process_time() - began:.0f} s", flush=True)
    before = Upper(model).layers.state_dict()
    learned = net.layers.state_dict()
    net.layers.load_state_dict(
        {name: _LEARNED * learned[name] + (1 - _LEARNED) * before[name] for name in learned}
    )
    return net.eval()


def logits(bank: Bank, net: Upper, texts: Sequence[int]) -> np.ndarray:
    """Returns (texts, 1 + categories), float32."""
    order = sorted(texts, key=lambda at: len(bank.ids[at]))
    found: dict[int, np.ndarray] = {}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=_HALF):
        for start in range(0, len(order), 128):
            batch = order[start : start + 128]
            states, mask = bank.batch(batch)
            found.update(zip(batch, net(states.float(), mask).float().numpy(), strict=True))
    return np.stack([found[at] for at in texts]) if len(texts) else np.zeros((0, 1 + len(CATEGORIES)))


def _loss(logits: Tensor, batch: Sequence[Task]) -> Tensor:
    unsafe = torch.tensor([float(task.is_unsafe) for task in batch])
    loss = functional.binary_cross_entropy_with_logits(
        logits[:, 0], unsafe * (1 - _SMOOTHING) + _SMOOTHING / 2
    )
    category = torch.tensor([task.category for task in batch])
    if (known := category >= 0).any():
        loss = loss + _CATEGORY_WEIGHT * functional.cross_entropy(logits[known, 1:], category[known])
    return loss


def _batches(bank: Bank, tasks: Sequence[Task], chance: random.Random) -> list[list[Task]]:
    shuffled = list(tasks)
    chance.shuffle(shuffled)
    batches: list[list[Task]] = []
    for start in range(0, len(shuffled), 50 * _BATCH):
        chunk = sorted(shuffled[start : start + 50 * _BATCH], key=lambda task: len(bank.ids[task.text]))
        part = [chunk[at : at + _BATCH] for at in range(0, len(chunk), _BATCH)]
        chance.shuffle(part)
        batches += part
    return batches
