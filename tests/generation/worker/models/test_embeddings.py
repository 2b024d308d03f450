"""Textual inversion embeddings: words that stand for vectors, as in diffusers' pipelines."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file

from generation.files.embedding_file import BrokenEmbeddingFile, inspect_embedding
from generation.request import EmbeddingEntry
from generation.worker.models.loading import BrokenModel
from tests.generation.worker import reference
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WIDTH = 32  # of the tiny text encoders


def vectors(file: Path, **widths: int) -> Path:
    torch.manual_seed(5)
    save_file({name: torch.randn(2, width) for name, width in widths.items()}, file)
    return file


def known(file: Path, trigger: str = "foxlike") -> dict[str, Any]:
    return {"embeddings": (EmbeddingEntry(name="one", source=str(file), trigger=trigger),)}


@pytest.mark.parametrize(
    ("folder", "widths"),
    [("sd_folder", {"emb_params": WIDTH}), ("sdxl_folder", {"clip_l": WIDTH, "clip_g": WIDTH})],
)
def test_its_word_draws_what_the_pipeline_draws_with_it(
    folder: str, widths: dict[str, int], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(folder)
    file = vectors(tmp_path / "one.safetensors", **widths)
    one = model(source, **known(file))
    asked = order(text="a foxlike fox")
    slot = one.seat(asked.drawing, 0)
    while not slot.is_finished:
        one.advance([slot])
    pipe: Any = DiffusionPipeline.from_pretrained(source, **dict.fromkeys(["safety_checker"]))
    pipe.set_progress_bar_config(disable=True)
    plain = reference.latents(pipe, asked.drawing, 0)
    for number, name in enumerate(widths):
        end = "" if number == 0 else "_2"
        torch.manual_seed(5)
        parts = {each: torch.randn(2, width) for each, width in widths.items()}
        pipe.load_textual_inversion(
            parts[name],
            token="foxlike",
            text_encoder=getattr(pipe, f"text_encoder{end}"),
            tokenizer=getattr(pipe, f"tokenizer{end}"),
        )
    expected = reference.latents(pipe, asked.drawing, 0)
    assert (slot.sample - expected).abs().max() / expected.abs().max() < 1e-4
    assert (plain - expected).abs().max() / expected.abs().max() > 0.001


def test_one_that_does_not_fit_is_told_from_its_header(
    sd_folder: Path, sdxl_folder: Path, tmp_path: Path
) -> None:
    single = vectors(tmp_path / "single.safetensors", emb_params=WIDTH)
    wide = vectors(tmp_path / "wide.safetensors", emb_params=768)
    double = vectors(tmp_path / "double.safetensors", clip_l=WIDTH, clip_g=WIDTH)
    other = vectors(tmp_path / "other.safetensors", a=1, b=2, c=3)
    pickled = tmp_path / "pickled.pt"
    pickled.write_bytes(b"x")
    for file, folder, reason in (
        (wide, sd_folder, "It is 768 wide; the text encoder of this model is 32."),
        (single, sdxl_folder, "It was made for one text encoder"),
        (double, sd_folder, "It was made for Stable Diffusion XL"),
        (other, sd_folder, "holds no embedding"),
        (pickled, sd_folder, "no .safetensors file"),
        (tmp_path / "absent.safetensors", sd_folder, "There is no such file"),
    ):
        with pytest.raises(BrokenEmbeddingFile, match=re.escape(reason)):
            inspect_embedding(str(file), str(folder))
    assert inspect_embedding(str(single), "owner/name") == single


def test_a_model_without_embeddings_or_with_the_word_already_says_so(
    sd_folder: Path, sd3_folder: Path, tmp_path: Path
) -> None:
    file = vectors(tmp_path / "one.safetensors", emb_params=WIDTH)
    with pytest.raises(
        BrokenModel, match=r"embedding one cannot be used with tiny\. A StableDiffusion3Pipeline"
    ):
        model(sd3_folder, **known(file))
    twice = EmbeddingEntry(name="two", source=str(file), trigger="foxlike")
    with pytest.raises(BrokenModel, match=r"embedding two cannot be used with tiny\. Token foxlike already"):
        model(sd_folder, embeddings=(*known(file)["embeddings"], twice))
