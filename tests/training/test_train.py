"""A few real steps: the model learns, an interrupted run continues as if uninterrupted, and a new run starts from weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from bot.studio.settings import BUNDLED_MODEL
from training import config
from training.network.unet import load_weights, new_unet
from training.train import Progress, Trainer, rate_at

SETTINGS = replace(config.load().train, batch=4, warmup=8)


@pytest.fixture(scope="module")
def pool() -> dict[str, Tensor]:
    """Sixteen samples of two captions; the latents of one caption are all equal."""
    chance = torch.Generator().manual_seed(0)
    two = torch.randn(2, 12, 16, 16, generator=chance)
    rows = torch.arange(16) % 2
    return {
        "latents": two[rows].half(),
        "states": torch.randn(
            3, 20, 384, generator=chance
        ).half(),  # the first is the state of the empty caption
        "rows": rows + 1,
    }


def test_the_loss_falls(pool: dict[str, Tensor]) -> None:
    trainer = Trainer(pool, replace(SETTINGS, batch=16))
    losses = [trainer.step(0.0) for _ in range(10)]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    pool: dict[str, Tensor], tmp_path: Path
) -> None:
    whole = Trainer(pool, SETTINGS)
    for step in range(4):
        if step == 2:
            whole.save(tmp_path / "unet.pt")
        whole.step(0.1)
    resumed = Trainer(pool, SETTINGS)
    resumed.load(tmp_path / "unet.pt")
    assert (resumed.progress.samples, resumed.progress.steps) == (8, 2)
    for _ in range(2):
        resumed.step(0.1)
    for name, weight in whole.average.items():
        assert torch.equal(weight, resumed.average[name]), name


def test_a_new_run_starts_from_packaged_weights(pool: dict[str, Tensor]) -> None:
    trainer = Trainer(pool, SETTINGS)
    before = trainer.average["conv_in.weight"].clone()
    trainer.start(BUNDLED_MODEL)
    assert not torch.equal(trainer.average["conv_in.weight"], before)
    assert trainer.average["conv_in.weight"].dtype == torch.float32
    assert trainer.progress.samples == 0


def test_the_second_transformer_layers_begin_as_nothing(pool: dict[str, Tensor]) -> None:
    """A model with one layer therefore draws the same after a second layer was added."""
    grown = Trainer(pool, SETTINGS)
    grown.start(BUNDLED_MODEL)
    former = UNet2DConditionModel.from_pretrained(BUNDLED_MODEL / "unet").float()
    noisy, states = torch.randn(2, 12, 16, 16), torch.randn(2, 20, 384)
    one, other = (
        unet(noisy, torch.tensor([500, 20]), encoder_hidden_states=states).sample
        for unet in (grown.unet, former)
    )
    assert torch.allclose(one, other, atol=1e-3)


def test_weights_of_another_form_are_refused() -> None:
    with pytest.raises(RuntimeError, match="conv_in"):
        load_weights(new_unet(), {})


def test_a_folder_without_weights_cannot_be_started_from(pool: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="unet"):
        Trainer(pool, SETTINGS).start(tmp_path)


def test_the_rates_warm_up_and_fall() -> None:
    assert rate_at(0.0, 0, SETTINGS) == pytest.approx(0.5)
    assert rate_at(0.2, 1000, SETTINGS) == 1
    assert rate_at(0.7, 1000, SETTINGS) == pytest.approx(0.5)
    assert rate_at(1.0, 1000, SETTINGS) == pytest.approx(0.02)


def test_progress_is_by_the_clock_where_there_is_a_deadline() -> None:
    run = Progress(samples=50, steps=5, seconds=30)
    assert run.share(200, None) == 0.25
    assert run.share(200, 90) == 0.25
    assert run.share(200, 0) == 1
