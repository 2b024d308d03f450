"""Models from a hub on this machine: what is fetched draws, and a download holds up nothing else."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generation.files import hub
from generation.files.model_folder import inspect
from generation.protocol import (
    Cancel,
    Cancelled,
    Configure,
    Downloading,
    Failed,
    Finished,
    Generate,
    ModelBroken,
    Ready,
)
from generation.request import JobId, ModelEntry, ModelName
from generation.worker import loop
from generation.worker.models.loading import BrokenModel
from generation.worker.models.sources.pipelines import load_pipeline
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.loaded import model
from tests.generation.worker.models.test_unusual_folders import by_name
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.pictures import SIDE
from tests.stand_in_hub import StandInHub, stand_in_hub

REMOTE = ModelName("remote")


@pytest.fixture(scope="module")
def repository(sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with half-precision weights alone, and files that are never loaded."""
    folder = shutil.copytree(sd_folder, tmp_path_factory.mktemp("hub") / "repository")
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    shutil.copy(
        next((folder / "unet").glob("*.safetensors")),
        folder / "unet/diffusion_pytorch_model.bf16.safetensors",
    )
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(b"x" * 1000)
    (folder / "v1-5.ckpt").write_bytes(b"x" * 1000)
    return folder


@pytest.fixture
def remote(
    repository: Path, sd_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandInHub]:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "TELL_SECONDS", 0.01)
    monkeypatch.setattr(loop, "DOWNLOAD_PAUSE", 0.01)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**14)
    with stand_in_hub() as made:
        made.repositories |= {"owner/half": repository, "owner/vae": sd_folder / "vae"}
        monkeypatch.setenv("HF_ENDPOINT", made.address)
        yield made


def test_only_what_is_loaded_is_fetched_and_the_variant_is_found(sd_folder: Path, remote: StandInHub) -> None:
    assert inspect("owner/half") is None
    folder = hub.fetch(hub.look_up("owner/half"))
    assert {file.name for file in (folder / "unet").iterdir()} == {
        "config.json",
        "diffusion_pytorch_model.fp16.safetensors",
    }
    assert not (folder / "v1-5.ckpt").exists()
    remote.asked.clear()
    (slot,) = draw_in_company([(by_name("owner/half"), order())], seed=1)
    (expected,) = draw_in_company([(model(sd_folder), order())], seed=1)
    assert torch.equal(slot.sample, expected.sample)
    assert not remote.asked


def test_the_weights_that_a_single_file_brings_are_not_fetched(remote: StandInHub) -> None:
    folder = hub.fetch(hub.look_up("owner/half"), skip=("unet",))
    assert {file.name for file in (folder / "unet").iterdir()} == {"config.json"}
    assert inspect("owner/half") is None
    assert inspect("owner/half", skip=("unet",))


def test_a_vae_is_fetched_by_its_hub_name_too(sd_folder: Path, remote: StandInHub) -> None:
    one = entry(sd_folder, vae="owner/vae")
    load_pipeline(one, torch.float32)
    remote.asked.clear()
    assert load_pipeline(one, torch.float32).vae is not None
    assert not remote.asked


def test_a_fetched_base_of_another_model_is_said(tmp_path: Path, remote: StandInHub) -> None:
    file = tmp_path / "z.safetensors"
    save_file({"layers.0.adaLN_modulation.0.weight": torch.zeros(2)}, file)
    with pytest.raises(BrokenModel, match="It is a StableDiffusionPipeline, and z"):
        model(file, base="owner/half")


# ---- in the worker's loop


def staged(sd_folder: Path, *, default: str = "tiny") -> Stage:
    """Returns a loop with a folder's model and one of the hub, which have not been loaded yet."""
    stage = Stage()
    stage.orders.get()
    far = ModelEntry(name=REMOTE, source="owner/half", licence="none", side=SIDE, multiple=16)
    stage.say(Configure(models=(entry(sd_folder), far), default=ModelName(default)))
    return stage


def turn_until(stage: Stage, condition: Callable[[], object]) -> None:
    until, worker = time.monotonic() + 20, stage.loop
    while not condition() and time.monotonic() < until:
        # Without work a turn waits for an order. The image encoder may still be busy.
        if (
            not stage.orders.empty()
            or worker.jobs
            or worker.is_default_due
            or worker.model_cache.downloads.is_busy
        ):
            stage.turn()
        else:
            threading.Event().wait(0.01)
    assert condition()


def test_other_models_draw_while_one_is_downloaded_and_its_job_follows(
    sd_folder: Path, remote: StandInHub
) -> None:
    remote.gate.clear()
    stage = staged(sd_folder)
    stage.say(Generate(request=order("far", model=REMOTE)), Generate(request=order("near", steps=2)))
    turn_until(stage, lambda: stage.of(Finished, "near") and len(stage.of(Downloading)) > 1)
    assert not stage.of(Finished, "far") and not stage.of(Failed)
    done = [event.done for event in stage.of(Downloading)]
    assert done == sorted(done) and 0 < done[-1] < stage.of(Downloading)[-1].total
    remote.gate.set()
    turn_until(stage, lambda: stage.of(Finished, "far"))
    stage.loop.image_encoder.close()
    last = stage.of(Downloading)[-1]
    assert last.done == last.total > 0


def test_a_job_that_waits_for_a_download_is_cancelled_at_once(sd_folder: Path, remote: StandInHub) -> None:
    remote.gate.clear()
    stage = staged(sd_folder)
    stage.say(Generate(request=order("far", model=REMOTE)))
    turn_until(stage, lambda: stage.of(Downloading))
    stage.say(Cancel(job=JobId("far")))
    stage.turn()
    assert stage.of(Cancelled, "far") and not stage.loop.jobs
    remote.gate.set()
    turn_until(stage, lambda: not stage.loop.model_cache.downloads.is_busy)


def test_a_default_model_is_downloaded_behind_a_ready_worker_and_then_loaded(
    sd_folder: Path, remote: StandInHub
) -> None:
    remote.gate.clear()
    stage = staged(sd_folder, default=REMOTE)
    turn_until(stage, lambda: stage.of(Downloading))
    assert stage.of(Ready) and not stage.loop.model_cache.policy.resident
    remote.gate.set()
    turn_until(stage, lambda: stage.loop.model_cache.policy.resident == (REMOTE,))


def test_a_failed_download_fails_its_jobs_with_a_sentence_and_is_tried_again(
    sd_folder: Path, remote: StandInHub
) -> None:
    remote.status = 503
    stage = staged(sd_folder)
    stage.loop.clock = lambda: now
    now = 1000.0
    stage.say(Generate(request=order("a", model=REMOTE)), Generate(request=order("b", model=REMOTE)))
    turn_until(stage, lambda: len(stage.of(Failed)) == 2)
    (broken,) = stage.of(ModelBroken)
    assert [(event.kind, event.reason) for event in stage.of(Failed)] == [("download", broken.reason)] * 2
    assert "owner/half: The hub answered with the status 503. Try again later" in broken.reason
    remote.status, now = 200, now + 31
    stage.loop.model_cache.clock = stage.loop.clock
    stage.say(Generate(request=order("c", model=REMOTE)))
    turn_until(stage, lambda: stage.of(Finished, "c"))
    stage.loop.image_encoder.close()
