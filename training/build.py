"""Compose the training set: `python -m training.build --archive drawings.zip`.

Writes to training/work/: codec.safetensors, pool.safetensors (latents and caption states),
decoder.safetensors (pixels) and captions.json.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from training import concepts, config, pictures
from training.codec import Codec, fit
from training.compose import Composer, Composition, Mix
from training.text import TextEncoder


def as_tensor(samples: list[Composition]) -> Tensor:
    """(n, 3, 128, 128) bytes."""
    stacked = np.stack([np.asarray(sample.picture) for sample in samples])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


def as_float(pixels: Tensor) -> Tensor:
    """Bytes to -1..1."""
    return pixels.float() / 127.5 - 1


def composer(archive: Path, mix: Mix, seed: int) -> Composer:
    """The composer over all concepts of concepts.toml."""
    taught = concepts.load()
    names = {name for concept in taught for name in concept.pictures}
    return Composer(taught, pictures.load(archive, sorted(names)), mix, seed)


def fitted(path: Path, pixels: Tensor) -> Codec:
    """The codec there is, since weights already trained speak its latents; else one fitted now."""
    if path.exists():
        return Codec.load(path)
    components = fit(as_float(pixels))
    components.save(path)
    return components


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--text", type=Path, default=config.WORK / "text")
    parser.add_argument("--work", type=Path, default=config.WORK)
    arguments = parser.parse_args()
    settings = config.load()
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    source = composer(arguments.archive, settings.mix, settings.build.seed)
    started = time.monotonic()

    kept = [source.compose() for _ in range(settings.build.decoder_pictures)]
    pixels = as_tensor(kept)
    save_file({"pixels": pixels}, arguments.work / "decoder.safetensors")
    components = fitted(arguments.work / "codec.safetensors", pixels)
    print(f"{len(kept)} pictures, codec ready, {time.monotonic() - started:.0f} s", flush=True)

    captions: list[str] = []
    latents: list[Tensor] = []
    while len(captions) < settings.build.samples:
        samples = [source.compose() for _ in range(250)]
        captions += [sample.caption for sample in samples]
        latents.append(components.encode(as_float(as_tensor(samples))).half())
    print(f"{len(captions)} samples, {time.monotonic() - started:.0f} s", flush=True)

    unique = sorted({"", *captions})  # "" comes first: the dropped caption
    row = {caption: index for index, caption in enumerate(unique)}
    states = TextEncoder(arguments.text).encode(unique).half()
    pool = {
        "latents": torch.cat(latents).contiguous(),
        "states": states,
        "rows": torch.tensor([row[caption] for caption in captions]),
    }
    save_file(pool, arguments.work / "pool.safetensors")
    (arguments.work / "captions.json").write_text(json.dumps(captions), encoding="utf-8")
    print(f"{len(unique)} captions encoded, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
