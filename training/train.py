"""Train the U-Net: `python -m training.train [--until 2026-01-01T02:30] [--start models/bundled]`.

Reads what training.build wrote; keeps a checkpoint in training/work/ and goes on from it. The rates
fall to nothing at the last sample, or at `--until` whatever the count is by then. Where there is no checkpoint,
`--start` begins a new run with the weights of a packaged model.
"""

import argparse
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file
from torch import Tensor

from training import config
from training.muon import Optimizers, is_hidden_matrix
from training.unet import channels_last, new_scheduler, new_unet


@dataclass(slots=True)
class Progress:
    """How far a run has come, over all its sittings."""

    samples: int = 0
    steps: int = 0
    seconds: float = 0.0

    def share(self, total: int, seconds_left: float | None) -> float:
        """0..1 of the run: by the clock if there is a deadline, else by samples."""
        if seconds_left is None:
            return min(1.0, self.samples / total)
        if seconds_left <= 0:
            return 1.0
        return self.seconds / (self.seconds + seconds_left)


def rate_at(share: float, samples: int, settings: config.Train) -> float:
    """Warm-up by samples, flat, then a straight line to a fiftieth."""
    warm = min(1.0, (samples + settings.batch) / settings.warmup)
    fall = (1 - share) / (1 - settings.flat)
    return warm * max(0.02, min(1.0, fall))


class Trainer:
    """One U-Net, its average, its optimisers, and the pool it learns from."""

    def __init__(self, pool: dict[str, Tensor], settings: config.Train) -> None:
        torch.manual_seed(settings.seed)
        self._settings = settings
        self._latents, self._states, self._rows = pool["latents"], pool["states"], pool["rows"]
        self._alphas = new_scheduler().alphas_cumprod
        self.unet = new_unet().train()
        channels_last(self.unet)
        self.unet.set_attn_processor(AttnProcessor())  # flash attention is slower on a CPU
        self.average = {k: v.clone() for k, v in self.unet.state_dict().items()}
        self.optimizers = Optimizers(
            self.unet,
            muon_rate=settings.muon_rate,
            adam_rate=settings.adam_rate,
            is_matrix=is_hidden_matrix,
        )
        self.progress = Progress()

    def loss(self) -> Tensor:
        """Min-SNR weighted v-loss of a fresh batch (Hang et al. 2023, arXiv 2303.09556)."""
        count = self._settings.batch
        chosen = torch.randint(0, len(self._rows), (count,))
        clean = self._latents[chosen].float()
        rows = self._rows[chosen]
        rows = torch.where(torch.rand(count) < self._settings.drop_caption, 0, rows)  # 0 is ""
        # one step from each of `count` equal strata: every batch sees all noise levels
        steps = ((torch.arange(count) + torch.rand(count)) / count * 1000).long().clamp(0, 999)
        alpha = self._alphas[steps].view(-1, 1, 1, 1)
        noise = torch.randn_like(clean)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            states = self._states[rows].float()
            predicted = self.unet(noisy, steps, encoder_hidden_states=states).sample
        snr = alpha / (1 - alpha)
        weight = snr.clamp(max=self._settings.snr_clamp) / (snr + 1)
        return (weight * (predicted.float() - velocity).square()).mean()

    def step(self, share: float) -> float:
        """One batch; `share` of the run is behind us. The loss."""
        started = time.monotonic()
        loss = self.loss()
        loss.backward()
        self.optimizers.step(rate_at(share, self.progress.samples, self._settings))
        self.progress.samples += self._settings.batch
        self.progress.steps += 1
        self._follow()
        self.progress.seconds += time.monotonic() - started
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average, faster while it is young."""
        keep = min(self._settings.ema, (1 + self.progress.steps) / (10 + self.progress.steps))
        weights = self.unet.state_dict()
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateUsage]  # no public name for it
            list(self.average.values()), [weights[k] for k in self.average], 1 - keep
        )

    def save(self, path: Path) -> None:
        """Everything needed to go on; never leaves a half-written file."""
        new = path.with_suffix(".new")
        checkpoint = {
            "unet": self.unet.state_dict(),
            "average": self.average,
            "optimizers": self.optimizers.state_dict(),
            "samples": self.progress.samples,
            "steps": self.progress.steps,
            "seconds": self.progress.seconds,
            "random": torch.get_rng_state(),
        }
        torch.save(checkpoint, new)
        new.replace(path)

    def start(self, model: Path) -> None:
        """The weights of a packaged model, nothing else of its run. OSError if the folder has none."""
        weights = load_file(model / "unet" / "diffusion_pytorch_model.safetensors")
        self.unet.load_state_dict({name: weight.float() for name, weight in weights.items()})
        self.average = {name: weight.clone() for name, weight in self.unet.state_dict().items()}

    def load(self, path: Path) -> None:
        checkpoint = torch.load(path, weights_only=True)
        self.unet.load_state_dict(checkpoint["unet"])
        self.average = checkpoint["average"]
        self.optimizers.load_state_dict(checkpoint["optimizers"])
        self.progress = Progress(checkpoint["samples"], checkpoint["steps"], checkpoint["seconds"])
        torch.set_rng_state(checkpoint["random"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--until", type=datetime.fromisoformat, help="a deadline, UTC")
    parser.add_argument("--start", type=Path, help="a model folder to begin a new run from")
    arguments = parser.parse_args()
    settings = config.load().train
    torch.set_num_threads(settings.threads)
    until = arguments.until and arguments.until.replace(tzinfo=UTC).timestamp()

    trainer = Trainer(load_file(arguments.work / "pool.safetensors"), settings)
    path: Path = arguments.work / "unet.pt"
    if path.exists():
        trainer.load(path)
    elif arguments.start:
        trainer.start(arguments.start)
    progress, recent, saved = trainer.progress, [], time.monotonic()
    while True:
        share = progress.share(settings.samples, until and until - time.time())
        if share >= 1:
            break
        recent.append(trainer.step(share))
        if progress.steps % 20 == 0:
            pace = progress.samples / progress.seconds
            mean = math.fsum(recent) / len(recent)
            print(
                f"{progress.samples} samples, loss {mean:.4f}, {pace:.1f} samples/s, "
                f"{progress.seconds:.0f} s, {share:.1%}",
                flush=True,
            )
            recent = []
        if time.monotonic() - saved > settings.checkpoint_every:
            trainer.save(path)
            saved = time.monotonic()
    trainer.save(path)


if __name__ == "__main__":
    main()
