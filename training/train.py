"""Trains the U-Net: `python -m training.train [--until 2026-01-01T02:30] [--start models/bundled]`.

Reads the shards that training.build wrote. Saves a checkpoint in training/work/ and continues from it. The rates fall to zero at
the last sample, or at the time `--until` with any number of samples. Without a checkpoint `--start` begins a new run with the
weights of a packaged model. `--device cuda --batch 1024` uses a GPU.
"""

import argparse
import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file
from torch import Tensor

from training import config
from training.build import load_pool
from training.network.muon import Optimizers, is_hidden_matrix
from training.network.unet import channels_last, load_weights, new_scheduler, new_unet
from training.precision import has_bfloat16

CHECKPOINT = "unet.pt"


@dataclass(slots=True)
class Progress:
    """The progress of a run over all its sessions."""

    samples: int = 0
    steps: int = 0
    seconds: float = 0.0

    def share(self, total: int, seconds_left: float | None) -> float:
        """Returns the finished share of the run, 0..1: by the clock with a deadline, otherwise by samples."""
        if seconds_left is None:
            return min(1.0, self.samples / total)
        if seconds_left <= 0:
            return 1.0
        return self.seconds / (self.seconds + seconds_left)


def rate_at(share: float, samples: int, settings: config.Train) -> float:
    """Returns the learning rate factor: warm-up by samples, constant, then a linear fall to one fiftieth."""
    warm = min(1.0, (samples + settings.batch) / settings.warmup)
    fall = (1 - share) / (1 - settings.flat)
    return warm * max(0.02, min(1.0, fall))


class Trainer:
    """One U-Net, its average, its optimisers, and its training pool."""

    def __init__(
        self, pool: dict[str, Tensor], settings: config.Train, device: torch.device | str = "cpu"
    ) -> None:
        torch.manual_seed(settings.seed)
        self._settings = settings
        self.device = torch.device(device)
        self.learn_from(pool)
        self._alphas = new_scheduler().alphas_cumprod.to(self.device)
        self.unet = new_unet().train().to(self.device)  # pyright: ignore[reportArgumentType]  # torch's stubs
        channels_last(self.unet)
        if self.device.type == "cpu":
            self.unet.set_attn_processor(AttnProcessor())  # flash attention is slower here
        self.average = {k: v.clone() for k, v in self.unet.state_dict().items()}
        self.optimizers = Optimizers(
            self.unet,
            muon_rate=settings.muon_rate,
            adam_rate=settings.adam_rate,
            is_matrix=is_hidden_matrix,
        )
        self.progress = Progress()

    def learn_from(self, pool: dict[str, Tensor]) -> None:
        self._latents, self._states, self._rows = (
            pool[name].to(self.device) for name in ("latents", "states", "rows")
        )

    def loss(self) -> Tensor:
        """Returns the Min-SNR weighted v-loss of a new batch (Hang et al. 2023, arXiv 2303.09556)."""
        count, device = self._settings.batch, self.device
        chosen = torch.randint(0, len(self._rows), (count,), device=device)
        clean = self._latents[chosen].float()
        is_dropped = torch.rand(count, device=device) < self._settings.drop_caption
        rows = torch.where(is_dropped, 0, self._rows[chosen])  # row 0 is the empty caption
        # one step from each of `count` equal strata, so that every batch covers all noise levels
        place = torch.arange(count, device=device) + torch.rand(count, device=device)
        steps = (place / count * 1000).long().clamp(0, 999)
        alpha = self._alphas[steps].view(-1, 1, 1, 1)
        noise = torch.randn_like(clean)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device.type)):
            states = self._states[rows].float()
            predicted = self.unet(noisy, steps, encoder_hidden_states=states).sample
        snr = alpha / (1 - alpha)
        weight = snr.clamp(max=self._settings.snr_clamp) / (snr + 1)
        return (weight * (predicted.float() - velocity).square()).mean()

    def step(self, share: float) -> float:
        """Trains on one batch and returns the loss. `share` is the finished share of the run."""
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
        """Updates the average, faster at the beginning of the run."""
        keep = min(self._settings.ema, (1 + self.progress.steps) / (10 + self.progress.steps))
        weights = self.unet.state_dict()
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateUsage]  # no public name for it
            list(self.average.values()), [weights[k] for k in self.average], 1 - keep
        )

    def save(self, path: Path) -> None:
        """Saves the complete training state without ever leaving a half-written file."""
        new = path.with_suffix(".new")
        checkpoint = {
            "unet": self.unet.state_dict(),
            "average": self.average,
            "optimizers": self.optimizers.state_dict(),
            "samples": self.progress.samples,
            "steps": self.progress.steps,
            "seconds": self.progress.seconds,
            "random": torch.get_rng_state(),
            "random on the device": _device_random(self.device),
        }
        torch.save(checkpoint, new)
        new.replace(path)

    def start(self, model: Path) -> None:
        """Loads only the weights of a packaged model. Raises OSError when the folder has none."""
        load_weights(self.unet, load_file(model / "unet" / "diffusion_pytorch_model.safetensors"))
        self.average = {name: weight.clone() for name, weight in self.unet.state_dict().items()}

    def load(self, path: Path) -> None:
        checkpoint = torch.load(path, weights_only=True, map_location=self.device)
        self.unet.load_state_dict(checkpoint["unet"])
        self.average = checkpoint["average"]
        self.optimizers.load_state_dict(checkpoint["optimizers"])
        self.progress = Progress(checkpoint["samples"], checkpoint["steps"], checkpoint["seconds"])
        torch.set_rng_state(checkpoint["random"].cpu())
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint["random on the device"].cpu(), self.device)


def _device_random(device: torch.device) -> Tensor:
    """Returns the state of the device's random generator. Empty on a CPU, whose generator state is saved separately."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.empty(0)


def open_trainer(
    work: Path, settings: config.Train, start: Path | None, device: torch.device | str = "cpu"
) -> Trainer:
    """Opens a trainer on the folder's shards: from its checkpoint, else from a packaged model's weights, else with new
    weights."""
    trainer = Trainer(load_pool(work), settings, device)
    path = work / CHECKPOINT
    if path.exists():
        trainer.load(path)
    elif start:
        trainer.start(start)
    return trainer


def train(
    trainer: Trainer, work: Path, settings: config.Train, until: float | None, pause_at: int | None = None
) -> bool:
    """Trains to the end of the run or to `pause_at` samples. Returns whether the run has ended. `until`: seconds since 1970."""
    progress, path = trainer.progress, work / CHECKPOINT
    recent: list[float] = []
    saved = time.monotonic()
    while (share := progress.share(settings.samples, until and until - time.time())) < 1:
        if pause_at is not None and progress.samples >= pause_at:
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
    return share >= 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--until", type=datetime.fromisoformat, help="a deadline, UTC")
    parser.add_argument("--start", type=Path, help="a model folder to begin a new run from")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--batch", type=int, help="samples a step, instead of config.toml's")
    arguments = parser.parse_args()
    settings = config.load().train
    settings = replace(settings, batch=arguments.batch or settings.batch)
    torch.set_num_threads(settings.threads)
    until = arguments.until and arguments.until.replace(tzinfo=UTC).timestamp()

    trainer = open_trainer(arguments.work, settings, arguments.start, arguments.device)
    train(trainer, arguments.work, settings, until)


if __name__ == "__main__":
    main()
