"""Errors that stop a start: a sentence on standard error, exit code 2, and never a traceback."""

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from db.folder_lock import folder_lock
from playground.demo import ROOT, BotProcess
from playground.server import Playground
from tests.e2e.stage import Options, config
from tests.tiny_models import cut

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

TOKEN = "MTU3NDIzMTA4NTYyODI2MDM1Nw.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
NOWHERE = "http://127.0.0.1:9/api/v10"  # the discard port: no program listens there


async def refusal(folder: Path, text: str, *, api: str = NOWHERE, token: str = TOKEN) -> str:
    """Returns the message of the bot when it refuses to start with this config.toml."""
    (folder / "config.toml").write_text(text, "utf-8")
    environment = {"ATELIER_DISCORD_API": api, "ATELIER_DATA": str(folder / "data"), "DISCORD_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "main.py"), "--config", str(folder / "config.toml"), "run"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 40)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = err.decode()
    assert process.returncode == 2, said
    assert out == b""
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("atelier: ")
    return last


async def test_without_a_token_it_says_where_to_get_one(tmp_path: Path, model: Path) -> None:
    said = await refusal(tmp_path, config(model, Options()), token="")
    assert "There is no token" in said
    assert "Developer Portal" in said
    assert "make demo" in said
    assert not (tmp_path / "data").exists()


async def test_a_wrong_token_is_told_from_a_missing_one(tmp_path: Path, model: Path) -> None:
    async with Playground.open() as play:
        said = await refusal(tmp_path, config(model, Options()), api=play.api_url)
    assert "Discord refuses the token" in said
    assert TOKEN not in said


async def test_an_unknown_key_is_named_with_the_nearest_that_there_is(tmp_path: Path, model: Path) -> None:
    text = config(model, Options()).replace("images_a_minute", "images_per_minute")
    said = await refusal(tmp_path, text)
    assert "limits.images_per_minute" in said
    assert "'images_a_minute'" in said


async def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    said = await refusal(tmp_path, "[limits\n")
    assert "config.toml" in said
    assert "not valid TOML" in said


async def test_a_model_that_was_not_downloaded_whole_is_named_with_its_file(
    tmp_path: Path, model: Path
) -> None:
    broken = shutil.copytree(model, tmp_path / "broken")
    cut(broken / "unet" / "diffusion_pytorch_model.safetensors", 1000)
    said = await refusal(tmp_path, config(broken, Options()))
    assert "The model 'tiny'" in said
    assert "unet/diffusion_pytorch_model.safetensors" in said
    assert "Download the model again" in said


async def test_a_database_of_a_newer_release_is_left_alone(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "data" / "atelier.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE tomorrow (x)")
        db.execute(f"PRAGMA application_id = {0x41544C52}")
        db.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    said = await refusal(tmp_path, config(model, Options()))
    assert "version 999" in said
    assert "Nothing was changed" in said
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "data" / "atelier.sqlite3"
    path.parent.mkdir()
    path.write_text("once upon a time, " * 100)
    said = await refusal(tmp_path, config(model, Options()))
    assert "atelier.sqlite3 can't be used" in said
    assert path.read_text().startswith("once upon a time")


async def test_an_address_where_no_discord_is_is_named_and_asked_again_until_the_bot_is_stopped(
    tmp_path: Path, model: Path
) -> None:
    (tmp_path / "config.toml").write_text(config(model, Options()), "utf-8")
    log = tmp_path / "bot.log"
    bot = BotProcess(tmp_path / "data", tmp_path / "config.toml", log)
    bot.point_at(NOWHERE, TOKEN)
    await bot.start()
    try:
        async with asyncio.timeout(50):
            while "Next try in 4 s" not in log.read_text("utf-8"):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
        assert bot.is_running
    finally:
        await bot.stop()
    said = log.read_text("utf-8")
    assert f"Discord can't be reached at {NOWHERE}" in said
    assert "Next try in 2 s" in said
    assert "Traceback" not in said and "Unclosed" not in said


async def test_a_second_bot_on_the_same_data_folder_does_not_start(tmp_path: Path, model: Path) -> None:
    with folder_lock(tmp_path / "data" / "atelier.sqlite3"):
        said = await refusal(tmp_path, config(model, Options()))
    assert str(tmp_path / "data") in said
    assert "Is the bot running already?" in said
