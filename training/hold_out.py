"""Chooses the captions of the evaluation: `python -m training.hold_out --archive drawings.zip`.

Writes training/held_out.json: scenes that `build` never composes, in any wording. The 200 scenes on plain colours are those of
the model's second version. They stay, because weights trained further from that version must not have seen them. The file adds
objects in front of backdrops, the same number for each backdrop. No composition shows such an object in front of such a backdrop,
in any size, colour, style or combination.
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
EACH: Final = 8  # scenes per backdrop
SEED: Final = 200


def load(path: Path = PATH) -> list[Scene]:
    return msgspec.json.decode(path.read_bytes(), type=list[Scene])


def both(held: list[Scene]) -> tuple[list[Scene], list[Scene]]:
    """Returns the scenes on plain colours and those in front of backdrops."""
    return [scene for scene in held if not scene.has_backdrop], [
        scene for scene in held if scene.has_backdrop
    ]


def apart(held: list[Scene]) -> frozenset[str]:
    """Returns the keys of all held-out scenes: for plain scenes their own key, for others the key of object and backdrop."""
    plain, before = both(held)
    pairs = [in_front_of(name, scene.background) for scene in before for name in scene.concepts]
    return frozenset([scene.key for scene in plain] + pairs)


def choose(composer: Composer, each: int = EACH) -> list[Scene]:
    """Returns for each backdrop the first `each` scenes with one object. All objects differ."""
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
