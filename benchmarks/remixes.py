"""Measures whether a remix obeys: 24 remixes of the bundled model's own pictures whose words change a colour or the ground.

    python -m benchmarks.remixes [--judge training/work/judge.safetensors] [--sheet FILE] [--keep]

A picture obeys if the thing has the new colour, or stands on the new ground (one of its colours, for a scene). `--judge` lets the
network of `training.judge` read that off, and the thing too; without it, colours are compared with the training's. What the words
leave as it was should stay: the share of pictures with the ground (or the thing's colour) of their parent, and the pose, as the
overlap of both silhouettes (intersection over union). Compared are V, which remixes equalled before, the three choices of the
form, and the new words drawn without the picture. Seeds are fixed.
"""

import argparse
import io
import statistics
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.first_prompts.__main__ import ENTRY, SEED, drawn, request
from benchmarks.shared.report import show, table
from bot.studio.orders.captions import Captions
from bot.studio.orders.variations import Change, remix_strength
from bot.studio.settings import BUNDLED_MODEL
from db import JobAction
from generation import GenerationRequest, InputPicture, JobId, Role
from generation.captions.grounds import ground_of
from generation.captions.reading import Reading, read_prompt
from generation.captions.vocabulary import vocabulary_of

COLOURS: Final = (
    ("a red fox", "a blue fox"),
    ("a cat", "a purple cat"),
    ("a yellow car", "a green car"),
    ("a bear on a white background", "a pink bear on a white background"),
    ("a dog", "a blue dog"),
    ("a green bird", "a red bird"),
    ("a rocket", "an orange rocket"),
    ("a blue butterfly", "a yellow butterfly"),
)
GROUNDS: Final = (
    ("a fox on white", "a fox on a green ground"),
    ("a cat on a blue background", "a cat on a yellow background"),
    ("an owl on a red background", "an owl on a light blue background"),
    ("a rocket on a dark blue background", "a rocket on an orange background"),
    ("a pizza on a white background", "a pizza on a purple background"),
    ("a castle on a pink background", "a castle on a gray background"),
    ("a panda on a green background", "a panda on a pink background"),
    ("a blue car on white", "a blue car on a red background"),
)
SCENES: Final = (
    ("a fox", "a fox in the snow"),
    ("a castle", "a castle at night"),
    ("a rocket", "a rocket in space"),
    ("a cactus", "a cactus in the desert"),
    ("a turtle", "a turtle under the sea"),
    ("a panda", "a panda in the forest"),
    ("a sailboat", "a sailboat at sunset"),
    ("an owl", "an owl in the sky"),
)
CASES: Final = {"colour": COLOURS, "ground": GROUNDS, "scene": SCENES}
_PAIRS: Final = [pair for cases in CASES.values() for pair in cases]
VARIED: Final = "V (strength 0.9), as before"
ANEW: Final = "the words alone"
_APART: Final = 40.0  # of 255: a pixel of the thing differs by more from the ground

Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Remixed:
    """One remix, with the picture that it started from."""

    kind: str
    words: str
    before: Reading
    after: Reading
    parent: Image.Image
    pictures: Sequence[Image.Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a picture shows."""

    ground: str
    tint: str  # of the thing; empty without a judged one
    thing: str = ""  # only a judge tells


def silhouette(picture: Image.Image) -> NDArray[np.bool_]:
    """Returns which pixels differ from the median of the border."""
    pixels = np.asarray(picture.convert("RGB"), np.float32)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.abs(pixels - np.median(border, 0)).max(-1) > _APART


def overlap(one: Image.Image, other: Image.Image) -> float:
    """Returns the intersection over the union of two silhouettes."""
    a, b = silhouette(one), silhouette(other)
    return float((a & b).sum() / max(1, (a | b).sum()))


def hue_of(picture: Image.Image) -> str:
    """Returns the colour of most coloured pixels of the thing; empty if there are few."""
    hsv = np.asarray(picture.convert("HSV"))[silhouette(picture)].astype(np.float32) / 255
    coloured = hsv[(hsv[:, 1] > 0.35) & (hsv[:, 2] > 0.25)]
    if len(coloured) < 0.2 * max(1, len(hsv)):
        return ""
    apart = np.abs(coloured[:, :1] - np.array(list(_HUES.values()), np.float32))
    nearest = np.minimum(apart, 1 - apart).argmin(1)
    return list(_HUES)[int(np.bincount(nearest).argmax())]


_HUES: Final = {
    "red": 0.0,
    "orange": 0.08,
    "yellow": 0.15,
    "green": 0.36,
    "blue": 0.6,
    "purple": 0.77,
    "pink": 0.92,
}
"""In turns, as the training repaints."""


def seen(picture: Image.Image) -> Look:
    return Look(ground=ground_of(_png(picture)), tint=hue_of(picture))


def judge_at(path: Path) -> Callable[[Image.Image], Look]:
    """Returns a function that reads pictures with the judge of the training."""
    import torch

    from training.build import as_float, as_tensor
    from training.judge import Labels, load
    from training.scenes import concepts
    from training.scenes.colours import BACKGROUNDS, TINTS
    from training.scenes.wordings import WORDINGS

    names = [concept.name for concept in concepts.load()]
    judge, grounds, tints = load(path, Labels(names)), [*BACKGROUNDS, *WORDINGS], ["", *TINTS]

    @torch.no_grad()
    def look(picture: Image.Image) -> Look:
        thing, _, ground, tint, *_ = [
            int(logits.argmax(1)) for logits in judge.answers(as_float(as_tensor([picture])))
        ]
        return Look(ground=grounds[ground], tint=tints[tint], thing=(*names, "")[thing])

    return look


def galleries(chosen: Container[str] | None = None) -> dict[str, list[Image.Image]]:
    """Returns the pictures that are remixed, by the words of the remix. `chosen`: of those; None: all."""
    wanted = [pair for pair in _PAIRS if chosen is None or pair[1] in chosen]
    made = drawn(
        [
            request(words, before, is_adapted=True, images=1, seed=SEED + _apart(words))
            for before, words in wanted
        ]
    )
    return {words: made[JobId(words)] for _, words in wanted}


def _apart(words: str) -> int:
    """Returns a case's distance in seeds from the first one."""
    return 7 * [after for _, after in _PAIRS].index(words)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def remixed(parents: Mapping[str, list[Image.Image]], strength: float, action: JobAction) -> list[Remixed]:
    vocabulary = vocabulary_of(str(BUNDLED_MODEL))
    assert vocabulary is not None
    orders: list[GenerationRequest] = []
    for words, parent in parents.items():
        start = InputPicture(source=_png(parent[0]), role=Role.START, strength=strength)
        pictures = (start,) if strength else ()
        order = request(words, words, is_adapted=False, seed=2 * SEED + _apart(words), pictures=pictures)
        orders.append(replace(order, plan=Captions([ENTRY]).drawn(order.drawing, action)))
    made = drawn(orders)
    return [
        Remixed(
            kind,
            words,
            read_prompt(before, vocabulary),
            read_prompt(words, vocabulary),
            parents[words][0],
            made[JobId(words)],
        )
        for kind, cases in CASES.items()
        for before, words in cases
        if words in parents
    ]


def grounds_in(reading: Reading) -> Sequence[str]:
    vocabulary = vocabulary_of(str(BUNDLED_MODEL))
    assert vocabulary is not None
    scene = vocabulary.scenes.get(reading.scene)
    return (reading.ground,) if reading.ground else (*scene.colours, reading.scene) if scene else ()


def figures(remixes: Sequence[Remixed], look: Callable[[Image.Image], Look]) -> dict[str, float]:
    """Returns the shares that obey, by kind, and what stayed."""
    obeyed: dict[str, list[bool]] = {kind: [] for kind in CASES}
    kept: list[bool] = []
    things: list[bool] = []
    for each in remixes:
        parent, thing = look(each.parent), each.after.things[0]
        for picture in each.pictures:
            found = look(picture)
            if each.kind == "colour":
                obeyed[each.kind].append(found.tint == thing.tint)
                kept.append(found.ground == parent.ground)
            else:
                obeyed[each.kind].append(found.ground in grounds_in(each.after))
                kept.append(found.tint == parent.tint)
            things.append(found.thing == thing.concept)
    every = [each for shares in obeyed.values() for each in shares]
    result = {f"{kind} obeyed": statistics.fmean(shares) for kind, shares in obeyed.items() if shares}
    result |= {"all obeyed": statistics.fmean(every), "the rest kept": statistics.fmean(kept)}
    if any(things):
        result["same thing"] = statistics.fmean(things)
    poses = [overlap(each.parent, picture) for each in remixes for picture in each.pictures]
    return result | {"pose, overlap": statistics.fmean(poses)}


def sheet(columns: Sequence[Sequence[Remixed]]) -> Image.Image:
    """Returns a row for each remix: its picture, and the first two of each column."""
    side = 128
    whole = Image.new("RGB", ((1 + 2 * len(columns)) * (side + 4), len(columns[0]) * (side + 4)), "white")
    for y, each in enumerate(columns[0]):
        row = [each.parent, *(picture for column in columns for picture in column[y].pictures[:2])]
        for x, picture in enumerate(row):
            whole.paste(picture.resize((side, side)), (x * (side + 4), y * (side + 4)))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--judge", type=Path, help="the judge's weights; see docs/bundled-model.md")
    parser.add_argument("--sheet", type=Path, help="writes a sheet of the first two pictures of each remix")
    parser.add_argument("--keep", action="store_true", help="writes the figures into benchmarks/results/")
    arguments = parser.parse_args()
    look = judge_at(arguments.judge) if arguments.judge else seen
    parents = galleries()
    measured = {VARIED: remixed(parents, ENTRY.variation_strength, JobAction.VARIATION)}
    for change in Change:
        strength = remix_strength(ENTRY, change)
        measured[f"{change} (strength {strength:g})"] = remixed(parents, strength, JobAction.REMIX)
    measured[ANEW] = remixed(parents, 0.0, JobAction.IMAGINE)
    result: dict[str, Any] = {name: figures(those, look) for name, those in measured.items()}
    if arguments.sheet:
        sheet(list(measured.values())).save(arguments.sheet)
    rows = [[name, *found.values()] for name, found in result.items()]
    show(result, [table(["", *result[VARIED]], rows)], "remixes", keep=arguments.keep)


if __name__ == "__main__":
    main()
