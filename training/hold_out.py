"""Choose the captions that the evaluation asks for: `python -m training.hold_out --archive drawings.zip`.

Writes training/held_out.json: scenes that `build` never composes, whatever their words. The 200 on plain colours are
those of the second form of the model and stay, since weights that go on from it must not have been taught them. To
them come objects in front of backdrops, as many for each backdrop; no composition has such an object before such a
backdrop, in whatever size, colour, style or company.
"""

import argparse
from pathlib import Path
from typing import Final

import msgspec

from training import config
from training.scenes import concepts, pictures
from training.scenes.compose import Composer
from training.scenes.scene import Scene, in_front_of
from training.scenes.wordings import WORDINGS

PATH = Path(__file__).with_name("held_out.json")
EACH: Final = 8  # scenes a backdrop
SEED: Final = 200


def load(path: Path = PATH) -> list[Scene]:
    return msgspec.json.decode(path.read_bytes(), type=list[Scene])


def both(held: list[Scene]) -> tuple[list[Scene], list[Scene]]:
    """Those on plain colours, and those in front of backdrops."""
    return [scene for scene in held if not scene.has_backdrop], [
        scene for scene in held if scene.has_backdrop
    ]


def apart(held: list[Scene]) -> frozenset[str]:
    """The keys of all that is held out: of plain scenes their own, before a backdrop the object's with it."""
    plain, before = both(held)
    pairs = [in_front_of(name, scene.background) for scene in before for name in scene.concepts]
    return frozenset([scene.key for scene in plain] + pairs)


def choose(composer: Composer, each: int = EACH) -> list[Scene]:
    """For each backdrop the first `each` scenes with one object, all objects different."""
    chosen: dict[str, list[Scene]] = {name: [] for name in WORDINGS}
    seen: set[str] = set()
    while any(len(scenes) < each for scenes in chosen.values()):
        scene = composer.compose()
        is_wanted = scene.has_backdrop and scene.kind == "single" and seen.isdisjoint(scene.concepts)
        if is_wanted and len(chosen[scene.background]) < each:
            chosen[scene.background].append(scene)
            seen.update(scene.concepts)
    return [scene for scenes in chosen.values() for scene in scenes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    arguments = parser.parse_args()
    taught = concepts.load()
    flat = pictures.load(arguments.archive, concepts.drawings(taught)).flat
    composer = Composer(taught, config.load().mix, SEED, flat=flat)
    plain, _ = both(load())
    rows = [msgspec.json.encode(scene) for scene in plain + choose(composer)]
    PATH.write_bytes(b"[\n" + b",\n".join(rows) + b"\n]\n")
    print(f"{PATH}: {len(rows)} scenes")


if __name__ == "__main__":
    main()
