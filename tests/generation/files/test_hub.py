"""Fetching from a hub on this machine: parts of files, hashes, progress, and the sentences of failures."""

import errno
import json
import logging
import random
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generation.files import hub
from generation.files.hub import NotFetched
from generation.files.hub_cache import bytes_in_cache, repository_folder
from tests.stand_in_hub import LARGE, StandInHub, digest_of, stand_in_hub

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
CONTENT = random.Random(1).randbytes(5 * LARGE)
INDEX = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInHub]:
    folder = tmp_path_factory.mktemp("repository")
    (folder / "unet").mkdir()
    (folder / "model_index.json").write_text(json.dumps(INDEX), "utf-8")
    (folder / "unet/config.json").write_text("{}", "utf-8")
    (folder / WEIGHTS).write_bytes(CONTENT)
    with stand_in_hub() as made:
        made.repositories["owner/tiny"] = folder
        yield made


@pytest.fixture
def remote(server: StandInHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInHub:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    server.gate.set()
    server.status, server.page, server.tells_sizes = 200, b"", True
    for each in (server.gated, server.damaged, server.ranges, server.asked, server.licences):
        each.clear()
    return server


def fetched(tell: hub.Tell | None = None) -> Path:
    return hub.fetch(hub.look_up("owner/tiny"), tell=tell)


def failure(name: str = "owner/tiny") -> str:
    with pytest.raises(NotFetched) as caught:
        hub.fetch(hub.look_up(name))
    return str(caught.value)


def test_the_next_try_goes_on_where_an_earlier_one_ended(remote: StandInHub) -> None:
    blob = repository_folder("owner/tiny") / "blobs" / digest_of(CONTENT)
    blob.parent.mkdir(parents=True)
    blob.with_name(f"{blob.name}.incomplete").write_bytes(CONTENT[:30_000])  # as a killed process leaves it
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    assert (fetched(tell) / WEIGHTS).read_bytes() == CONTENT
    assert remote.ranges == ["bytes=30000-"]
    total = len(CONTENT) + len(json.dumps(INDEX)) + 2
    assert told[0][0] >= 30_000 and told[-1] == (total, total)
    assert bytes_in_cache("owner/tiny") == total, "no part stays"


def test_a_damaged_file_is_not_kept(remote: StandInHub) -> None:
    remote.damaged.add(Path(WEIGHTS).name)
    assert f"{WEIGHTS} arrived damaged" in failure()
    remote.damaged.clear()
    assert (fetched() / WEIGHTS).read_bytes() == CONTENT


def test_a_large_file_that_is_here_is_not_asked_for_again(remote: StandInHub) -> None:
    fetched()
    remote.asked.clear()
    fetched()
    assert not remote.ranges


def test_a_mirror_that_tells_no_sizes_serves_too(remote: StandInHub) -> None:
    remote.tells_sizes = False
    assert (fetched() / WEIGHTS).read_bytes() == CONTENT
    assert bytes_in_cache("owner/tiny") >= len(CONTENT)


def test_the_licence_is_the_hubs_word(remote: StandInHub) -> None:
    assert hub.look_up("owner/tiny").licence == ""
    remote.licences["owner/tiny"] = "apache-2.0"
    assert hub.look_up("owner/tiny").licence == "apache-2.0"


def test_every_failure_is_a_sentence(
    remote: StandInHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The hub has no such model, or it is private." in failure("owner/none")
    remote.status = 500
    assert "The hub answered with the status 500. Try again later" in failure()
    remote.status = 200
    remote.gated.add("owner/tiny")
    assert (
        "only to users who accept its terms. Accept its terms at https://huggingface.co/owner/tiny"
        in failure()
    )
    remote.gated.clear()
    for page in (
        b"<html>Log in to this network</html>",
        b"[]",
        b'{"siblings": [{"rfilename": "a", "blobId": 5}]}',
    ):
        remote.page = page
        assert "The hub's answer is not understood" in failure()
    remote.page = b""
    assert "is not understood" in failure("a/b--c..d")
    full = shutil.disk_usage(tmp_path)._replace(free=1000)

    def disk_usage(_: Path) -> Any:
        return full

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert "It takes 0.0 GB more, and" in failure()
    monkeypatch.undo()


def test_a_full_disk_and_a_lost_network_are_sentences(
    remote: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr(hub, "http_get", full)
    assert "is full. Free some room" in failure()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "The hub can't be reached" in failure()


def test_the_log_says_how_far_it_is(
    remote: StandInHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub, "TELL_SECONDS", 0.001)
    monkeypatch.setattr(hub, "LOG_SECONDS", 0.0)
    caplog.set_level(logging.INFO, logger=hub.__name__)
    with hub._told("owner/half", lambda: 3 * 10**9, 7 * 10**9, None):  # pyright: ignore[reportPrivateUsage]
        until = time.monotonic() + 10
        while len(caplog.messages) < 2 and time.monotonic() < until:
            threading.Event().wait(0.001)
    assert caplog.messages[0] == "fetching owner/half: 7.0 GB, of which 3.0 GB are here"
    assert caplog.messages[1] == "fetching owner/half: 3.0 of 7.0 GB"
    assert caplog.messages[-1] == "fetched owner/half"
