"""Folders that are complete, but not as `save_pretrained` writes them."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusion3Pipeline

from generation.files.model_folder import BrokenModelFolder, inspect
from generation.request import ModelEntry, ModelName
from generation.worker.models.loading import BrokenModel, Model, load
from tests.generation.files.test_model_folder import cached
from tests.generation.worker.company import draw_in_company, relative_difference
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order
from tests.tiny_models import edit_json


def by_name(source: str) -> Model:
    entry = ModelEntry(name=ModelName("tiny"), source=source, licence="none", side=64, multiple=16)
    return load(entry, torch.device("cpu"), torch.float32)


def drawn(one: Model) -> torch.Tensor:
    return draw_in_company([(one, order())], seed=1)[0].sample


def test_a_hubs_cache_that_holds_half_precision_alone_is_loaded_by_name_without_a_network(
    sd_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = shutil.copytree(sd_folder, tmp_path / "half")
    for file in half.rglob("*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    cached(half, tmp_path / "hub", "owner/half")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert torch.equal(drawn(by_name("owner/half")), drawn(model(sd_folder)))


def test_stable_diffusion_3_without_t5_is_drawn_as_by_its_pipeline(sd3_folder: Path, tmp_path: Path) -> None:
    pipe = StableDiffusion3Pipeline.from_pretrained(sd3_folder, text_encoder_3=None, tokenizer_3=None)
    pipe.save_pretrained(tmp_path)
    assert not (tmp_path / "text_encoder_3").exists()
    one = model(tmp_path)
    request = order(guidance=5.0, negative="blurry")
    (slot,) = draw_in_company([(one, request)], seed=1)
    assert relative_difference(slot, one, request) < 1e-4


@pytest.fixture(scope="module")
def spiece_folder(flux_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose T5 tokenizer is a sentencepiece model alone, as Google published it."""
    pieces = pytest.importorskip("sentencepiece", reason="the package sentencepiece is not installed")
    folder = shutil.copytree(flux_folder, tmp_path_factory.mktemp("spiece") / "model")
    tokenizer = folder / "tokenizer_2"
    (tokenizer / "tokenizer.json").unlink()
    pieces.SentencePieceTrainer.train(
        sentence_iterator=iter(["a red fox in snow", "tea on a table", "the quick brown fox"] * 20),
        model_prefix=str(tokenizer / "spiece"),
        vocab_size=40,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    edit_json(tokenizer / "tokenizer_config.json", extra_ids=0)
    return folder


def test_a_t5_tokenizer_that_is_a_sentencepiece_model_alone_is_loaded(spiece_folder: Path) -> None:
    pieces = pytest.importorskip("sentencepiece")
    expected = pieces.SentencePieceProcessor(model_file=str(spiece_folder / "tokenizer_2/spiece.model"))
    one = model(spiece_folder)
    assert one.pipe.tokenizer_2("a red fox").input_ids == [*expected.encode("a red fox"), expected.eos_id()]
    assert torch.isfinite(drawn(one)).all()


def test_without_the_package_a_sentencepiece_model_is_said(
    flux_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(flux_folder, tmp_path / "model")
    (folder / "tokenizer_2/tokenizer.json").rename(folder / "tokenizer_2/spiece.model")

    def find_none(name: str) -> None:
        """Finds no package."""

    monkeypatch.setattr("generation.files.model_folder.find_spec", find_none)
    with pytest.raises(BrokenModelFolder, match=r"spiece\.model needs the package sentencepiece"):
        inspect(str(folder))


@pytest.mark.parametrize(
    ("fixture", "scheduler", "said"),
    [
        ("sd_folder", "RePaintScheduler", "RePaintScheduler can't do 25 steps with this model: "),
        ("sd_folder", "SCMScheduler", "num_inference_steps != 2"),
        ("sd_folder", "AmusedScheduler", "mask_token_id"),
        ("sd3_folder", "DDIMScheduler", "adds noise in another way than this model was trained with"),
    ],
)
def test_a_scheduler_that_cannot_serve_is_a_sentence_when_the_model_is_loaded(
    fixture: str, scheduler: str, said: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(BrokenModel) as caught:
        model(request.getfixturevalue(fixture), scheduler=scheduler)
    assert said in str(caught.value)
