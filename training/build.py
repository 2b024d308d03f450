"""Compose the training set: `python -m training.build --archive drawings.zip [--seed 2] [--start models/bundled]`.

Writes to training/work/: codec.safetensors, pool.safetensors (latents and caption states),
decoder.safetensors (pixels) and captions.json. Run again with another seed, in the middle of a training, it
lays out fresh compositions, so that none is learnt by heart.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from training import concepts, config, hold_out, pictures
from training.codec import Codec, fit, of_encoder
from training.compose import Composer
from training.paint import Painter
from training.scene import Mix, Scene
from training.text import TextEncoder


class Source:
    """Endless scenes and their pictures, without those that are held out."""

    def __init__(self, archive: Path, mix: Mix, seed: int) -> None:
        self._taught = concepts.load()
        self._drawings = pictures.load(archive, concepts.drawings(self._taught))
        self.begin(mix, seed)

    def begin(self, mix: Mix, seed: int) -> None:
        """Another stream of the same drawings."""
        without = {scene.key for scene in hold_out.load()}
        self._composer = Composer(self._taught, mix, seed, flat=self._drawings.flat, without=without)
        self._painter = Painter(self._drawings, seed)

    def scenes(self, count: int) -> list[Scene]:
        return [self._composer.compose() for _ in range(count)]

    def paint(self, scenes: Sequence[Scene]) -> Tensor:
        """(n, 3, 128, 128) bytes."""
        return as_tensor([self._painter.paint(scene) for scene in scenes])


def as_tensor(painted: Sequence[Image.Image]) -> Tensor:
    """RGB pictures to (n, 3, height, width) bytes."""
    stacked = np.stack([np.asarray(picture) for picture in painted])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


def as_float(pixels: Tensor) -> Tensor:
    """Bytes to -1..1."""
    return pixels.float() / 127.5 - 1


def codec_at(path: Path, pixels: Tensor, model: Path | None) -> Codec:
    """The codec there is, or that of a packaged model, since weights already trained speak its latents; else one
    fitted now."""
    if path.exists():
        return Codec.load(path)
    if model is not None:
        weights = load_file(model / "vae" / "diffusion_pytorch_model.safetensors")
        encoder = {name.removeprefix("encoder."): w for name, w in weights.items() if "encoder." in name}
        found = of_encoder(encoder)
    else:
        found = fit(as_float(pixels))
    found.save(path)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument("--text", type=Path, default=config.WORK / "text", help="or a model folder")
    parser.add_argument("--start", type=Path, help="a model folder whose codec is kept")
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--seed", type=int, help="instead of config.toml's")
    arguments = parser.parse_args()
    settings = config.load()
    seed = settings.build.seed if arguments.seed is None else arguments.seed
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    source = Source(arguments.archive, settings.mix, seed)
    started = time.monotonic()

    pixels = source.paint(source.scenes(settings.build.decoder_pictures))
    save_file({"pixels": pixels}, arguments.work / "decoder.safetensors")
    components = codec_at(arguments.work / "codec.safetensors", pixels, arguments.start)
    print(f"{len(pixels)} pictures, codec ready, {time.monotonic() - started:.0f} s", flush=True)

    captions: list[str] = []
    latents: list[Tensor] = []
    while len(captions) < settings.build.samples:
        scenes = source.scenes(250)
        captions += [scene.caption for scene in scenes]
        latents.append(components.encode(as_float(source.paint(scenes))).half())
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
