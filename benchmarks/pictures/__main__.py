"""Measures the processing of a finished picture, and which changes its fingerprint and its mark survive.

    python -m benchmarks.pictures [--keep]

Uses four sets: 64 pictures of the bundled model from docs/images/bundled-model.jpg (128 px, and enlarged to 512 px as in the
bot); 32 pictures of waves and 32 of blobs (tests/pictures.py); four plain ones. Milliseconds are CPU time of one thread, so that
other work on the machine does not change them.

- Detector: the share of harmless pictures that the policies flag or refuse.
- PDQ: the distances of a changed picture from itself, and of different pictures from each other.
- Mark: peak signal-to-noise ratio, the share of changed pictures whose number is still read, and the share of the 96 bits that
  are right before error correction. False reads: how many unmarked pictures and views gave a number.
- Loop: the lag of an event loop while another thread finishes pictures, and while no thread works.
"""

import argparse
import asyncio
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from benchmarks.shared.report import RESULTS, machine, percentile, table
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import ProvenanceSettings
from generation.files import images
from generation.provenance import watermark
from generation.provenance.content_credentials import Claim
from main import SWITCH_SECONDS
from moderation.pictures.check import PictureCheck
from moderation.pictures.perceptual_hash import SAME, distance, fingerprint
from moderation.pictures.registry import load_detectors
from moderation.policy import presets
from moderation.verdict import Ruling
from tests.pictures import blobs, jpeg, waves

ROOT = Path(__file__).resolve().parents[2]
SHEET = ROOT / "docs" / "images" / "bundled-model.jpg"
COLUMNS, ROWS, SIDE = 8, 8, 128
KEY = b"the key of the benchmark"  # another key gives a slightly different mark

Changed = Callable[[Image.Image], Image.Image]
T = TypeVar("T")


def encoded(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(jpeg(picture, quality))).convert("RGB")


def resized(picture: Image.Image, factor: float) -> Image.Image:
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, Image.Resampling.LANCZOS)


