"""Measures what the bundled model makes of first prompts.

    python -m benchmarks.first_prompts [--keep]             things, scenes and "not known", as the tables read the prompts
    python -m benchmarks.first_prompts --distance [--keep]  the distance of the pictures of a grid, and of V's pictures
    python -m benchmarks.first_prompts --sheet FILE         64 unseen prompts, drawn; --as-typed: without tables

prompts.tsv holds 200 prompts with what they ask for. Its odd rows were used to mend the tables, its even rows were not. Distances
are mean absolute differences of two pictures of 128 px, over all pairs and channels, of 255. Seeds are fixed.
"""

import argparse
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks.first_prompts.labels import Labels
from benchmarks.shared.report import show
from bot.studio.orders.captions import Captions
from bot.studio.orders.order import VARYING, GalleryAction
from bot.studio.orders.variations import strength_of
from bot.studio.settings import BUNDLED, BUNDLED_MODEL
from db import JobAction
from generation import Configure, Drawing, GenerationRequest, InputPicture, JobId, MemberId, Prompt, Role
from generation.captions.caption import described
from generation.captions.reading import Reading, read_prompt
from generation.captions.vocabulary import Vocabulary, vocabulary_of
from generation.protocol import Event, Finished, Generate, Order

PROMPTS: Final = Path(__file__).with_name("prompts.tsv")
ENTRY: Final = replace(BUNDLED, source=str(BUNDLED_MODEL), enlarge=1)
GRIDS: Final = (
    "a fox",
    "a panda",
    "an owl",
    "a castle",
    "a rocket",
    "a pizza",
    "a blue butterfly",
    "a cat and a rocket",
    "a fox in the snow",
    "a castle at night",
)
"""Prompts whose grids are compared."""
SEED: Final = 1000
SHOWN: Final = 64


@dataclass(frozen=True, slots=True)
class First:
    """One row of prompts.tsv."""

    text: str
    wanted: tuple[frozenset[str], ...]  # any of these sets is right; an empty set: that it is not known
    scenes: tuple[str, ...]  # any of these; empty: none is asked for


def read_first(path: Path = PROMPTS) -> list[First]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    return [
        First(
            text,
            tuple(frozenset(filter(None, each.strip("-").split(","))) for each in things.split("/")),
            tuple(scenes.split("/")) if scenes else (),
        )
        for text, things, scenes in ((*row, "", "")[:3] for row in rows)
    ]


def is_right(first: First, reading: Reading) -> bool:
    """Returns whether a reading has what is wanted. One thing of a pair is not enough."""
    if not reading.is_known:
        return frozenset[str]() in first.wanted
    found = {thing.concept for thing in reading.things}
    return any(each and each <= found for each in first.wanted)


def judged(rows: Sequence[First], vocabulary: Vocabulary) -> Mapping[str, str]:
    """Returns the shares that are right: of drawable things, of scenes, and of what must be told as unknown."""
    counts = {"things": [0, 0], "scenes": [0, 0], "not known": [0, 0]}
    for row in rows:
        reading = read_prompt(row.text, vocabulary)
        kind = "things" if any(row.wanted) else "not known"
        counts[kind][0] += is_right(row, reading)
        counts[kind][1] += 1
        if any(row.scenes) and reading.is_known:
            counts["scenes"][0] += reading.scene in row.scenes
            counts["scenes"][1] += 1
    return {kind: f"{right} of {of}" for kind, (right, of) in counts.items()}


# ---- pictures


def drawn(requests: Sequence[GenerationRequest]) -> dict[JobId, list[Image.Image]]:
    """Draws with the loop of the worker, on this thread."""
    import torch

    from generation.worker.loop import Loop

    torch.set_num_threads(1)
    orders: SimpleQueue[Order] = SimpleQueue()
    events: list[Event] = []
    loop = Loop(orders, events.append)
    orders.put(Configure(models=(ENTRY,), default=ENTRY.name, preview_seconds=1e9))
    for request in requests:
        orders.put(Generate(request=request))
    loop.take_orders()
    while loop.jobs:
        loop.sweep()
        loop.seat()
        loop.step()
        loop.retire()
    loop.image_encoder.close()
    return {
        event.job: [Image.open(io.BytesIO(each)).convert("RGB") for each in event.pictures]
        for event in events
        if isinstance(event, Finished)
    }


