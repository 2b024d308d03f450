"""Measures what a finished picture costs, encoded once and as it was before: encoded by worker and bot, and decoded twice.

    python -m benchmarks.pictures.finishing [--side 1024] [--seconds 10] [--keep]

The pictures are smooth colours with noise. Milliseconds are CPU time of one thread, the median of several runs, both ways in
turn. A grid of four pictures is one unit: checked, hashed, marked, encoded, signed, and its grid encoded and signed.
Sustained: as many threads as cores finish such grids for some seconds; the lag of an event loop that wakes every 2 ms is given.
"""

import argparse
import asyncio
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.shared.report import RESULTS, machine, percentile, table
from bot.studio.pictures.provenance import Provenance
from bot.studio.settings import ProvenanceSettings
from generation.files import images
from generation.provenance.content_credentials import Claim
from main import SWITCH_SECONDS
from moderation.pictures.check import PictureCheck
from moderation.pictures.perceptual_hash import fingerprint
from moderation.pictures.registry import load_detectors

CLAIM = Claim(job="aaaaabbbbb", image=0, model="emoji")
ROUNDS, PICTURES = 7, 4


def photograph(side: int, seed: int) -> Image.Image:
    chance = np.random.default_rng(seed)

    def coarse(cells: int) -> np.ndarray[Any, Any]:
        small = Image.fromarray(chance.integers(0, 256, (cells, cells, 3), np.uint8))
        return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.float32)

    values = 0.85 * coarse(24) + 0.15 * coarse(side // 4) + chance.normal(0, 2.5, (side, side, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def as_before(picture: Image.Image) -> bytes:
    """Encodes as `images.to_png` did until it had ISA-L: Pillow's fastest settings."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return out.getvalue()


class Finishing:
    def __init__(self, provenance: Provenance, check: PictureCheck) -> None:
        self.mark, self._credentials, self._check = provenance.watermark, provenance.credentials, check

    def before(self, contents: Sequence[bytes]) -> None:
        for content in contents:
            self._look_at(images.open_picture(content))
        self._post([self._signed(images.open_picture(each), as_before) for each in contents])

    def now(self, contents: Sequence[bytes]) -> None:
        opened = [images.open_picture(content) for content in contents]
        for picture in opened:
            self._look_at(picture)
        self._post([self._signed(picture, images.to_png) for picture in opened])

    def _look_at(self, picture: Image.Image) -> None:
        fingerprint(picture)
        self._check.scores(picture)

    def _signed(self, picture: Image.Image, encode: Callable[[Image.Image], bytes]) -> Image.Image:
        marked = self.mark.marked(picture, 7)
        self._credentials.signed(encode(marked), "png", CLAIM)
        return marked

    def _post(self, pictures: Sequence[Image.Image]) -> None:
        grid, form = images.encode_grid(images.grid_of(pictures, is_numbered=True))
        self._credentials.signed(grid, form, CLAIM)


def spent(*works: Callable[[], object]) -> list[float]:
    """Returns the median CPU milliseconds of each, run in turn."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(1 + ROUNDS):
        for work, times in zip(works, found, strict=True):
            began = time.thread_time()
            work()
            times.append(1000 * (time.thread_time() - began))
    return [statistics.median(each[1:]) for each in found]


async def sustained(work: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Returns pictures a second, and the p99 of the loop's lag in milliseconds."""
    loop = asyncio.get_running_loop()
    count = os.cpu_count() or 1
    threads, end, done = ThreadPoolExecutor(count), loop.time() + seconds, 0
    late: list[float] = []

    async def keep_busy() -> None:
        nonlocal done
        while loop.time() < end:
            await loop.run_in_executor(threads, work)
            done += PICTURES

    began = loop.time()
    busy = [asyncio.create_task(keep_busy()) for _ in range(count)]
    while loop.time() < end:
        due = loop.time() + 0.002
        await asyncio.sleep(0.002)
        late.append(1000 * (loop.time() - due))
    await asyncio.gather(*busy)
    threads.shutdown()
    return done / (loop.time() - began), percentile(late, 99)


def run(side: int, seconds: float) -> dict[str, Any]:
    sys.setswitchinterval(SWITCH_SECONDS)  # as in the bot's process
    pictures = [photograph(side, seed) for seed in range(PICTURES)]
    check = PictureCheck(load_detectors(("opennsfw",)))
    with tempfile.TemporaryDirectory() as folder:
        finishing = Finishing(Provenance.open(ProvenanceSettings(), Path(folder)), check)
        old = [as_before(each) for each in pictures]
        new = [images.to_png(each, is_packed=False) for each in pictures]
        worker = spent(
            lambda: [as_before(each) for each in pictures],
            lambda: [images.to_png(each, is_packed=False) for each in pictures],
        )
        bot = spent(lambda: finishing.before(old), lambda: finishing.now(new))
        first = pictures[0]
        steps = {
            "decode": spent(lambda: images.open_picture(new[0]))[0],
            "hash": spent(lambda: fingerprint(first))[0],
            "check": spent(lambda: check.scores(first))[0],
            "mark": spent(lambda: finishing.mark.marked(first, 7))[0],
            "encode": spent(lambda: images.to_png(first))[0],
        }
        rates = [
            asyncio.run(sustained(work, seconds))
            for work in (lambda: finishing.before(old), lambda: finishing.now(new))
        ]
    sizes = [sum(map(len, old)), sum(len(images.to_png(each)) for each in pictures)]
    rows = {
        "worker, CPU ms a picture": [each / PICTURES for each in worker],
        "bot, CPU ms a picture": [each / PICTURES for each in bot],
        "file, bytes a picture": [each / PICTURES for each in sizes],
        "sustained, pictures a second": [each[0] for each in rates],
        "the loop's lag meanwhile, p99 ms": [each[1] for each in rates],
    }
    return {"machine": machine(), "side": side, "rows": rows, "now, CPU ms of each step": steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--side", type=int, default=1024, help="pixels")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/finishing.json")
    options = parser.parse_args()
    found = run(options.side, options.seconds)
    rows = [
        [name, f"{before:.1f}", f"{now:.1f}", f"{now / before:.2f}"]
        for name, (before, now) in found["rows"].items()
    ]
    print(table([f"{options.side} px", "before", "now", "ratio"], rows))
    print(found["now, CPU ms of each step"])
    if options.keep:
        (RESULTS / "finishing.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
