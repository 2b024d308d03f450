"""A TAESD draws the pictures in progress, if the model's entry names one that fits."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from torch import Tensor

from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.files.tiny_autoencoder import TinyDecoder, inspect_tiny
from generation.worker.job import Job
from generation.worker.models.loading import BrokenModel
from generation.worker.output.preview import JobPreview
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.tiny_models import cut, edit_json

NAME = "diffusion_pytorch_model.safetensors"


def tiny(folder: Path, channels: int = 4, blocks: tuple[int, ...] = (2, 0, 1, 1)) -> Path:
    """Builds a TAESD with random weights and few channels."""
    torch.manual_seed(channels)
    widths = (8,) * len(blocks)
    AutoencoderTiny(
        latent_channels=channels,
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=(0,) * len(blocks),
        num_decoder_blocks=blocks,
    ).save_pretrained(folder)
    return folder


def as_published(folder: Path, file: Path) -> Path:
    """Writes the decoder alone, with its names in the files of TAESD's author."""
    prefix = "decoder.layers."
    stored = load_file(folder / NAME)
    parts = {name.removeprefix(prefix).partition("."): name for name in stored if name.startswith(prefix)}
    save_file({f"{int(number) + 1}.{rest}": stored[name] for (number, _, rest), name in parts.items()}, file)
    return file


@pytest.mark.parametrize(("name", "channels"), [("sd_folder", 4), ("sd3_folder", 16), ("flux_folder", 4)])
def test_previews_are_drawn_by_the_taesd_from_a_folder_and_from_files(
    name: str, channels: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tiny(tmp_path / "taesd", channels)
    decoder: Any = AutoencoderTiny.from_pretrained(folder)
    sources = [folder]
    if name == "sd_folder":
        sources += [folder / NAME, as_published(folder, tmp_path / "taesd_decoder.safetensors")]
    latents = torch.randn(2, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = (decoder.decode(latents).sample / 2 + 0.5).clamp(0, 1)
    for source in sources:
        one = model(request.getfixturevalue(name), preview=str(source))
        assert torch.allclose(one.codec.preview(latents), expected, atol=1e-6)
        assert one.codec.decode(latents).shape == expected.shape, "pictures are decoded by the VAE"


def test_the_preview_of_a_job_is_the_taesds(sd_folder: Path, tmp_path: Path) -> None:
    request = order(images=2)
    seen: list[bytes] = []
    for preview in ("", str(tiny(tmp_path / "taesd"))):
        one = model(sd_folder, preview=preview)
        job = Job(request=request, model=one)
        job.slots.update({index: one.seat(request.drawing, index) for index in range(2)})
        one.advance(list(job.slots.values()))
        shown = JobPreview.of(job)
        side = 8 if not preview else 64
        assert [picture.picture().size for picture in shown.pictures.values()] == [(side, side)] * 2
        seen.append(shown.develop())
    assert seen[0] != seen[1]


def test_a_large_preview_is_shrunk_on_the_device(sd_folder: Path, tmp_path: Path) -> None:
    one = model(sd_folder, preview=str(tiny(tmp_path / "taesd")))
    latents = torch.randn(1, 4, 64, 72, generator=torch.Generator().manual_seed(1))
    decoder: Any = AutoencoderTiny.from_pretrained(tmp_path / "taesd")
    with torch.inference_mode():
        whole: Tensor = decoder.decode(latents).sample / 2 + 0.5
    shown = one.codec.preview(latents)
    assert shown.shape == (1, 3, 256, 288)
    assert torch.allclose(shown, F.avg_pool2d(whole, 2).clamp(0, 1), atol=1e-5)


def test_a_decoder_is_told_by_its_shapes(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "taesd")
    file = as_published(folder, tmp_path / "taesd_decoder.safetensors")
    expected = TinyDecoder(channels=4, blocks=(2, 0, 1, 1), widths=(8, 8, 8, 8))
    assert [inspect_tiny(str(each)) for each in (folder, folder / NAME, file)] == [expected] * 3


Spoil = Callable[[Path], Path]


def without_its_class(folder: Path) -> Path:
    (folder / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    return folder


def without_a_list(folder: Path) -> Path:
    edit_json(folder / "config.json", num_decoder_blocks=3)
    return folder


def cut_off(folder: Path) -> Path:
    cut(folder / NAME, 500)
    return folder


def with_odd_names(folder: Path) -> Path:
    file = folder / "odd.safetensors"
    save_file({f"decoder.layers.{name}.weight": torch.zeros(8, 4, 3, 3) for name in ("head", "3.", "")}, file)
    return file


BROKEN: list[tuple[str, Spoil]] = [
    ("odd.safetensors holds no decoder of an AutoencoderTiny", with_odd_names),
    ("Its latents have 16 channels where the model's have 4", lambda f: tiny(f / "other", 16)),
    (
        "Its latents have 4 pixels on each side where the model's have 8",
        lambda f: tiny(f / "other", 4, (1,) * 3),
    ),
    ("It is of the class AutoencoderKL, not AutoencoderTiny", without_its_class),
    ("Its config.json has a number in place of a list", without_a_list),
    ("is cut off in its header (500 bytes)", cut_off),
    ("config.json is missing", lambda f: (f / "config.json").unlink() or f),
    ("taesd_decoder.pth is no folder and no .safetensors file", lambda f: f / "taesd_decoder.pth"),
    ("nowhere.safetensors is missing", lambda f: f / "nowhere.safetensors"),
]


@pytest.mark.parametrize(("said", "spoil"), BROKEN, ids=[said for said, _ in BROKEN])
def test_a_taesd_that_does_not_serve_is_a_sentence_at_start(
    said: str, spoil: Spoil, sd_folder: Path, tmp_path: Path
) -> None:
    source = spoil(tiny(tmp_path / "taesd"))
    with pytest.raises(BrokenModelFolder) as caught:
        inspect_entry(entry(sd_folder, preview=str(source)))
    assert said in caught.value.reason
    assert caught.value.advice.endswith(".")


def test_a_file_that_is_no_taesd_is_a_sentence(sd_folder: Path) -> None:
    with pytest.raises(BrokenModelFolder, match="holds no decoder of an AutoencoderTiny"):
        inspect_entry(entry(sd_folder, preview=str(sd_folder / "vae" / NAME)))


def test_a_vae_that_does_not_say_its_size_is_a_sentence(sd_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sd_folder, tmp_path / "model")
    edit_json(folder / "vae/config.json", block_out_channels=None)
    with pytest.raises(BrokenModelFolder, match="does not say how much it enlarges"):
        inspect_entry(entry(folder, preview=str(tiny(tmp_path / "taesd"))))


@pytest.mark.parametrize("name", ["qwen_folder", "flux2_folder"])
def test_models_whose_vae_has_no_tiny_one_refuse_it(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(BrokenModelFolder, match="for which diffusers has no tiny one"):
        inspect_entry(entry(request.getfixturevalue(name), preview=str(tiny(tmp_path / "taesd"))))


def test_a_model_outside_the_step_loop_has_no_previews(sd_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sd_folder, tmp_path / "model")
    edit_json(folder / "model_index.json", _class_name="StableDiffusionPAGPipeline")
    with pytest.raises(
        BrokenModel, match="a StableDiffusionPAGPipeline has no previews; leave `preview` out"
    ):
        model(folder, preview=str(tiny(tmp_path / "taesd")))
