"""The judge of the evaluation recognises the contents of a picture: `python -m training.judge --archive drawings.zip`.

A small convolutional network, trained on painted compositions only. It never sees a picture of the model, and the model never
sees the judge. It answers six questions, as the composer describes a picture: the object (or the left one), the object to its
right, the background (a colour or a backdrop), the object's repaint colour, its size, and its style. The fit of a picture and a
caption is the sum of the log-likelihoods of the six answers.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from training import config
from training.build import Source, as_float
from training.scenes import concepts
from training.scenes.colours import BACKGROUNDS, TINTS
from training.scenes.scene import Mix, Scene
from training.scenes.wordings import WORDINGS

FILE: Final = "judge.safetensors"
FEATURES: Final = 96
QUESTIONS: Final = ("object", "second object", "background", "tint", "size", "style")

_BACKGROUNDS: Final = [*BACKGROUNDS, *WORDINGS]
_TINTS: Final = ["", *TINTS]


class Labels:
    """The numbers of the judge's possible answers, and the answers of scenes as numbers."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: index for index, name in enumerate(names)}
        self._none = len(names)
        self.choices = (len(names) + 1, len(names) + 1, len(_BACKGROUNDS), len(_TINTS), 2, 2)

    def of(self, scenes: Sequence[Scene]) -> Tensor:
        """Returns (n, 6)."""
        return torch.tensor([self._row(scene) for scene in scenes])

    def _row(self, scene: Scene) -> list[int]:
        left, right, *_ = [self._names[name] for name in scene.concepts] + [self._none] * 2
        return [
            left,
            right,
            _BACKGROUNDS.index(scene.background),
            _TINTS.index(scene.tint or ""),
            int(scene.kind == "small"),
            int(scene.is_flat),
        ]


class Judge(nn.Module):
    """A network from pictures (n, 3, 128, 128) in -1..1 to features (n, FEATURES). `answers` maps pictures to six sets of
    logits."""

    def __init__(self, choices: Sequence[int]) -> None:
        super().__init__()
        widths = (32, 64, 128, 192)
        layers: list[nn.Module] = []
        for before, after in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 16, FEATURES), nn.SiLU())
        self.heads = nn.ModuleList(nn.Linear(FEATURES, count) for count in choices)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.trunk(F.avg_pool2d(pictures, 2))

    def answers(self, pictures: Tensor) -> list[Tensor]:
        features = self(pictures)
        return [head(features) for head in self.heads]

    @torch.no_grad()
    def fit_of(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """Returns the log-likelihood of each caption for each picture: (pictures, captions). `labels`: (captions, 6)."""
        logs = [logits.log_softmax(1) for logits in self.answers(pictures)]
        return torch.stack([log[:, labels[:, i]] for i, log in enumerate(logs)]).sum(0)


def disturbed(pictures: Tensor) -> Tensor:
    """Returns some pictures blurred, dimmed or noisy, because the judge must recognise contents, not sharpness."""
    count = len(pictures)
    soft = F.interpolate(F.avg_pool2d(pictures, 4), scale_factor=4, mode="bilinear", align_corners=False)
    share = torch.rand(count, 1, 1, 1) * (torch.rand(count, 1, 1, 1) < 0.5)
    pictures = torch.lerp(pictures, soft, share)
    pictures = pictures * (1 + 0.1 * torch.randn(count, 1, 1, 1)) + 0.05 * torch.randn(count, 3, 1, 1)
    noise = 0.08 * torch.rand(count, 1, 1, 1)
    return (pictures + noise * torch.randn_like(pictures)).clamp(-1, 1)


def train(source: Source, labels: Labels, settings: config.Judge, mix: Mix, path: Path) -> Judge:
    """Trains a judge on new compositions, each seen once. Continues from a checkpoint at `path`."""
    torch.manual_seed(settings.seed)
    judge = Judge(labels.choices).train()
    steps = settings.samples // settings.batch
    optimizer = torch.optim.AdamW(judge.parameters(), lr=settings.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps)
    parts = (judge, optimizer, schedule)
    first = 0
    if path.exists():
        checkpoint = torch.load(path, weights_only=True)
        for part, state in zip(parts, checkpoint["parts"], strict=True):
            part.load_state_dict(state)
        first = checkpoint["step"]
        torch.manual_seed(settings.seed + first)
    source.begin(settings.mix(mix), settings.seed + first)
    started = saved = time.monotonic()
    mean = 0.0
    for step in range(first, steps):
        if time.monotonic() - saved > settings.checkpoint_every:
            torch.save(
                {"parts": [part.state_dict() for part in parts], "step": step}, path.with_suffix(".new")
            )
            path.with_suffix(".new").replace(path)
            saved = time.monotonic()
        scenes = source.scenes(settings.batch)
        pictures, wanted = disturbed(as_float(source.paint(scenes))), labels.of(scenes)
        losses = [F.cross_entropy(logits, wanted[:, i]) for i, logits in enumerate(judge.answers(pictures))]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        mean += 0.05 * (loss.item() - mean)
        if step % 50 == 49:
            seconds = time.monotonic() - started
            print(f"{(step + 1) * settings.batch} pictures, loss {mean:.3f}, {seconds:.0f} s", flush=True)
    return judge.eval()


def make(source: Source, settings: config.Config, work: Path) -> None:
    """Trains the judge of all concepts and writes it to the folder."""
    labels = Labels([concept.name for concept in concepts.load()])
    judge = train(source, labels, settings.judge, settings.mix, work / "judge.pt")
    save_file(judge.state_dict(), work / FILE)


def load(path: Path, labels: Labels) -> Judge:
    """Loads a judge. Raises RuntimeError when it was trained on other concepts."""
    judge = Judge(labels.choices)
    judge.load_state_dict(load_file(path))
    return judge.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--work", type=Path, default=config.WORK)
    arguments = parser.parse_args()
    settings = config.load()
    torch.set_num_threads(settings.judge.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    make(Source(arguments.archive, settings.mix, settings.judge.seed), settings, arguments.work)


if __name__ == "__main__":
    main()
