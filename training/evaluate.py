"""Measures the packaged model: `python -m training.evaluate --archive drawings.zip`.

Draws four pictures for each caption of held_out.json, separately for plain colours and for backdrops. The judge finds the nearest
caption of each picture. The same is measured for real compositions of those captions (the ceiling) and for shuffled captions (the
floor). It also measures the Fréchet distance to real compositions, the share of near-copies and the seconds for a grid of four.
It draws a sheet of 64 prompts that are composed, not selected. Needs training.judge and training.build.

`--prompt` instead draws the given words on a sheet.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image
from torch import Tensor

from training import config, hold_out
from training.build import Source, as_float, as_tensor, load_pool
from training.judge import FILE, QUESTIONS, Judge, Labels
from training.judge import load as load_judge
from training.measures import frechet, near_copies, recognised
from training.network.codec import Codec
from training.network.sampler import Sampler, time_of_four
from training.package import TARGET
from training.scenes import concepts
from training.scenes.scene import Scene
from training.scenes.sheet import contact_sheet

SHEET: Final = Path(__file__).parent.parent / "docs" / "images" / "bundled-model.jpg"
SHEET_SEED: Final = 64
PROMPTS: Final = 64
EACH: Final = 4  # pictures per caption
ORDINARY_SEED: Final = 201
ORDINARY: Final = 200
Table = dict[str, dict[str, float]]


class Bench:
    """The measuring tools for pictures: the judge, the codec and the painter."""

    def __init__(self, archive: Path, work: Path) -> None:
        self.settings = config.load()
        self.labels = Labels([concept.name for concept in concepts.load()])
        self.judge: Judge = load_judge(work / FILE, self.labels)
        self.codec = Codec.load(work / "codec.safetensors")
        self.source = Source(archive, self.settings.mix, SHEET_SEED)

    def paint(self, scenes: Sequence[Scene]) -> Tensor:
        """Returns real compositions, (n, 3, 128, 128) in -1..1."""
        return as_float(self.source.paint(scenes))

    @torch.no_grad()
    def fits(self, pictures: Tensor, scenes: Sequence[Scene]) -> Tensor:
        """Returns (pictures, scenes): how well each picture fits each caption."""
        wanted = self.labels.of(scenes)
        return torch.cat([self.judge.fit_of(part, wanted) for part in pictures.split(100)])

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.judge(part) for part in pictures.split(100)])

    @torch.no_grad()
    def hits(self, pictures: Tensor, scenes: Sequence[Scene]) -> Tensor:
        """Returns (pictures, questions): whether the judge's answer agrees with the caption. `scenes` has one scene per
        picture."""
        answers = [
            torch.stack([logits.argmax(1) for logits in self.judge.answers(part)], 1)
            for part in pictures.split(100)
        ]
        return torch.cat(answers) == self.labels.of(scenes)

    def right(self, pictures: Tensor, scenes: Sequence[Scene]) -> dict[str, float]:
        """Returns for each of the judge's questions the share of answers that agree with the caption."""
        return dict(zip(QUESTIONS, self.hits(pictures, scenes).float().mean(0).tolist(), strict=True))

    def latents(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.codec.encode(part) for part in pictures.split(100)]).flatten(1)


def drawn_by(sampler: Sampler, scenes: Sequence[Scene], seed: int) -> Tensor:
    """Returns the model's pictures of the scenes, (n, 3, 128, 128) in -1..1."""
    return as_float(as_tensor(sampler.draw([scene.caption for scene in scenes], seed)))


def score(bench: Bench, sampler: Sampler, held: Sequence[Scene], seed: int) -> float:
    """Returns the share of pictures in which all of the judge's answers agree with the caption, with one picture per scene. This
    score selects the best checkpoint."""
    return bench.hits(drawn_by(sampler, held, seed), held).all(1).float().mean().item()


