"""Converts checkpoints to the shipped folder: `python -m training.package`.

Writes models/bundled/ (half precision, diffusers layout) file by file. Each file is replaced in one move, so that a program that
loads the folder never reads half a file. The model card and the licences there are written by hand and stay.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline, UNet2DConditionModel

from training import config
from training.decoder import CHECKPOINT as DECODER_CHECKPOINT
from training.decoder import new_autoencoder
from training.network.codec import Codec
from training.network.text import TextEncoder
from training.network.unet import new_scheduler, new_unet
from training.train import CHECKPOINT

TARGET = Path(__file__).parent.parent / "models" / "bundled"


def average_unet(work: Path) -> tuple[UNet2DConditionModel, int]:
    """Returns the averaged U-Net of the last checkpoint and its number of samples."""
    checkpoint = torch.load(work / CHECKPOINT, weights_only=True)
    unet = new_unet()
    unet.load_state_dict(checkpoint["average"])
    return unet.eval(), checkpoint["samples"]


def autoencoder(work: Path, former: Path) -> AutoencoderTiny:
    """Returns the codec's encoder with the decoder of the last checkpoint, or the former model's autoencoder without a
    checkpoint."""
    if not (work / DECODER_CHECKPOINT).exists():
        return AutoencoderTiny.from_pretrained(former / "vae").eval()
    checkpoint = torch.load(work / DECODER_CHECKPOINT, weights_only=True)
    model = new_autoencoder(Codec.load(work / "codec.safetensors"))
    model.load_state_dict(checkpoint["autoencoder"])
    return model.eval()


def pipeline(work: Path, text: Path, former: Path) -> tuple[StableDiffusionPipeline, int]:
    """Returns the complete pipeline in half precision, and the number of samples."""
    unet, samples = average_unet(work)
    encoder = TextEncoder(text)
    whole = StableDiffusionPipeline(
        # the signature names the classes of the first Stable Diffusion; these classes work too
        vae=autoencoder(work, former),  # pyright: ignore[reportArgumentType]
        text_encoder=encoder.model,  # pyright: ignore[reportArgumentType]
        tokenizer=encoder.tokenizer,  # pyright: ignore[reportArgumentType]
        unet=unet,
        scheduler=new_scheduler(),  # pyright: ignore[reportArgumentType]
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )
    return whole.to(dtype=torch.float16), samples


def replace_files(source: Path, target: Path) -> None:
    """Moves every file of `source` to its place under `target`: weights first, the index last."""
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == "model_index.json"):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o644)  # safetensors makes files readable for the owner only
        path.replace(place)


def package(work: Path, text: Path, target: Path, former: Path) -> int:
    """Writes the model of the last checkpoints to `target`. Returns the number of samples."""
    whole, samples = pipeline(work, text, former)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".bundled-") as folder:
        whole.save_pretrained(folder, safe_serialization=True)
        replace_files(Path(folder), target)
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--text", type=Path, help="a folder of training.prune or a model folder; default: WORK/text"
    )
    parser.add_argument("--work", type=Path, default=config.WORK)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = arguments.text or arguments.work / "text"
    samples = package(arguments.work, text, arguments.target, arguments.target)
    size = sum(path.stat().st_size for path in arguments.target.rglob("*") if path.is_file())
    print(f"{arguments.target}: {samples} samples seen, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
