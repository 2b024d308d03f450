"""A run of two short rounds: shards are replaced, the model is scored, the best is saved, and a second run continues."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from bot.studio.settings import BUNDLED_MODEL
from training import config, hold_out
from training.network.unet import load_weights, new_unet
from training.run import Run, some
from training.scenes import concepts

WHOLE = config.load()
TINY = replace(
    WHOLE,
    build=replace(WHOLE.build, samples=12, shards=1, decoder_pictures=56),
    run=replace(WHOLE.run, rounds=2, judge_after=1, decoder_after=2, scored=1),
    train=replace(WHOLE.train, samples=8, batch=4),
    decoder=replace(WHOLE.decoder, minutes=0.001),
    judge=replace(WHOLE.judge, samples=32, batch=16),
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with the same square for every drawing."""
    encoded = io.BytesIO()
    Image.new("RGBA", (8, 8), (200, 60, 40, 255)).save(encoded, "WEBP")
    path = tmp_path_factory.mktemp("archive") / "drawings.zip"
    names = concepts.drawings(concepts.load())
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(
            "items.json", json.dumps([{"name": name, "hex": str(i)} for i, name in enumerate(names)])
        )
        for i in range(len(names)):
            opened.writestr(f"f/{i}.webp", encoded.getvalue())
    return path


def test_a_run_scores_its_rounds_keeps_the_best_and_goes_on(archive: Path, tmp_path: Path) -> None:
    def sit() -> None:
        Run(archive, BUNDLED_MODEL, BUNDLED_MODEL, tmp_path, TINY).go(None)

    sit()
    assert [path.name for path in sorted(tmp_path.glob("pool-*"))] == ["pool-001.safetensors"]
    rows = json.loads((tmp_path / "scores.json").read_bytes())
    assert [row["samples"] for row in rows] == [4, 8]
    assert all(0 <= row["score"] <= 1 for row in rows)
    assert (tmp_path / "decoder.pt").exists()
    load_weights(new_unet(), load_file(tmp_path / "best" / "unet" / "diffusion_pytorch_model.safetensors"))

    sit()  # no training is left to do
    assert [row["samples"] for row in json.loads((tmp_path / "scores.json").read_bytes())][:2] == [4, 8]


def test_what_is_scored_is_the_same_in_every_round() -> None:
    for held in hold_out.both(hold_out.load()):
        assert some(held, 5) == some(held, 5)