def scribbled(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    ImageDraw.Draw(copy).rectangle((0, 0, picture.width // 2, picture.height // 8), fill="black")
    return copy


CHANGES: Mapping[str, Changed] = {
    "nothing": lambda picture: picture,
    "JPEG 80": lambda picture: encoded(picture, 80),
    "JPEG 50": lambda picture: encoded(picture, 50),
    "half the size": lambda picture: resized(picture, 0.5),
    "half, then JPEG 80": lambda picture: encoded(resized(picture, 0.5), 80),
    "a quarter of the size": lambda picture: resized(picture, 0.25),
    "10 % brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "a black bar over a sixteenth": scribbled,
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 1 degree": lambda picture: picture.rotate(1, Image.Resampling.BICUBIC),
    "cropped by 2 % a side": lambda picture: picture.crop(
        (
            picture.width // 50,
            picture.height // 50,
            picture.width - picture.width // 50,
            picture.height - picture.height // 50,
        )
    ),
}


def drawn() -> list[Image.Image]:
    """Returns the bundled model's pictures, 128 px."""
    with Image.open(SHEET) as sheet:
        wide, high = sheet.width // COLUMNS, sheet.height // ROWS
        return [
            sheet.crop((wide * column, high * row, wide * column + SIDE, high * row + SIDE)).convert("RGB")
            for row in range(ROWS)
            for column in range(COLUMNS)
        ]


def timed(work: Callable[[], T], times: int = 5) -> float:
    """Returns the milliseconds of this thread: the median of `times` runs after a warm-up run."""
    work()
    spent: list[float] = []
    for _ in range(times):
        began = time.thread_time()
        work()
        spent.append(1000 * (time.thread_time() - began))
    return statistics.median(spent)


def costs(provenance: Provenance, check: PictureCheck, side: int) -> dict[str, float]:
    mark, credentials = provenance.watermark, provenance.credentials
    picture = waves(1, side, side)
    content = images.to_png(picture, "a prompt\nSteps: 20, Seed: 7")
    marked = mark.marked(picture, 7)
    claim = Claim(job="aaaaabbbbb", image=0, model="emoji")
    signed = credentials.signed(content, "png", claim)
    return {
        "check, ms": timed(lambda: check.judge(picture, presets()["standard"])),
        "hash, ms": timed(lambda: fingerprint(picture)),
        "mark, ms": timed(lambda: mark.marked(picture, 7)),
        "read a mark, ms": timed(lambda: mark.read(marked)),
        "sign, ms": timed(lambda: credentials.signed(content, "png", claim)),
        "read credentials, ms": timed(lambda: credentials.read(signed, "png")),
        "decode and encode the PNG, ms": timed(lambda: images.to_png(images.open_picture(content))),
        "credentials, bytes": len(signed) - len(content),
    }


def detector(check: PictureCheck, sets: Mapping[str, Sequence[Image.Image]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, pictures in sets.items():
        scores = [max(check.detectors[0].score(each).values()) for each in pictures]
        row = {"highest score": f"{max(scores):.3f}"}
        for policy in ("standard", "family"):
            rulings = [check.judge(each, presets()[policy]).ruling for each in pictures]
            flagged, refused = rulings.count(Ruling.FLAG), rulings.count(Ruling.REFUSE)
            row[f"{policy}: flagged, refused"] = f"{flagged}, {refused} of {len(pictures)}"
        found[name] = row
    return found


def hashes(pictures: Sequence[Image.Image]) -> dict[str, Any]:
    prints = {
        number: print for number, each in enumerate(pictures) if (print := fingerprint(each)) is not None
    }
    apart = sorted(distance(first, second) for first, second in combinations(prints.values(), 2))
    found: dict[str, Any] = {
        "with a hash": f"{len(prints)} of {len(pictures)}",
        "different pictures: least, median": f"{apart[0]}, {statistics.median(apart):g}",
        f"pairs of different pictures within {SAME}": f"{sum(each <= SAME for each in apart)} of {len(apart)}",
    }
    for name, change in CHANGES.items():
        again = {number: fingerprint(change(pictures[number])) for number in prints}
        distances = [distance(prints[number], print) for number, print in again.items() if print is not None]
        same = sum(each <= SAME for each in distances)
        found[name] = f"{same / len(prints):.0%} known, median {statistics.median(distances):g} bits"
    return found


def marks(mark: watermark.Watermark, pictures: Sequence[Image.Image]) -> dict[str, Any]:
    numbers = [int(each) for each in np.random.default_rng(1).integers(0, 2**32, len(pictures))]
    marked = [mark.marked(each, number) for each, number in zip(pictures, numbers, strict=True)]
    noise = [peak_to_noise(*pair) for pair in zip(pictures, marked, strict=True)]
    found: dict[str, Any] = {"PSNR, dB: least, mean": f"{min(noise):.1f}, {statistics.mean(noise):.1f}"}
    for name, change in CHANGES.items():
        after = [change(each) for each in marked]
        read = sum(mark.read(each) == number for each, number in zip(after, numbers, strict=True))
        right = statistics.mean(
            mark.agreement(each, number) for each, number in zip(after, numbers, strict=True)
        )
        found[name] = f"{read / len(pictures):.0%} read, {right:.3f} of the bits"
    empty = [
        view for each in pictures for view in (each, *images.cells_of(each, 2), *images.cells_of(each, 4))
    ]
    false = sum(mark.read(each) is not None for each in empty)
    found["read where there is none"] = f"{false} of {len(empty)}"
    return found


def peak_to_noise(first: Image.Image, second: Image.Image) -> float:
    """Returns the peak signal-to-noise ratio in dB."""
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return float(10 * np.log10(255**2 / np.mean(apart**2)))


async def lateness(work: Callable[[], object] | None, seconds: float = 4.0) -> dict[str, float]:
    """Measures the lag in milliseconds of an event loop that wakes every 2 ms."""
    sys.setswitchinterval(SWITCH_SECONDS)  # as in the bot's process
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1)
    late: list[float] = []
    end, running = loop.time() + seconds, None
    while loop.time() < end:
        if work is not None and (running is None or running.done()):
            running = loop.run_in_executor(thread, work)
        due = loop.time() + 0.002
        await asyncio.sleep(0.002)
        late.append(1000 * (loop.time() - due))
    if running is not None:
        await running
    thread.shutdown()
    return {"p50": percentile(late, 50), "p99": percentile(late, 99), "worst": max(late)}


def run() -> dict[str, Any]:
    check = PictureCheck(load_detectors(("opennsfw",)))
    small = drawn()
    large = [each.resize((512, 512), Image.Resampling.BICUBIC) for each in small]
    sets = {
        "bundled model, 128 px": small,
        "bundled model, 512 px": large,
        "waves, 512 px": [waves(seed, 512, 512) for seed in range(32)],
        "blobs in skin colours, 512 px": [blobs(seed, 512) for seed in range(32)],
        "plain, 512 px": [Image.new("RGB", (512, 512), name) for name in ("white", "black", "red", "teal")],
    }
    with tempfile.TemporaryDirectory() as folder:
        provenance = Provenance.open(ProvenanceSettings(), Path(folder))
        picture = waves(1, 512, 512)
        content = images.to_png(picture)
        claim = Claim(job="aaaaabbbbb", image=0, model="emoji")

        def finish() -> None:
            opened = images.open_picture(content)
            check.judge(opened, presets()["standard"])
            fingerprint(opened)
            marked = images.to_png(provenance.watermark.marked(opened, 7))
            provenance.credentials.signed(marked, "png", claim)

        return {
            "machine": machine(),
            "cost": {f"{side} px": costs(provenance, check, side) for side in (512, 1024)},
            "detector": detector(check, sets),
            "pdq": {name: hashes(sets[name]) for name in ("bundled model, 512 px", "waves, 512 px")},
            "mark": {name: marks(watermark.Watermark(KEY), pictures) for name, pictures in sets.items()},
            "loop": {
                "idle": asyncio.run(lateness(None)),
                "while pictures of 512 px are finished": asyncio.run(lateness(finish)),
            },
        }


def shown(title: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a table with one column per set."""
    names = list(dict.fromkeys(key for each in found.values() for key in each))
    rows = [[name, *(_figure(each.get(name, "")) for each in found.values())] for name in names]
    return table([title, *found], rows)


def _figure(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/pictures.json")
    options = parser.parse_args()
    found = run()
    for title in ("cost", "detector", "pdq", "mark", "loop"):
        print(shown(title, cast("Mapping[str, Mapping[str, Any]]", found[title])), end="\n\n")
    if options.keep:
        (RESULTS / "pictures.json").write_text(
            json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )


if __name__ == "__main__":
    main()
