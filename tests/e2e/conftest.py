"""One stage for all tests that leave it unchanged. Tests that kill processes have their own.

All tests share the session's event loop, because a playground whose loop stops is a Discord that hangs.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
import torch
from safetensors.torch import save_file

from tests.e2e.stage import Options, Stage, free_address, on_stage
from tests.playground.page.conftest import browser, visit
from tests.tiny_controls import tiny_controlnet
from tests.tiny_loras import tiny_lora
from tests.tiny_models import tiny_sd

__all__ = ["browser", "visit"]
"""The page's own fixtures, for tests of a person in a browser."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_sd(tmp_path_factory.mktemp("models") / "tiny")
    tiny_lora(folder, folder.with_name("pixel.safetensors"), 1, "unet")
    # A whole LoRA, but of another model: only loading it finds that out.
    save_file({"unet.nowhere.lora.down.weight": torch.zeros(4, 8)}, folder.with_name("lost.safetensors"))
    return folder


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, model: Path) -> AsyncGenerator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    nets = {kind: tiny_controlnet(folder / kind, model) for kind in ("scribble", "depth")}
    options = Options(page=free_address(), controls={**nets, "edges": nets["scribble"]})
    async with on_stage(folder, model, options) as stage:
        # Until then a card shows that the model is loading, instead of the queue position that tests read.
        await stage.until(lambda: "the worker is ready" in stage.log.read_text("utf-8"), timeout=60)
        yield stage