def recognition(
    bench: Bench, sampler: Sampler, held: Sequence[Scene], seed: int, taught: Tensor
) -> dict[str, Any]:
    """Returns all figures for held-out captions. `taught`: latents (n, d) of the pool."""
    own = torch.arange(len(held)).repeat(EACH)
    scenes = [held[i] for i in own.tolist()]
    drawn, painted = drawn_by(sampler, scenes, seed), bench.paint(scenes)
    shuffled = own[torch.randperm(len(own), generator=torch.Generator().manual_seed(seed))]
    fits, real = bench.fits(drawn, held), bench.fits(painted, held)
    nearest: Table = {
        "the model": asdict(recognised(fits, own)),
        "real compositions (ceiling)": asdict(recognised(real, own)),
        "shuffled captions (floor)": asdict(recognised(fits, shuffled)),
    }
    for name, chosen in _kinds(scenes).items():
        nearest[f"the model, {name} ({len(chosen) // EACH})"] = asdict(recognised(fits[chosen], own[chosen]))
    again = bench.paint(scenes)
    return {
        f"nearest of {len(held)} captions": nearest,
        "what the judge reads off": {
            "the model": bench.right(drawn, scenes),
            "real compositions": bench.right(painted, scenes),
        },
        "Fréchet distance to real compositions": {
            "the model": frechet(bench.features(drawn), bench.features(painted)),
            "other real compositions": frechet(bench.features(again), bench.features(painted)),
        },
        "near-copies": near_copies(bench.latents(drawn), bench.latents(painted), taught),
    }


def ordinary(bench: Bench, sampler: Sampler, seed: int) -> Table:
    """Measures recognition for 200 captions as training composes them. The model may have seen them."""
    bench.source.begin(bench.settings.mix, ORDINARY_SEED)
    scenes = {scene.key: scene for scene in bench.source.scenes(2 * ORDINARY)}
    chosen = list(scenes.values())[:ORDINARY]
    own = torch.arange(len(chosen))
    fits = bench.fits(drawn_by(sampler, chosen, seed), chosen)
    return {"the model": asdict(recognised(fits, own))}


def _kinds(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    def kind(scene: Scene) -> str:
        if scene.tint:
            return "repainted"
        if scene.is_flat:
            return "flat style"
        if scene.has_backdrop:
            return scene.background
        return {"single": "on a colour"}.get(scene.kind, scene.kind)

    kinds = [kind(scene) for scene in scenes]
    return {name: torch.tensor([i for i, k in enumerate(kinds) if k == name]) for name in sorted(set(kinds))}


def sheet(bench: Bench, sampler: Sampler, seed: int) -> Image.Image:
    """Draws 64 random prompts of the composer, without selection."""
    captions = [scene.caption for scene in bench.source.scenes(PROMPTS)]
    return contact_sheet(sampler.draw(captions, seed), captions)


def show(result: dict[str, Any], indent: str = "") -> None:
    for name, value in result.items():
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            show(value, indent + "  ")  # pyright: ignore[reportUnknownArgumentType]
        else:
            print(f"{indent}{name}: {value:.4g}" if isinstance(value, float) else f"{indent}{name}: {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--model", type=Path, default=TARGET)
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sheet", type=Path, default=SHEET)
    parser.add_argument("--prompt", action="append", help="draw these instead, on work/sheet.png")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sampler = Sampler.open(arguments.model, arguments.steps, arguments.guidance)
    if arguments.prompt:
        path: Path = arguments.work / "sheet.png"
        contact_sheet(sampler.draw(arguments.prompt, arguments.seed), arguments.prompt).save(path)
        print(path)
        return

    bench = Bench(arguments.archive, arguments.work)
    sheet(bench, sampler, arguments.seed).save(arguments.sheet, quality=88)
    taught = load_pool(arguments.work)["latents"].flatten(1)
    plain, before = hold_out.both(hold_out.load())
    result = {
        "steps": arguments.steps,
        "guidance": arguments.guidance,
        "seed": arguments.seed,
        **recognition(bench, sampler, plain, arguments.seed, taught),
        "in front of backdrops": recognition(bench, sampler, before, arguments.seed, taught),
        "nearest of 200 ordinary captions": ordinary(bench, sampler, arguments.seed),
        "a grid of four at 512 px, seconds": {
            f"{threads} threads": asdict(timed) | {"whole": timed.whole}
            for threads in (1, 2)
            for timed in [time_of_four(sampler, threads)]
        },
    }
    show(result)
    (arguments.model / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
