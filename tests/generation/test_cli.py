"""`python -m generation`, called in this process."""

import io
from pathlib import Path

import pytest
from PIL import Image

from generation.__main__ import BAD_INPUT, main
from generation.files.images import read_parameters
from tests.tiny_loras import tiny_lora
from tests.tiny_models import tiny_bundled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bundled(tmp_path_factory.mktemp("bundled")))


def test_a_sentence_becomes_pictures(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "fox.png"
    arguments = [
        "a fox",
        "-o",
        str(output),
        "--model",
        model,
        "--size",
        "64x96",
        "--steps",
        "2",
        "--seed",
        "7",
    ]
    assert main(arguments) == 0
    assert "(seed 7)" in capsys.readouterr().out
    with Image.open(output) as picture:
        assert picture.size == (64, 96)
    assert read_parameters(output.read_bytes()).startswith("a fox\nSteps: 2, Sampler: DDIM")

    assert main([*arguments, "--images", "2", "--init", str(output)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"fox.png", "fox-1.png", "fox-2.png"}


def test_a_lora_is_a_file_with_or_without_a_weight(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, output = tmp_path / "pixel v1.0.safetensors", tmp_path / "fox.png"
    tiny_lora(Path(model), file, 1, "unet")
    arguments = [
        "a fox",
        "-o",
        str(output),
        "--model",
        model,
        "--size",
        "64x64",
        "--steps",
        "1",
        "--seed",
        "7",
    ]
    drawn: list[bytes] = []
    for lora in ([], ["--lora", str(file)], ["--lora", f"{file}:0.5"]):
        assert main([*arguments, *lora]) == 0
        drawn.append(output.read_bytes())
    assert len({Image.open(io.BytesIO(png)).tobytes() for png in drawn}) == 3
    assert read_parameters(drawn[2]).startswith("a fox <lora:pixel-v1-0:0.5>\n")
    assert main([*arguments, "--lora", "./nowhere:0.5"]) == BAD_INPUT
    assert "There is no such file or folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--images", "9"], "--images is 1 to 4"),
        (["--lora", "a/x.safetensors", "--lora", "b/x.safetensors"], "Two files of --lora have the name x"),
        (["--steps", "1000"], "--steps is 1 to 100"),
        (["--seed", "-5"], "--seed is 0 to"),
        (["--size", "large"], "WIDTHxHEIGHT"),
        (["--size", "100x100"], "multiples of 8"),
        (["--init", "nowhere.png"], "nowhere.png cannot be read"),
        (["--init", __file__, "--strength", "2"], "--strength is above 0"),
        (["--init", __file__, "--mask", "nowhere.png"], "nowhere.png cannot be read"),
        (["--mask", __file__], "--mask needs --init"),
        (["--output", "nowhere/fox.png"], "There is no folder"),
        (["--output", "fox.jpg"], "--output ends in .png"),
        (["--output", "tests"], "tests is a folder"),
        (["--output", "./"], "is a folder"),
        (["--model", "./nowhere"], "There is no such folder"),
        (["--guidance", "nan"], "--guidance is 0 to 30, not nan"),
        (["--guidance", "inf"], "--guidance is 0 to 30, not inf"),
        (["--guidance", "-3"], "--guidance is 0 to 30, not -3"),
        (["--size", "1000000x64"], "at most 4096 pixels, not 1000000x64"),
        (["--size", f"{'9' * 5000}x64"], "at most 4096 pixels"),
        (["--init", __file__, "--strength", "nan"], "--strength is above 0"),
        (["--lora", "fox.safetensors:nan"], "is -2 to 2 and not 0, not nan"),
        (["--lora", "fox.safetensors:3"], "is -2 to 2 and not 0, not 3"),
        (["--lora", "fox.safetensors:0"], "is -2 to 2 and not 0, not 0"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["a fox", *arguments]) == BAD_INPUT
    assert said in capsys.readouterr().err


def test_a_model_whose_files_are_gone_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model_index.json").symlink_to("gone")
    assert main(["a fox", "--model", str(tmp_path)]) == BAD_INPUT
    assert "model_index.json is a link to a file that is gone" in capsys.readouterr().err
    assert main(["a fox", "--model", "old.ckpt"]) == BAD_INPUT
    assert "old.ckpt is a pickle" in capsys.readouterr().err


def test_a_picture_to_start_from_that_is_none_is_said(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "a fox",
        "-o",
        str(tmp_path / "fox.png"),
        "--model",
        model,
        "--size",
        "64x64",
        "--init",
        __file__,
    ]
    assert main(arguments) == BAD_INPUT
    assert "is no PNG, JPEG or WebP" in capsys.readouterr().err
