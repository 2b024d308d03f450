"""Runs the whole training in the background: `python -m training.run --archive drawings.zip --start models/bundled`.

Uses one thread at the lowest priority. A round composes a new shard of the pool, trains the U-Net on the newest shards, and
scores it with held-out captions. WORK/best holds the model with the best score in diffusers' layout, WORK/scores.json all
scores. Judge and decoder are trained between two rounds. The process may be stopped (kill -STOP, -CONT) or killed at any
time; the same command continues from the last checkpoint. With `--until` the rates fall to zero at a time (UTC) instead of at
the last sample.
"""

import argparse
import json
import os
import random
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch

from training import config, decoder, hold_out, judge, train
from training.build import Builder, Source, shard_at
from training.evaluate import Bench, score
from training.network.sampler import Sampler
from training.package import package
from training.scenes.scene import Scene

STEPS: Final = 20
GUIDANCE: Final = 4.0
SEED: Final = 1


class Run:
    """The rounds of a training in one folder."""

    def __init__(self, archive: Path, start: Path, text: Path, work: Path, settings: config.Config) -> None:
        self._archive, self._start, self._text, self._work = archive, start, text, work
        self._settings = settings
        self._builder = Builder(archive, text, start, work, settings)
        self._bench: Bench | None = None
        self._has_decoder = False

    def go(self, until: float | None) -> None:
        """Runs to the end of the training. `until`: seconds since 1970."""
        settings, each = self._settings, self._settings.train.samples // self._settings.run.rounds
        self._lay_out(0)
        trainer = train.open_trainer(self._work, settings.train, self._start)
        is_over = False
        while not is_over:
            number = trainer.progress.samples // each
            self._lay_out(number)
            trainer.learn_from(train.load_pool(self._work))
            is_over = train.train(trainer, self._work, settings.train, until, pause_at=(number + 1) * each)
            with torch.random.fork_rng():
                self._measure(number + 1, trainer.progress.samples)

    def _lay_out(self, number: int) -> None:
        """Builds the newest shards up to this one and deletes older ones."""
        first = max(0, number + 1 - self._settings.build.shards)
        for wanted in range(first, number + 1):
            self._builder.shard(wanted)
        for old in range(first):
            shard_at(self._work, old).unlink(missing_ok=True)

    def _measure(self, rounds: int, samples: int) -> None:
        settings = self._settings
        if rounds >= settings.run.decoder_after and not self._has_decoder:
            decoder.train(self._work, self._start, settings.decoder)
            self._has_decoder = True
        if rounds < settings.run.judge_after:
            return
        if self._bench is None:
            self._bench = self._open_bench()
        latest = self._work / "latest"
        package(self._work, self._text, latest, self._start)
        sampler = Sampler.open(latest, STEPS, GUIDANCE)
        row: dict[str, Any] = {"samples": samples}
        for name, held in zip(("plain", "backdrops"), hold_out.both(hold_out.load()), strict=True):
            row[name] = score(self._bench, sampler, some(held, settings.run.scored), SEED)
        row["score"] = (row["plain"] + row["backdrops"]) / 2
        print(row, flush=True)
        scores = self._work / "scores.json"
        rows: list[dict[str, Any]] = json.loads(scores.read_bytes()) if scores.exists() else []
        if all(row["score"] >= former["score"] for former in rows):
            keep(latest, self._work / "best")
        scores.write_text(json.dumps([*rows, row], indent=1) + "\n", encoding="utf-8")

    def _open_bench(self) -> Bench:
        path = self._work / judge.FILE
        if not path.exists():
            source = Source(self._archive, self._settings.mix, self._settings.judge.seed)
            judge.make(source, self._settings, self._work)
        return Bench(self._archive, self._work)


def some(held: list[Scene], count: int) -> list[Scene]:
    """Returns the same sample of scenes every time."""
    return random.Random(SEED).sample(held, count)


def keep(model: Path, place: Path) -> None:
    """Copies the folder over `place`."""
    new = place.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(model, new)
    shutil.rmtree(place, ignore_errors=True)
    new.rename(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--start", type=Path, required=True, help="the packaged model to begin from")
    parser.add_argument(
        "--text", type=Path, help="a folder of training.prune or a model folder; default: WORK/text"
    )
    parser.add_argument(
        "--work", type=Path, default=config.WORK, help="pool, checkpoints, scores, the best model"
    )
    parser.add_argument("--until", type=datetime.fromisoformat, help="a deadline, UTC")
    arguments = parser.parse_args()
    os.nice(19)
    torch.set_num_threads(1)
    text = arguments.text or arguments.work / "text"
    until = arguments.until and arguments.until.replace(tzinfo=UTC).timestamp()
    started = time.monotonic()
    Run(arguments.archive, arguments.start, text, arguments.work, config.load()).go(until)
    print(f"done, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
