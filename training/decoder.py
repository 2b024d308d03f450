"""Trains the decoder from latents (12, 16, 16) to 128 px: `python -m training.decoder [--start models/bundled]`.

The decoder removes the blocks of the codec and doubles the resolution. It trains on crops of composed pictures. One batch in four
has a gradient of coloured light.
"""

import argparse
import math
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from safetensors.torch import load_file
from torch import Tensor, nn

from training import config
from training.build import as_float
from training.network.codec import COMPONENTS, SCALING_FACTOR, Codec, encoder_weights
from training.network.muon import Optimizers
from training.network.unet import channels_last

CHECKPOINT = "decoder.pt"
WIDTH = 32
SCALE = 8  # pixels per latent


def new_autoencoder(codec: Codec) -> AutoencoderTiny:
    """Returns the codec's encoder with an untrained decoder of 0.2 million weights."""
    autoencoder = AutoencoderTiny(
        latent_channels=COMPONENTS,
        encoder_block_out_channels=(48, 48, 48, 48),
        num_encoder_blocks=(0, 0, 0, 0),
        decoder_block_out_channels=(WIDTH, WIDTH, WIDTH, WIDTH),
        num_decoder_blocks=(2, 2, 1, 1),
        scaling_factor=SCALING_FACTOR,
    )
    autoencoder.encoder.load_state_dict(encoder_weights(codec))
    return autoencoder


class DecoderTrainer:
    """One decoder and its training pictures."""

    def __init__(self, pixels: Tensor, codec: Codec, settings: config.Decoder) -> None:
        torch.manual_seed(settings.seed)
        self._pixels, self._codec, self._settings = pixels, codec, settings
        self.autoencoder = new_autoencoder(codec)
        self.decoder: nn.Module = self.autoencoder.decoder
        channels_last(self.decoder)
        self.optimizers = Optimizers(
            self.decoder,
            muon_rate=settings.muon_rate,
            adam_rate=settings.adam_rate,
            is_matrix=lambda _, p: p.ndim == 4 and p.shape[0] == p.shape[1],
        )
        self.seconds = 0.0
        self.steps = 0

    def batch(self) -> tuple[Tensor, Tensor]:
        """Returns pictures (n, 3, px, px) and their latents, both cropped to the same random window."""
        chosen = torch.randint(0, len(self._pixels), (self._settings.batch,))
        pictures = as_float(self._pixels[chosen])
        if torch.rand(()) < 0.25:
            pictures = shaded(pictures)
        latents = self._codec.encode(pictures)
        crop = self._settings.crop
        x, y = torch.randint(0, latents.shape[-1] - crop + 1, (2,)).tolist()
        window = pictures[:, :, SCALE * y : SCALE * (y + crop), SCALE * x : SCALE * (x + crop)]
        return window, latents[:, :, y : y + crop, x : x + crop]

    def step(self) -> float:
        """Trains on one batch and returns the mean square error."""
        started = time.monotonic()
        pictures, latents = self.batch()
        decoded = self.decoder(latents / SCALING_FACTOR)
        sharpness(decoded - pictures).backward()
        share = self.seconds / (self._settings.minutes * 60)
        warm = min(1.0, (self.steps + 1) / 20)
        self.optimizers.step(warm * max(0.03, min(1.0, 2 * (1 - share))))
        self.steps += 1
        self.seconds += time.monotonic() - started
        return F.mse_loss(decoded.detach(), pictures).item()

    def start(self, model: Path) -> None:
        """Loads the decoder of a packaged model. Raises OSError when the folder has none."""
        weights = load_file(model / "vae" / "diffusion_pytorch_model.safetensors")
        prefix = "decoder."
        self.decoder.load_state_dict(
            {name.removeprefix(prefix): w.float() for name, w in weights.items() if name.startswith(prefix)}
        )

    def save(self, path: Path) -> None:
        new = path.with_suffix(".new")
        checkpoint: dict[str, Any] = {
            "autoencoder": self.autoencoder.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "seconds": self.seconds,
            "steps": self.steps,
        }
        torch.save(checkpoint, new)
        new.replace(path)

    def load(self, path: Path) -> None:
        checkpoint = torch.load(path, weights_only=True)
        self.autoencoder.load_state_dict(checkpoint["autoencoder"])
        self.optimizers.load_state_dict(checkpoint["optimizers"])
        self.seconds, self.steps = checkpoint["seconds"], checkpoint["steps"]


def shaded(pictures: Tensor) -> Tensor:
    """Returns the pictures with a slanting gradient of coloured light, so that the decoder learns skies, not only plain walls."""
    count, channels, height, width = pictures.shape
    ramp = torch.linspace(-1, 1, height).view(1, 1, -1, 1) * torch.randn(count, channels, 1, 1)
    ramp = ramp + torch.linspace(-1, 1, width) * torch.randn(count, channels, 1, 1)
    return (pictures + 0.4 * ramp).clamp(-1, 1)


def sharpness(error: Tensor) -> Tensor:
    """Returns the absolute error of the pixels plus half the absolute error of the differences between neighbours."""
    across = (error[..., 1:] - error[..., :-1]).abs().mean()
    down = (error[:, :, 1:] - error[:, :, :-1]).abs().mean()
    return error.abs().mean() + 0.5 * (across + down)


def decibels(square_error: float) -> float:
    """Returns the peak signal-to-noise ratio of pictures in -1..1."""
    return 10 * math.log10(4 / square_error)


@torch.no_grad()
def measure(module: nn.Module, codec: Codec, pixels: Tensor) -> float:
    """Returns decibels over whole pictures, computed eight at a time."""
    errors: list[float] = []
    for part in pixels.split(8):
        pictures = as_float(part)
        decoded = module(codec.encode(pictures) / SCALING_FACTOR).clamp(-1, 1)
        errors.append(F.mse_loss(decoded, pictures).item())
    return decibels(math.fsum(errors) / len(errors))


def train(work: Path, start: Path | None, settings: config.Decoder) -> None:
    """Trains the folder's decoder to the end, from its checkpoint if there is one."""
    pixels = load_file(work / "decoder.safetensors")["pixels"]
    codec = Codec.load(work / "codec.safetensors")
    held_out, seen = pixels[:48], pixels[48:]

    trainer = DecoderTrainer(seen, codec, settings)
    path = work / CHECKPOINT
    if path.exists():
        trainer.load(path)
    elif start:
        trainer.start(start)
        print(f"held out, before: {measure(trainer.decoder, codec, held_out):.2f} dB")
    recent: list[float] = []
    saved = time.monotonic()
    while trainer.seconds < settings.minutes * 60:
        recent.append(trainer.step())
        if trainer.steps % 100 == 0:
            mean = math.fsum(recent) / len(recent)
            print(
                f"{trainer.steps} steps, {decibels(mean):.2f} dB, {trainer.seconds:.0f} s",
                flush=True,
            )
            recent = []
        if time.monotonic() - saved > settings.checkpoint_every:
            trainer.save(path)
            saved = time.monotonic()
    trainer.save(path)
    print(f"held out: {measure(trainer.decoder, codec, held_out):.2f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--start", type=Path, help="a model folder to begin a new run from")
    arguments = parser.parse_args()
    settings = config.load().decoder
    torch.set_num_threads(settings.threads)
    train(arguments.work, arguments.start, settings)


if __name__ == "__main__":
    main()
