"""Builds the training set: `python -m training.build --archive drawings.zip [--shards 6] [--start models/bundled]`.

Writes the missing files to training/work/: codec.safetensors, decoder.safetensors (pixels) and the first shards of the pool,
pool-000.safetensors and so on (latents and caption states). training.run adds shards while it trains, so that no composition is
learnt by heart.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from training import config, hold_out
from training.network.codec import Codec, fit, of_encoder
from training.network.text import TextEncoder
from training.scenes import concepts, pictures
from training.scenes.compose import Composer
from training.scenes.paint import Painter
from training.scenes.scene import Mix, Scene


class Source:
    """An endless source of scenes and their pictures, without the held-out scenes."""

    def __init__(self, archive: Path, mix: Mix, seed: int) -> None:
        self._taught = concepts.load()
        self._drawings = pictures.load(archive, concepts.drawings(self._taught))
        self.begin(mix, seed)

    def begin(self, mix: Mix, seed: int) -> None:
        """Starts another random stream with the same drawings."""
        without = hold_out.apart(hold_out.load())
        self._composer = Composer(self._taught, mix, seed, flat=self._drawings.flat, without=without)
        self._painter = Painter(self._drawings, seed)

    def scenes(self, count: int) -> list[Scene]:
        return [self._composer.compose() for _ in range(count)]

    def paint(self, scenes: Sequence[Scene]) -> Tensor:
        """Returns (n, 3, 128, 128) bytes."""
        return as_tensor([self._painter.paint(scene) for scene in scenes])


def as_tensor(painted: Sequence[Image.Image]) -> Tensor:
    """Converts RGB pictures to (n, 3, height, width) bytes."""
    stacked = np.stack([np.asarray(picture) for picture in painted])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


def as_float(pixels: Tensor) -> Tensor:
    """Converts bytes to -1..1."""
    return pixels.float() / 127.5 - 1


def codec_at(path: Path, pixels: Tensor, model: Path | None) -> Codec:
    """Returns the saved codec, or the codec of a packaged model because its trained weights use those latents. Otherwise fits a
    new codec."""
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


class Builder:
    """The builder of the training set in a folder. It builds each file once."""

    def __init__(
        self, archive: Path, text: Path, start: Path | None, work: Path, settings: config.Config
    ) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self._work, self._settings = work, settings
        self._source = Source(archive, settings.mix, settings.build.seed)
        self._text = TextEncoder(text)
        pixels = self._decoder_pictures()
        self._codec = codec_at(work / "codec.safetensors", pixels, start)

    def _decoder_pictures(self) -> Tensor:
        path = self._work / "decoder.safetensors"
        if not path.exists():
            pixels = self._source.paint(self._source.scenes(self._settings.build.decoder_pictures))
            _save({"pixels": pixels}, path)
        return load_file(path)["pixels"]

    def shard(self, number: int) -> None:
        """Builds shard `number` unless the file exists. The same number always gives the same shard."""
        path = shard_at(self._work, number)
        if path.exists():
            return
        started = time.monotonic()
        self._source.begin(self._settings.mix, self._settings.build.seed + 1 + number)
        captions: list[str] = []
        latents: list[Tensor] = []
        while len(captions) < self._settings.build.samples:
            scenes = self._source.scenes(min(250, self._settings.build.samples - len(captions)))
            captions += [scene.caption for scene in scenes]
            latents.append(self._codec.encode(as_float(self._source.paint(scenes))).half())
        unique = sorted({"", *captions})  # "" comes first: it is the dropped caption
        row = {caption: index for index, caption in enumerate(unique)}
        pool = {
            "latents": torch.cat(latents).contiguous(),
            "states": self._text.encode(unique).half(),
            "rows": torch.tensor([row[caption] for caption in captions]),
        }
        _save(pool, path)
        print(f"{path.name}: {len(captions)} samples, {time.monotonic() - started:.0f} s", flush=True)


def shard_at(work: Path, number: int) -> Path:
    return work / f"pool-{number:03}.safetensors"


def load_pool(work: Path) -> dict[str, Tensor]:
    """Returns all shards of the folder as one: latents (n, 12, 16, 16), states (captions, tokens, width), rows (n,)."""
    shards = [load_file(path) for path in sorted(work.glob("pool-*.safetensors"))]
    rows: list[Tensor] = []
    captions = 0
    for shard in shards:
        rows.append(shard["rows"] + captions)
        captions += len(shard["states"])
    return {
        "latents": torch.cat([shard["latents"] for shard in shards]),
        "states": torch.cat([shard["states"] for shard in shards]),
        "rows": torch.cat(rows),
    }


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    """Saves the file without ever leaving it half-written."""
    new = path.with_suffix(".new")
    save_file(tensors, new)
    new.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="made by training.archive")
    parser.add_argument(
        "--text", type=Path, help="a folder of training.prune or a model folder; default: WORK/text"
    )
    parser.add_argument("--start", type=Path, help="a model folder whose codec is kept")
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--shards", type=int, help="instead of config.toml's")
    arguments = parser.parse_args()
    settings = config.load()
    torch.set_num_threads(1)
    text = arguments.text or arguments.work / "text"
    builder = Builder(arguments.archive, text, arguments.start, arguments.work, settings)
    for number in range(arguments.shards or settings.build.shards):
        builder.shard(number)


if __name__ == "__main__":
    main()
