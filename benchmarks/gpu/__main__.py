"""Compares the loop with diffusers' own pipeline on a GPU: Stable Diffusion 1.5 at 512 and XL at 1024 pixels, bf16, random
weights.

    python -m benchmarks.gpu [--only PART [PART ...]] [--quick] [--minutes 9.5] [--keep [FILE]]
    python -m benchmarks.gpu --smoke        the whole script with tiny models, also on a CPU; its figures mean nothing

Figures are wall-clock seconds of one process that uses the GPU alone. Parts are measured one after another. Each figure is
printed to stderr and saved as soon as it is measured. docs/performance.md lists the durations. Exit code 2 without a CUDA
device.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.gpu.architectures import Architecture
from benchmarks.gpu.bench import FULL, LARGE, QUICK, SMOKE, Bench
from benchmarks.gpu.compiled import compiled
from benchmarks.gpu.record import KEPT, Record
from benchmarks.gpu.speed import Rows, speed
from benchmarks.gpu.waits import crowd, previews
from benchmarks.shared.report import machine, table
from generation.worker.models.loading import device_name

Measure = Callable[[Bench], Rows]
PARTS: dict[str, dict[str, Measure]] = {
    "sd15": {
        "speed": partial(speed, asked=2.0),
        "previews": partial(previews, asked=0.5),
        "others": crowd,
        "compiled": compiled,
    },
    "xl": {
        "speed": partial(speed, asked=1.4),
        "previews": partial(previews, asked=2.5),
        "others": crowd,
        "compiled": compiled,  # last, because the module stays compiled
    },
}
NAMES = [f"{part}-{model}" for model, parts in PARTS.items() for part in parts]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.smoke and options.keep == KEPT:
        parser.error("what --smoke measures means nothing: it is kept in a FILE only")
    if not torch.cuda.is_available() and not options.smoke:
        print(
            "There is no CUDA device here, so nothing was measured. --smoke runs the script with tiny models on the CPU."
        )
        return 2
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
    began = time.perf_counter()
    record = Record({**machine(), "device": device_name(device)}, options.keep)
    tables: list[str] = []
    for model, parts in PARTS.items():
        wanted = [part for part in parts if f"{part}-{model}" in options.only]
        if not wanted:
            continue
        architecture = _architecture(model, is_tiny=options.smoke)
        scale = FULL if model == "sd15" else LARGE
        scale = SMOKE if options.smoke else QUICK[scale] if options.quick else scale
        bench = Bench(architecture, scale, device, record)
        rows: Rows = []
        for part in wanted:
            bench.part = f"{part}-{model}"
            since = time.perf_counter()
            if since - began > 60 * options.minutes:
                rows.append((bench.part, "no time left", ""))
                continue
            rows += parts[part](bench)
            bench.note(seconds_of_this_part=time.perf_counter() - since)
        head = f"{architecture.name}, {architecture.side} px" + (
            ", tiny: a smoke test" if options.smoke else ""
        )
        tables.append(table([head, "measured", "asked"], rows))
        del bench
        if device.type == "cuda":
            torch.cuda.empty_cache()
    measured = {name: record.parts[name] for name in NAMES if name in record.begun}
    print(json.dumps(measured, indent=2))
    for one in tables:
        print(f"\n{one}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=NAMES, metavar="PART", help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--smoke", action="store_true", help="tiny models, on the CPU where there is no GPU")
    parser.add_argument("--minutes", type=float, default=9.5, help="after which no part is begun")
    parser.add_argument("--quick", action="store_true", help="fewer pictures, orders and repeats")
    parser.add_argument(
        "--keep",
        type=Path,
        nargs="?",
        const=KEPT,
        help="what is measured takes its parts' places in the result of record, or in FILE, which begins as a copy of that",
    )
    return parser


def _architecture(model: str, *, is_tiny: bool) -> Architecture:
    if model == "sd15":
        return Architecture(
            name="Stable Diffusion 1.5", side=64 if is_tiny else 512, is_xl=False, is_tiny=is_tiny
        )
    return Architecture(name="Stable Diffusion XL", side=64 if is_tiny else 1024, is_xl=True, is_tiny=is_tiny)


if __name__ == "__main__":
    sys.exit(main())
