"""`python -m benchmarks.safety --data DIR`: runs the prompt filter on every set of development data.

Prints the refused share of each set with 95 % intervals. Without --work it measures the shipped filter, which was trained on most
of these sources. With --work it also measures models that did not see half of the sources (`python -m training.safety.train`
saves them there), which shows the filter on new sources. CPU time is of one thread.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.safety.held_out_languages import languages_held_out
from benchmarks.safety.sets import (
    CAPTIONS,
    REAL_USERS,
    Row,
    Share,
    Shares,
    area_under_curve,
    author_prompts,
    by_hand,
    figure_prompts,
    minors,
    name_lists,
    poses,
    prompts,
    smuggled,
    two_lives,
)
from benchmarks.shared import report
from moderation.classifier.classifier import load_classifier
from moderation.policy import presets
from moderation.prompts.filter import PromptFilter
from moderation.prompts.public_figures import figures as named_by
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import load_rules
from moderation.verdict import Category, Ruling, Verdict

_FIGURES = 600  # number of public figures tested


@dataclass(frozen=True, slots=True)
class Judged:
    row: Row
    verdict: Verdict
    seconds: float  # CPU seconds of this thread

    @property
    def is_refused(self) -> bool:
        return self.verdict.ruling is Ruling.REFUSE


def main() -> None:
    options = _options()
    data: Path = options.data
    began = time.thread_time()
    rules, classifier = load_rules(), load_classifier()
    screen = PromptFilter(rules, classifier, load_figures())
    result: dict[str, Any] = {"machine": report.machine(), "load_seconds": time.thread_time() - began}
    tables: list[str] = []
    dev = judge(screen, prompts(data / "dev.jsonl", most=options.rows))
    for name, part in (
        ("shipped", shipped(dev)),
        ("disguised", disguised(screen, prompts(data / "evasion_dev.jsonl", most=2 * options.rows))),
        ("smuggled", same_verdict(screen, smuggled(data / "evasion_params_dev.jsonl"))),
        ("languages", languages(screen, data, options.rows)),
        ("languages held out", languages_held_out(rules, classifier, by_hand())),
        ("minors", always_refused(screen, minors(data / "lexicons"))),
        ("cases", cases(dev)),
        ("words with two meanings", by_source(screen, two_lives())),
        ("poses", by_source(screen, poses(data / "own"))),
        ("figures", figures(screen, data, dev)),
        ("time", timing(dev)),
    ):
        result[name] = part
        tables.append(_table(name, part))
    if options.work is not None:
        from benchmarks.safety.held_out import held_out  # needs torch and the training's packages

        result["held_out"] = held_out(data, options.work, options.encoder)
        halves = dict(result["held_out"])
        for half in ("first half", "second half"):
            tables.append(_table(f"held out, {half}", halves.pop(half)))
        tables.append(_table("held out", halves))
    report.show(result, tables, "safety", keep=options.keep)


def judge(screen: PromptFilter, rows: Sequence[Row]) -> list[Judged]:
    judged: list[Judged] = []
    for row in rows:
        began = time.thread_time()
        verdict = screen.check(row.texts)
        judged.append(Judged(row, verdict, time.thread_time() - began))
    return judged


def shipped(dev: Sequence[Judged]) -> dict[str, Any]:
    refused, flagged, categories, also = Shares(), Shares(), Shares(), Shares()
    for one in dev:
        key = f"{one.row.source}, {'unsafe' if one.row.is_unsafe else 'safe'}"
        refused.count(key, one.is_refused)
        flagged.count(key, one.verdict.ruling is not Ruling.ALLOW)
        if one.row.is_unsafe:
            categories.count(one.row.category, one.is_refused)
            also.count(one.row.category, one.verdict.ruling is not Ruling.ALLOW)
    harmless = (*CAPTIONS, *REAL_USERS)
    return {
        "AUC, all unsafe against captions and real users' prompts": area_under_curve(
            [one.verdict.score for one in dev if one.row.is_unsafe],
            [one.verdict.score for one in dev if not one.row.is_unsafe and one.row.source in harmless],
        ),
        "refused": refused.as_json(),
        "refused or flagged": flagged.as_json(),
        "unsafe refused, by category": categories.as_json(),
        "unsafe refused or flagged, by category": also.as_json(),
    }


def cases(dev: Sequence[Judged]) -> dict[str, Any]:
    """Counts, of harmless prompts, what opens a case or is refused, apart; and of those without a real person."""
    opened, refused, without_person = Shares(), Shares(), Shares()
    for one in dev:
        if one.row.is_unsafe or one.row.source not in (*CAPTIONS, *REAL_USERS):
            continue
        opened.count(one.row.source, one.verdict.ruling is Ruling.FLAG)
        refused.count(one.row.source, one.is_refused)
        if one.verdict.category is not Category.REAL_PERSON:
            without_person.count(one.row.source, one.verdict.ruling is Ruling.FLAG)
    return {
        "flagged, which opens a case": opened.as_json(),
        "refused": refused.as_json(),
        "flagged, of those without a real person": without_person.as_json(),
    }


def by_source(screen: PromptFilter, rows: Sequence[Row]) -> dict[str, Any]:
    refused, flagged = Shares(), Shares()
    for one in judge(screen, rows):
        key = f"{one.row.source}, {'unsafe' if one.row.is_unsafe else 'safe'}"
        refused.count(key, one.is_refused)
        flagged.count(key, one.verdict.ruling is not Ruling.ALLOW)
    return {"refused": refused.as_json(), "refused or flagged": flagged.as_json()}


def disguised(screen: PromptFilter, rows: Sequence[Row]) -> dict[str, Any]:
    kept, controls, everything = Shares(), Shares(), Share()
    for row in rows:
        is_refused = screen.check(row.texts).ruling is Ruling.REFUSE
        if not row.is_unsafe:
            controls.count(row.technique, is_refused)
            controls.count("all", is_refused)
        elif screen.check({"prompt": row.original}).ruling is Ruling.REFUSE:
            kept.count(row.technique, is_refused)
            everything.count(is_refused)
    return {
        "of what is refused in the clear": {"all": everything.as_json()} | kept.as_json(),
        "safe controls refused": controls.as_json(),
    }


def same_verdict(screen: PromptFilter, rows: Sequence[Row]) -> dict[str, Any]:
    right = Shares()
    for row in rows:
        right.count(row.technique, (screen.check(row.texts).ruling is Ruling.REFUSE) == row.is_unsafe)
    return {"right": right.as_json()}


def languages(screen: PromptFilter, data: Path, most: int) -> dict[str, Any]:
    shares = {
        (kind, done): Shares() for kind in ("unsafe", "safe") for done in ("refused", "refused or flagged")
    }
    for row in (*prompts(data / "multilingual_dev.jsonl", most=5 * most), *by_hand()):
        source = "word list" if row.source.startswith("ldnoobw") else row.source
        ruling = screen.check(row.texts).ruling
        kind, key = "unsafe" if row.is_unsafe else "safe", f"{row.language}, {source}"
        shares[kind, "refused"].count(key, ruling is Ruling.REFUSE)
        shares[kind, "refused or flagged"].count(key, ruling is not Ruling.ALLOW)
    return {f"{kind} {done}": share.as_json() for (kind, done), share in shares.items()}


def always_refused(screen: PromptFilter, rows: Sequence[Row]) -> dict[str, Any]:
    refused = Shares()
    for name, policy in presets().items():
        for row in rows:
            refused.count(name, screen.check(row.texts, policy=policy).ruling is Ruling.REFUSE)
    return {"refused": refused.as_json()}


def figures(screen: PromptFilter, data: Path, dev: Sequence[Judged]) -> dict[str, Any]:
    named, captions, styles = Shares(), Share(), Shares()
    for row in author_prompts(data / "own" / "makers.json"):
        styles.count(row.source, screen.check(row.texts).category is not Category.REAL_PERSON)
    for row in figure_prompts(data / "public_figures.jsonl", most=_FIGURES):
        named.count(row.source, screen.check(row.texts).category is Category.REAL_PERSON)
    for one in dev:
        if one.row.source in CAPTIONS and not one.row.is_unsafe:
            captions.count(one.verdict.category is Category.REAL_PERSON)
    return {
        "listed names found": named.as_json(),
        "captions taken for a name": {"all": captions.as_json()},
        "unlisted names found": unlisted(data),
        "authors not taken for a person": styles.as_json(),
    }


def unlisted(data: Path) -> dict[str, Any]:
    """Measures the share of each name list that the other lists contain."""
    lists = name_lists(data / "public_figures.jsonl")
    found = Shares()
    for source, own in lists.items():
        others = named_by(name for other, names in lists.items() if other != source for name in names)
        for name in own:
            found.count(source, bool(others.found(name.split())))
    return found.as_json()


def timing(dev: Sequence[Judged]) -> dict[str, Any]:
    microseconds = [one.seconds * 1e6 for one in dev]
    return {
        "CPU microseconds a prompt": {
            "median": report.percentile(microseconds, 50),
            "p99": report.percentile(microseconds, 99),
            "most": max(microseconds),
            "n": len(microseconds),
        }
    }


def _table(name: str, part: dict[str, Any]) -> str:
    """Returns a table with the shares of every group."""
    lines: list[tuple[object, ...]] = []
    for title, group in part.items():
        if not isinstance(group, dict):
            lines.append((title, "", f"{group:.4g}"))
            continue
        for key, share in group.items():
            if isinstance(share, dict):
                lines.append((title, key, str(Share(share["hits"], share["n"]))))
            else:
                lines.append((title, key, f"{share:.4g}"))
    return report.table((name, "", "share (95 %)"), lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev.jsonl")
    parser.add_argument("--rows", type=int, default=400, help="of each source and label, at most")
    parser.add_argument("--work", type=Path, help="what training left there: adds the held-out figures")
    parser.add_argument(
        "--encoder", type=Path, help="the sentence encoder, where --work lacks a fold's model"
    )
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/safety.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
