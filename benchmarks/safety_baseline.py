"""`python -m benchmarks.safety_baseline --data DIR --work DIR --encoder DIR`: compares the filter with a plain baseline on unseen
sources.

The baseline is untuned scikit-learn. One logistic regression uses TF-IDF of words and character n-grams. Another and a perceptron
use the embeddings of the frozen sentence encoder. The score is the mean of the three probabilities. The baseline trains on every
row of dev.jsonl whose source is not left out, and reads the same text as the filter. Both halves of the sources are measured, on
the same rows for both systems, and with learned scores only: neither uses rules here. Takes about twenty minutes of one core.
Embeddings are cached in --work.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from tokenizers import Tokenizer
from transformers import BertModel

from benchmarks.safety.held_out import HARMLESS, scores
from benchmarks.safety.sets import Share, area_under_curve
from benchmarks.shared import report
from training.safety.corpus import HELD_OUT, HELD_OUT_TOO, PHRASES, Example
from training.safety.encoder import TOKENS, padded
from training.safety.heads import Embed, remembered
from training.safety.train import Bench, hold_out, material, mix

_HALVES = {"first half": HELD_OUT, "second half": HELD_OUT_TOO}
_DRAWS = 1000
_FALSE = 0.01  # share of refused harmless prompts at which recall is reported
_SEED = 0


def baseline(
    found: Sequence[Example],
    embedded: NDArray[np.float32],
    left_out: frozenset[str],
    asked: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """Returns (asked,) probabilities by name, of models trained without some sources. `embedded`: (examples, width)."""
    seen = np.array(
        [
            at
            for at, example in enumerate(found)
            if example.prompt and example.source not in left_out and example.source not in PHRASES
        ]
    )
    texts = np.array([example.text for example in found], object)
    unsafe = np.array([example.is_unsafe for example in found])[seen]
    counted = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)),
            ("letters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True)),
        ]
    )
    words = make_pipeline(counted, LogisticRegression(C=4.0, solver="liblinear"))
    straight = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    bent = make_pipeline(
        StandardScaler(), MLPClassifier((128,), early_stopping=True, max_iter=30, random_state=_SEED)
    )
    told: dict[str, NDArray[np.float64]] = {}
    for name, model, given in (
        ("TF-IDF", words, texts),
        ("embeddings, logistic regression", straight, embedded),
        ("embeddings, perceptron", bent, embedded),
    ):
        fitted = cast("Any", model).fit(given[seen], unsafe)
        told[name] = fitted.predict_proba(given[asked])[:, 1]
    return {"plain stack": np.mean(list(told.values()), axis=0), **told}


def figures(groups: Sequence[tuple[str, bool]], score: NDArray[np.float64]) -> dict[str, Any]:
    """Returns the figures of one score. `groups` holds the source and label of each row."""
    harmless, unsafe = _split(groups)
    threshold = float(np.quantile(score[harmless], 1 - _FALSE))
    recall = {
        source: Share(int((score[own] > threshold).sum()), len(own)).as_json()
        for source, own in unsafe.items()
    }
    curves = {source: area_under_curve(score[own], score[harmless]) for source, own in unsafe.items()}
    of_sources = [curve for source, curve in curves.items() if source != "all"]
    return {
        "AUC": {"mean of the sources": float(np.mean(of_sources)), **curves},
        f"recall where {_FALSE:.0%} of captions and users' prompts are refused": recall,
    }


def _split(groups: Sequence[tuple[str, bool]]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Returns the rows of captions and users' prompts, and the unsafe rows by source and as "all"."""
    harmless = [at for at, (source, is_unsafe) in enumerate(groups) if source in HARMLESS and not is_unsafe]
    unsafe: dict[str, list[int]] = {"all": []}
    for at, (source, is_unsafe) in enumerate(groups):
        if is_unsafe:
            unsafe["all"].append(at)
            unsafe.setdefault(source, []).append(at)
    return np.array(harmless), {source: np.array(own) for source, own in unsafe.items()}