def request(job: str, text: str, *, is_adapted: bool, seed: int = SEED, **more: Any) -> GenerationRequest:
    usual: dict[str, Any] = {"images": 4, "size": ENTRY.size_for((1, 1)), "steps": ENTRY.steps}
    drawing: Drawing[bytes] = Drawing(
        prompt=Prompt(text=text), model=ENTRY.name, guidance=ENTRY.guidance, seed=seed, **usual | more
    )
    action = JobAction.VARIATION if drawing.pictures else JobAction.IMAGINE
    plan = Captions([ENTRY]).drawn(drawing, action) if is_adapted else ()
    return GenerationRequest(job=JobId(job), member=MemberId(1), drawing=drawing, plan=plan)


def apart(one: Image.Image, other: Image.Image) -> float:
    a, b = (np.asarray(each, np.float32) for each in (one, other))
    return float(np.abs(a - b).mean())


def within(pictures: Sequence[Image.Image]) -> float:
    return statistics.fmean(apart(one, other) for one, other in combinations(pictures, 2))


def distances() -> Mapping[str, float]:
    """Returns mean distances: within a grid, as typed and adapted; of V's pictures from theirs, at two strengths, and adapted."""
    before = drawn([request(text, text, is_adapted=False) for text in GRIDS])
    after = drawn([request(text, text, is_adapted=True) for text in GRIDS])

    def varied(grids: Mapping[JobId, list[Image.Image]], strength: float, *, is_adapted: bool) -> float:
        parents = {text: grids[JobId(text)][0] for text in GRIDS}
        wanted: list[GenerationRequest] = []
        for text, parent in parents.items():
            content = io.BytesIO()
            parent.save(content, "PNG")
            start = InputPicture(source=content.getvalue(), role=Role.START, strength=strength)
            wanted.append(request(text, text, is_adapted=is_adapted, seed=2 * SEED, pictures=(start,)))
        made = drawn(wanted)
        return statistics.fmean(apart(parents[text], each) for text in GRIDS for each in made[JobId(text)])

    return {
        "grid as typed": statistics.fmean(within(each) for each in before.values()),
        "grid": statistics.fmean(within(each) for each in after.values()),
        "V as typed, strength 0.6": varied(before, 0.6, is_adapted=False),
        "V as typed, strength 0.9": varied(before, 0.9, is_adapted=False),
        "V": varied(after, ENTRY.variation_strength, is_adapted=True),
        "V, subtle": varied(after, strength_of(ENTRY, VARYING[GalleryAction.SUBTLE]), is_adapted=True),
        "V, strong": varied(after, strength_of(ENTRY, VARYING[GalleryAction.STRONG]), is_adapted=True),
    }


def sheet(rows: Sequence[First], vocabulary: Vocabulary, *, is_adapted: bool) -> Image.Image:
    """Returns the first picture of each prompt, eight in a row, with the prompt and what is drawn. Unknown prompts stay grey."""
    side, high, columns, labels = 128, 168, 8, Labels.load()
    known = [row for row in rows if not is_adapted or read_prompt(row.text, vocabulary).is_known]
    made = drawn(
        [
            request(row.text, row.text, is_adapted=is_adapted, images=1, seed=SEED + 7 * i)
            for i, row in enumerate(known)
        ]
    )
    whole = Image.new("RGB", (columns * (side + 8), -(-len(rows) // columns) * high), "white")
    for place, row in enumerate(rows):
        x, y = place % columns * (side + 8), place // columns * high
        picture = made.get(JobId(row.text), [Image.new("RGB", (side, side), (150, 150, 155))])[0]
        whole.paste(picture, (x, y))
        reading = read_prompt(row.text, vocabulary)
        told = described(reading, vocabulary) if reading.is_known else "not known"
        labels.write(whole, x + 2, y + side, row.text[:24], "black")
        if is_adapted:
            labels.write(whole, x + 2, y + side + 14, told[:26], (90, 90, 90))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--as-typed", action="store_true")
    parser.add_argument("--distance", action="store_true")
    parser.add_argument("--keep", action="store_true", help="writes the figures into benchmarks/results/")
    arguments = parser.parse_args()
    vocabulary = vocabulary_of(str(BUNDLED_MODEL))
    assert vocabulary is not None
    rows = read_first()
    mended, unseen = rows[::2], rows[1::2]
    if arguments.sheet:
        shown = [unseen[i * len(unseen) // SHOWN] for i in range(SHOWN)]
        sheet(shown, vocabulary, is_adapted=not arguments.as_typed).save(arguments.sheet, quality=90)
        return
    if arguments.distance:
        found: dict[str, Any] = {name: round(value, 1) for name, value in distances().items()}
        name = "first_prompts_distance"
    else:
        found = {"mended": judged(mended, vocabulary), "not looked at before": judged(unseen, vocabulary)}
        name = "first_prompts"
    show(found, [], name, keep=arguments.keep)


if __name__ == "__main__":
    main()
