"""The restore drill: a backup while orders are drawn, then the data folder is lost and restored. Every button still answers."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from playground.world.messages import Message
from tests.e2e.stage import Stage, is_gallery, job_of, on_stage, picture_of, picture_urls

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]


def is_enlarged(message: Message) -> bool:
    return bool(picture_urls(message))


async def main_py(stage: Stage, *words: str) -> str:
    """Runs `main.py` with the stage's settings; returns its output."""
    command = [
        sys.executable,
        str(ROOT / "main.py"),
        "--config",
        str(stage.data.with_name("config.toml")),
        *words,
    ]
    environment = {"ATELIER_DATA": str(stage.data), "PATH": ""}
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_every_picture_answers_after_a_restored_backup(tmp_path: Path, model: Path) -> None:
    async with on_stage(tmp_path, model) as stage:
        member, backup = stage.guest(), tmp_path / "backup.tar"
        before = [await stage.draw(member, f"before {number}", images=2) for number in range(3)]
        running = [
            await stage.imagine(member, f"while it is copied {number}", steps=100, images=1)
            for number in range(4)
        ]
        said = re.search(r"(\d+) pictures", await main_py(stage, "backup", str(backup)))
        assert said and int(said[1]) >= 6, "those of the running orders may be finished already"
        drawn = [await stage.gallery(use) for use in running]
        await stage.stop()
        shutil.rmtree(stage.data)
        await main_py(stage, "restore", str(backup))
        await stage.start()

        for message in before:
            assert all(path.is_file() for path in stage.files(job_of(message)))
            for label in ("U1", "U2", "V1", "🔄"):
                use = await stage.press(member, message, label)
                made = await stage.card(use, is_gallery if label in ("V1", "🔄") else is_enlarged)
                await picture_of(made)
        for message in drawn:  # unfinished in the backup: drawn again, and posted to the same cards
            await stage.until(lambda message=message: stage.job(message)["delivered_at"])
        assert "bug" not in stage.said().lower()
