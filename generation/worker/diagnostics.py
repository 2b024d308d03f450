"""`python -m generation.worker.diagnostics`: loads and measures every model that it is given. See generation/diagnostics.py."""

import importlib.metadata
import importlib.util
import os
import shutil
import statistics
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import psutil
import torch

from generation.diagnostics import Card, Fetching, Finding, ModelReport, decode_entries, encode
from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.logs import open_log
from generation.protocol import Downloading, Event
from generation.request import ModelEntry
from generation.worker.batch_scheduler import CostCurve
from generation.worker.denoise.batch_state import ROW_COUNTS
from generation.worker.denoise.slots import Slot
from generation.worker.models import loading
from generation.worker.models.model import Model, UnusableRequest
from generation.worker.models.pipeline_model import PipelineModel
from generation.worker.models.sources.downloads import Downloads
from generation.worker.output.decode import Finisher
from generation.worker.process import take_streams
from generation.worker.warm_up import trial

ROWS = (1, 2, 4, 8)
TIMES = 3
"""Measured steps of each size. One more step goes before them, because it selects kernels."""

PATIENCE = 60.0
"""Seconds for all steps of a model. Sizes that would take longer are left out, and the report says so."""

PROGRESS_SECONDS = 5.0
"""Seconds between two reports of a download."""

PICTURES = 4
"""Pictures in an order with default settings."""


def examine(entries: Sequence[ModelEntry]) -> Iterator[Finding]:
    device = loading.pick_device()
    yield card(device)
    for entry in entries:
        why_not = yield from fetched(entry)
        yield ModelReport(name=entry.name, why_not=why_not) if why_not else report(entry, device)
        if device.type == "cuda":
            torch.cuda.empty_cache()


def fetched(entry: ModelEntry) -> Generator[Fetching, None, str]:
    """Fetches what the model lacks, and yields the progress. Returns the reason of a failure; empty if all files are here."""
    with suppress(BrokenModelFolder):  # `report` tells it
        if inspect_entry(entry).is_complete:
            return ""
    news: SimpleQueue[Event] = SimpleQueue()
    downloads, told = Downloads(news.put), -PROGRESS_SECONDS
    downloads.begin(entry)
    while downloads.is_running(entry.name):
        with suppress(Empty):
            event, now = news.get(timeout=0.1), time.monotonic()
            if isinstance(event, Downloading) and now - told >= PROGRESS_SECONDS:
                told = now
                yield Fetching(name=entry.name, done=event.done, total=event.total)
    return next((reason for _, reason in downloads.take_failures()), "")


def card(device: torch.device) -> Card:
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        memory, cpu = psutil.virtual_memory(), Path("/proc/cpuinfo")
        free, total = memory.free, memory.total
        has_bfloat16 = cpu.exists() and "bf16" in cpu.read_text(encoding="utf-8")
    return Card(
        name=loading.device_name(device),
        kind=device.type,
        free=free,
        total=total,
        dtype=str(loading.pick_dtype(device, "")).removeprefix("torch."),
        has_bfloat16=has_bfloat16,
        compiler=_compiler(device),
        torch=str(torch.__version__),
        diffusers=importlib.metadata.version("diffusers"),
    )


def report(entry: ModelEntry, device: torch.device) -> ModelReport:
    began = time.perf_counter()
    try:
        model = loading.load(entry, device, loading.pick_dtype(device, entry.dtype))
        return _measured(model, time.perf_counter() - began)
    except (loading.BrokenModel, UnusableRequest) as broken:
        why_not = str(broken)
    except torch.OutOfMemoryError:
        why_not = f"It does not fit into the memory of {loading.device_name(device)}."
    except Exception as bug:  # a model under test may raise anything
        why_not = f"{type(bug).__name__}: {bug}"
    return ModelReport(name=entry.name, why_not=why_not)


def _measured(model: Model, seconds_to_load: float) -> ModelReport:
    is_batched = not isinstance(model, PipelineModel)
    if not model.abilities.draws_text:
        return ModelReport(
            name=model.entry.name,
            pipeline=type(model.pipe).__name__,
            is_batched=is_batched,
            loading=seconds_to_load,
            abilities=model.abilities,
            note="its steps were not measured: it can't draw from a prompt alone",
        )
    entry, curve, steps, note = model.entry, CostCurve(), dict[int, float](), ""
    until = time.perf_counter() + PATIENCE
    for rows in ROWS if is_batched else ROWS[:1]:
        if steps and time.perf_counter() + (1 + TIMES) * 2 * max(steps.values()) > until:
            note = f"steps of {rows} rows and more were left out: they take too long"
            break
        try:
            seconds = _steps(model, rows)
        except torch.OutOfMemoryError:
            if not steps:
                raise
            note = f"out of memory at {rows} rows"
            break
        for one in (seconds[0], *seconds):  # the curve ignores the first step of a size, as warm-up
            curve.learn(rows, one)
        steps[rows] = statistics.median(seconds)
    decoding = 0.0  # included in a whole pipeline's last step
    if is_batched:
        noise, finisher = _seated(model, 1, guidance=model.abilities.guidance.off), Finisher(model.device)
        decoding = _seconds(model, lambda: finisher.finish(model.develop(noise), entry.enlarge))
    rows = PICTURES * len(_seated(model, 1, guidance=entry.guidance)[0].rows)
    fixed, a_row = curve.line
    knee = curve.knee if len(steps) > 1 else 0
    batches = -(-rows // (knee or rows)) if is_batched else PICTURES
    return ModelReport(
        name=entry.name,
        pipeline=type(model.pipe).__name__,
        is_batched=is_batched,
        loading=seconds_to_load,
        steps=steps,
        fixed=fixed,
        a_row=a_row,
        knee=knee,
        decoding=decoding,
        abilities=model.abilities,
        order=entry.steps * (batches * fixed + rows * a_row) + PICTURES * decoding,
        note=note,
    )


def _steps(model: Model, rows: int) -> list[float]:
    """Returns the seconds of TIMES steps with `rows` rows. Raises torch.OutOfMemoryError."""
    slots: list[Slot] = []
    seconds: list[float] = []
    for _ in range(1 + TIMES):
        if not slots or slots[0].is_finished:
            slots = _seated(model, rows, guidance=model.abilities.guidance.off)
        step = partial(model.advance, slots, sizes=ROW_COUNTS if model.device.type == "cuda" else ())
        seconds.append(_seconds(model, step))
    return seconds[1:]


def _seated(model: Model, count: int, *, guidance: float) -> list[Slot]:
    """Seats `count` pictures. With guidance switched off, each picture is one row."""
    drawing = trial(model.entry, count, steps=model.entry.steps, guidance=guidance)
    return [model.seat(drawing, index) for index in range(count)]


def _seconds(model: Model, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _compiler(device: torch.device) -> str:
    """Returns the installed compiler that torch.compile would build kernels with; empty if there is none."""
    if device.type == "cuda":
        is_there = importlib.util.find_spec("triton") is not None
        return f"triton {importlib.metadata.version('triton')}" if is_there else ""
    return next(
        (name for name in (os.environ.get("CXX"), "g++", "clang++") if name and shutil.which(name)), ""
    )


def main() -> None:
    frames_in, frames_out = take_streams()
    open_log("text", "error")
    loading.limit_threads()
    for finding in examine(decode_entries(frames_in.readline())):
        frames_out.write(encode(finding) + b"\n")
        frames_out.flush()


if __name__ == "__main__":
    main()
