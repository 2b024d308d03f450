"""Models in one .safetensors file: the same pictures as from their folder, and no network."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import diffusers
import pytest
import torch
import transformers
from diffusers import StableDiffusionXLPipeline
from torch import Tensor

from generation.files.checkpoint import LAYOUTS
from generation.worker.models.loading import BrokenModel, Model
from generation.worker.models.sources.single_file import clip_tokenizer
from tests.generation.worker.company import draw_in_company, relative_difference
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order
from tests.single_files import original_sdxl, original_vae, save, sdxl_with_two_widths

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def folder(sdxl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sdxl_with_two_widths(sdxl_folder, tmp_path_factory.mktemp("xl") / "folder")


@pytest.fixture(scope="module")
def tensors(folder: Path) -> dict[str, Tensor]:
    return original_sdxl(StableDiffusionXLPipeline.from_pretrained(folder))


@pytest.fixture(scope="module")
def file(tensors: dict[str, Tensor], folder: Path) -> Path:
    return save(tensors, folder.parent / "tiny.safetensors")


def drawn(one: Model) -> Tensor:
    (slot,) = draw_in_company([(one, order(guidance=5.0))], seed=1)
    return torch.stack(one.develop([slot]))


def test_a_file_draws_the_same_picture_as_its_folder(folder: Path, file: Path) -> None:
    single = model(file, base=str(folder))
    assert torch.equal(drawn(single), drawn(model(folder)))
    (slot,) = draw_in_company([(single, order())], seed=1)
    assert relative_difference(slot, single, order()) < 1e-4


def test_a_denoiser_alone_takes_the_other_parts_from_its_base(
    folder: Path, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    prefix = "model.diffusion_model."
    alone = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    assert torch.equal(
        drawn(model(save(alone, tmp_path / "unet.safetensors"), base=str(folder))), drawn(model(folder))
    )


def test_what_a_model_predicts_is_read_from_its_keys_and_can_be_set(
    folder: Path, tensors: dict[str, Tensor], file: Path, tmp_path: Path
) -> None:
    def config(source: Path, **more: Any) -> dict[str, Any]:
        return dict(model(source, **more).pipe.scheduler.config)

    marked = save(
        tensors | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, tmp_path / "marked.safetensors"
    )
    zero_snr = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    read = config(marked, base=str(folder))
    assert read["prediction_type"] == "v_prediction"
    assert zero_snr.items() <= read.items()
    plain = config(file, base=str(folder))
    assert plain["prediction_type"] == "epsilon"
    assert not plain["rescale_betas_zero_snr"]
    assert config(marked, base=str(folder), prediction="epsilon")["prediction_type"] == "epsilon"
    chosen = config(folder, prediction="v_prediction", zero_snr=True)
    assert chosen["prediction_type"] == "v_prediction"
    assert zero_snr.items() <= chosen.items()
    written = save(tensors, tmp_path / "written.safetensors", **{"modelspec.prediction_type": "v"})
    assert config(written, base=str(folder))["prediction_type"] == "v_prediction"


def test_v_prediction_comes_out_as_from_the_pipeline(
    folder: Path, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    marked = save(
        tensors | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, tmp_path / "marked.safetensors"
    )
    one, plain = model(marked, base=str(folder)), model(folder)
    (slot,) = draw_in_company([(one, order())], seed=1)
    assert relative_difference(slot, one, order()) < 1e-4
    assert not torch.allclose(drawn(one), drawn(plain), atol=0.01)


def test_a_vae_from_elsewhere_replaces_the_models_own(folder: Path, file: Path, tmp_path: Path) -> None:
    other = model(folder).pipe.vae
    for weight in other.parameters():
        torch.nn.init.normal_(weight, std=0.05, generator=torch.Generator().manual_seed(5))
    other.save_pretrained(tmp_path / "vae")
    one = save(original_vae(other), tmp_path / "vae.safetensors")
    pictures = [
        drawn(model(folder, vae=str(tmp_path / "vae"))),
        drawn(model(folder, vae=str(one))),
        drawn(model(file, base=str(folder), vae=str(one))),
    ]
    assert all(torch.equal(picture, pictures[0]) for picture in pictures)
    assert not torch.allclose(pictures[0], drawn(model(folder)), atol=0.01)


@pytest.mark.parametrize("missing", ["conditioner.embedders.1.", "first_stage_model."])
def test_what_a_file_lacks_is_said(tensors: dict[str, Tensor], missing: str, tmp_path: Path) -> None:
    kept = {name: value for name, value in tensors.items() if not name.startswith(missing)}
    part = save(kept, tmp_path / "part.safetensors")
    with pytest.raises(
        BrokenModel, match="Set `base` to a folder or hub name of a StableDiffusionXLPipeline"
    ):
        model(part)


# The published numbers of parameters: U-Net, VAE, text encoders.
PUBLISHED = {
    "stable-diffusion-1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "stable-diffusion-2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "stable-diffusion-xl": {
        "unet": 2_567_463_684,
        "vae": 83_653_863,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    },
}


@pytest.fixture(params=sorted(PUBLISHED))
def layout(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    yield request.param, json.loads((LAYOUTS / f"{request.param}.json").read_bytes())


def test_the_shipped_layouts_are_those_of_the_published_models(layout: tuple[str, dict[str, Any]]) -> None:
    name, files = layout
    index = files["model_index.json"]
    for part, count in PUBLISHED[name].items():
        library, kind = index[part]
        config = files[f"{part}/config.json"]
        with torch.device("meta"):
            if library == "diffusers":
                made: Any = getattr(diffusers, kind).from_config(config)
            else:
                made = getattr(transformers, kind)(transformers.CLIPTextConfig(**config))
        assert sum(weight.numel() for weight in made.parameters()) == count, part
    scheduler: Any = getattr(diffusers, index["scheduler"][1]).from_config(
        files["scheduler/scheduler_config.json"]
    )
    assert float(scheduler.alphas_cumprod[-1]) == pytest.approx(0.00466, abs=1e-5)


def test_the_shipped_vocabulary_is_clips() -> None:
    """The numbers are those of CLIP's own tokenizer, as its documentation and its tests give them."""
    tokenizer = clip_tokenizer(pad_token="<|endoftext|>")
    assert len(tokenizer) == 49408
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer("Hello, world!").input_ids == [49406, 3306, 267, 1002, 256, 49407]
    padded = clip_tokenizer(pad_token="!")("a", padding="max_length", max_length=5).input_ids
    assert padded == [49406, 320, 49407, 0, 0]
