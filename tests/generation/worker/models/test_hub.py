"""Fetching from a hub on this machine, which answers as the Hugging Face hub does."""

import hashlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generation.files.model_folder import inspect
from generation.worker.models.loading import BrokenModel
from generation.worker.models.sources import hub, pipelines
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.models.test_unusual_folders import by_name
from tests.generation.worker.requests import model, order

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repository(sd_folder: Path, tmp_path: Path) -> Path:
    """A repository with half-precision weights alone, and files that are never loaded."""
    folder = shutil.copytree(sd_folder, tmp_path / "repository")
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
def asked() -> list[str]:
    return []


@pytest.fixture
def address(repository: Path, asked: list[str]) -> Iterator[str]:
    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            asked.append(path)
            headers = {"X-Repo-Commit": COMMIT}
            if path.startswith("/api/models/owner/half"):
                sizes = {
                    each.relative_to(repository).as_posix(): each.stat().st_size
                    for each in repository.rglob("*")
                    if each.is_file()
                }
                if "/tree/" in path:
                    answer: object = [
                        {"type": "file", "path": name, "size": size, "oid": COMMIT}
                        for name, size in sizes.items()
                    ]
                else:
                    siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
                    answer = {"id": "owner/half", "sha": COMMIT, "siblings": siblings}
                body = json.dumps(answer).encode()
                headers["Content-Type"] = "application/json"
            else:
                body = (repository / path.split("/", 5)[5]).read_bytes()
                headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()}"'
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_only_what_is_loaded_is_fetched_and_the_variant_is_found(
    sd_folder: Path,
    address: str,
    asked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert inspect("owner/half") is None
    with caplog.at_level(logging.INFO, logger=hub.__name__):
        folder = hub.fetch("owner/half", endpoint=address)
    assert {file.name for file in (folder / "unet").iterdir()} == {
        "config.json",
        "diffusion_pytorch_model.fp16.safetensors",
    }
    assert not (folder / "v1-5.ckpt").exists()
    assert caplog.messages[-1] == "fetched owner/half"
    asked.clear()
    (slot,) = draw_in_company([(by_name("owner/half"), order())], seed=1)
    (expected,) = draw_in_company([(model(sd_folder), order())], seed=1)
    assert torch.equal(slot.sample, expected.sample)
    assert not asked


def test_the_weights_that_a_single_file_brings_are_not_fetched(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = hub.fetch("owner/half", skip=("unet",), endpoint=address)
    assert {file.name for file in (folder / "unet").iterdir()} == {"config.json"}
    assert inspect("owner/half") is None
    assert inspect("owner/half", skip=("unet",))


def test_a_fetched_base_of_another_model_is_said(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(pipelines, "fetch", partial(hub.fetch, endpoint=address))
    file = tmp_path / "z.safetensors"
    save_file({"layers.0.adaLN_modulation.0.weight": torch.zeros(2)}, file)
    with pytest.raises(BrokenModel, match="It is a StableDiffusionPipeline, and z"):
        model(file, base="owner/half")


def test_the_log_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub, "PROGRESS_SECONDS", 0.001)
    with (tmp_path / "blob").open("wb") as blob:
        blob.truncate(3 * 10**9)
    caplog.set_level(logging.INFO, logger=hub.__name__)
    with hub._told("owner/half", tmp_path, 7 * 10**9):  # pyright: ignore[reportPrivateUsage]
        until = time.monotonic() + 10
        while len(caplog.messages) < 2 and time.monotonic() < until:
            threading.Event().wait(0.001)
    assert caplog.messages[:2] == ["fetching owner/half: 7.0 GB", "fetching owner/half: 3.0 of 7.0 GB"]
    assert caplog.messages[-1] == "fetched owner/half"
