"""Choose the captions that the evaluation asks for: `python -m training.hold_out --archive drawings.zip`.

Writes training/held_out.json: 200 scenes that `build` never composes, whatever their words. Each has a concept
or a style that the first form of the model was not taught, since its training composed everything else; and
each puts things together: an object on white in its own colours is what the model learns the word from.
"""

import argparse
from pathlib import Path
from typing import Final

import msgspec

from training import concepts, config, pictures
from training.compose import Composer
from training.scene import Scene

PATH = Path(__file__).with_name("held_out.json")
COUNT: Final = 200
SEED: Final = 200


def load(path: Path = PATH) -> list[Scene]:
    return msgspec.json.decode(path.read_bytes(), type=list[Scene])


def choose(composer: Composer, later: set[str], count: int = COUNT) -> list[Scene]:
    """The first `count` scenes fit for it, with different keys and captions."""
    chosen: dict[str, Scene] = {}
    captions: set[str] = set()
    while len(chosen) < count:
        scene = composer.compose()
        is_new = scene.is_flat or not later.isdisjoint(scene.concepts)
        is_composed = scene.background != "white" or scene.tint is not None or scene.kind == "pair"
        if is_new and is_composed and scene.key not in chosen and scene.caption not in captions:
            chosen[scene.key] = scene
            captions.add(scene.caption)
    return list(chosen.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    arguments = parser.parse_args()
    taught = concepts.load()
    flat = pictures.load(arguments.archive, concepts.drawings(taught)).flat
    composer = Composer(taught, config.load().mix, SEED, flat=flat)
    later = {concept.name for concept in taught if concept.group == "later"}
    rows = [msgspec.json.encode(scene) for scene in choose(composer, later)]
    PATH.write_bytes(b"[\n" + b",\n".join(rows) + b"\n]\n")
    print(f"{PATH}: {len(rows)} scenes")


if __name__ == "__main__":
    main()
