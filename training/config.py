"""The settings of training/config.toml, parsed once."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from training.scenes.scene import Mix

PATH = Path(__file__).with_name("config.toml")
WORK = Path(__file__).with_name("work")  # ignored by git: pools, checkpoints, sheets


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    seed: int
    samples: int  # per shard
    shards: int  # number of newest shards that training uses at a time
    decoder_pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    rounds: int
    judge_after: int  # rounds
    decoder_after: int  # rounds
    scored: int  # held-out captions of each kind, one picture each


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    seed: int
    samples: int
    batch: int
    muon_rate: float
    adam_rate: float
    warmup: int  # samples
    flat: float
    drop_caption: float
    snr_clamp: float
    ema: float
    checkpoint_every: float  # seconds
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    seed: int
    batch: int
    crop: int  # latents
    muon_rate: float
    adam_rate: float
    minutes: float
    checkpoint_every: float  # seconds
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    seed: int
    samples: int
    batch: int
    rate: float
    checkpoint_every: float  # seconds
    threads: int

    def mix(self, mix: Mix) -> Mix:
        """Returns a mix with equal frequencies, so that the judge learns rare cases as well as common ones."""
        return replace(mix, tinted=0.2, small=0.08, pair=0.25, flat=0.3, white=0.3, common=1.0, usual=0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    mix: Mix
    build: Build
    run: Run
    train: Train
    decoder: Decoder
    judge: Judge


def load(path: Path = PATH) -> Config:
    """Reads the whole file. Raises TypeError for an unknown or missing key."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return Config(
        mix=Mix(**document["mix"]),
        build=Build(**document["build"]),
        run=Run(**document["run"]),
        train=Train(**document["train"]),
        decoder=Decoder(**document["decoder"]),
        judge=Judge(**document["judge"]),
    )