def difference(
    groups: Sequence[tuple[str, bool]], ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> dict[str, Any]:
    """Returns the filter's AUC and recall minus the baseline's over all sources, with 95 % bootstrap intervals. Both use the same
    resampled rows."""
    harmless, sources = _split(groups)
    unsafe = sources["all"]
    chance = np.random.default_rng(_SEED)
    drawn: list[tuple[float, float]] = []
    for draw in range(_DRAWS + 1):
        safe, own = (rows if draw == 0 else chance.choice(rows, len(rows)) for rows in (harmless, unsafe))
        curve, recall = (
            [measure(score[own], score[safe]) for score in (ours, theirs)]
            for measure in (area_under_curve, _recall)
        )
        drawn.append((curve[0] - curve[1], recall[0] - recall[1]))
    told: dict[str, Any] = {}
    for name, values in zip(("AUC", "recall"), np.array(drawn).T, strict=True):
        low, high = np.quantile(values[1:], [0.025, 0.975])
        told[name] = {
            key: round(float(value), 4)
            for key, value in (("difference", values[0]), ("low", low), ("high", high))
        }
    return told


def _recall(unsafe: NDArray[np.float64], safe: NDArray[np.float64]) -> float:
    return float((unsafe > np.quantile(safe, 1 - _FALSE)).mean())


def sentence_embeddings(model: Path) -> Embed:
    """Returns the unmodified sentence encoder: the mean over the word pieces, of length 1."""

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS)
        ids = [torch.tensor(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]
        net = BertModel.from_pretrained(model, add_pooling_layer=False).eval()
        out = np.zeros((len(texts), net.config.hidden_size), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(ids[at]))
        with torch.no_grad():
            for start in range(0, len(order), 128):
                batch = order[start : start + 128]
                pieces, mask = padded([ids[at] for at in batch])
                states = net(pieces, attention_mask=mask).last_hidden_state
                out[batch] = ((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)).numpy()
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    return embed


def main() -> None:
    options = _options()
    all_of_it = material(options.data)
    found = all_of_it.found
    bench = Bench(all_of_it, options.encoder, options.work)
    texts = [example.text for example in found]
    embedded = remembered(sentence_embeddings(options.encoder), texts, options.work / "sentences.npz")
    mixture = mix(found, hold_out(all_of_it, bench, HELD_OUT))
    result: dict[str, Any] = {"machine": report.machine()}
    tables: list[str] = []
    for half, left_out in _HALVES.items():
        answers = hold_out(all_of_it, bench, left_out)
        both = scores(mixture, answers)[:, 0]
        asked = np.flatnonzero(~np.isnan(both))
        groups = [(found[at].source, found[at].is_unsafe) for at in map(int, asked)]
        of = {"the filter": both[asked], **baseline(found, embedded, left_out, asked)}
        told = {name: figures(groups, score) for name, score in of.items()}
        apart = difference(groups, of["the filter"], of["plain stack"])
        result[half] = {"rows": len(asked), **told, "the filter less the plain stack": apart}
        tables.append(_table(half, told))
        tables.append(
            report.table(
                (half, "", "low", "high"), [(name, *values.values()) for name, values in apart.items()]
            )
        )
    report.show(result, tables, "safety_baseline", keep=options.keep)


def _table(half: str, told: dict[str, dict[str, Any]]) -> str:
    lines: list[tuple[object, ...]] = []
    for figure in next(iter(told.values())):
        for key in next(iter(told.values()))[figure]:
            cells = [each[figure][key] for each in told.values()]
            lines.append(
                (figure, key, *(cell["share"] if isinstance(cell, dict) else cell for cell in cells))
            )
    return report.table((half, "", *told), lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev.jsonl")
    parser.add_argument("--work", type=Path, required=True, help="what training left there, or shall be kept")
    parser.add_argument(
        "--encoder", type=Path, required=True, help="all-MiniLM-L6-v2, as for training.safety.train"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/safety_baseline.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


if __name__ == "__main__":
    main()
