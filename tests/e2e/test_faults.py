"""Orders while everything around the bot fails: a small version of `benchmarks.faults`."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.faults.__main__ import walk
from benchmarks.faults.judge import Judged, judge, pictures_of
from benchmarks.faults.scene import Scene, on_scene
from tests.e2e.stage import is_gallery, job_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

ORDERS, FAULTS = 25, 15


@pytest_asyncio.fixture(loop_scope="session")
async def scene(tmp_path: Path, model: Path) -> AsyncGenerator[Scene]:
    async with on_scene(tmp_path, model, seed=4) as scene:
        yield scene


def change(scene: Scene, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(scene.stage.data / "atelier.sqlite3")) as db, db:
        db.execute(sql, parameters)


def faults_of(judged: Judged) -> list[str]:
    return [
        *(judged.lost + judged.twice + judged.wrongly_paid),
        *(judged.files + judged.rows + judged.cards + judged.bugs),
    ]


async def test_no_order_is_lost_none_is_drawn_twice_and_none_is_paid_wrongly(scene: Scene) -> None:
    silence = await walk(scene, orders=ORDERS, faults=FAULTS)
    judged = judge(scene, silence)
    assert faults_of(judged) == []
    assert silence < 120
    assert scene.notes.intruders == 0
    assert sum(scene.notes.faults.values()) == FAULTS
    assert scene.notes.accepted >= ORDERS
    assert judged.outcomes["done"] >= ORDERS // 2

    # Checks that the judge finds these faults.
    gallery = next(each for each in scene.posted() if is_gallery(each))
    job = job_of(gallery)
    change(scene, "UPDATE spending SET refunded = images WHERE job = ?", job)
    assert len(judge(scene, 0.0).wrongly_paid) == 1
    change(scene, "UPDATE spending SET refunded = NULL WHERE job = ?", job)
    change(scene, "UPDATE jobs SET delivered_at = NULL WHERE id = ?", job)
    assert len(judge(scene, 0.0).lost) == 1
    change(scene, "UPDATE jobs SET delivered_at = finished_at WHERE id = ?", job)
    picture = pictures_of(scene.stage.data)[0]
    picture.rename(picture.with_name("moved.png"))
    assert len(judge(scene, 0.0).files) == 2
    again = scene.play.world.open_thread(scene.play.channel("gallery"), "again", scene.stage.ada.id)
    scene.threads.append(again)
    scene.play.world.messages.put(type(gallery)(id=again.id + 1, channel_id=again.id, json=gallery.json))
    assert len(judge(scene, 0.0).twice) == 1
    scene.play.world.delete(gallery)
    assert any(job in each for each in judge(scene, 0.0).lost)
    with scene.stage.log.open("a") as log:
        log.write("2026-11-29T10:00:00.000000Z [error] bug 00000000 in imagine [bot.errors]\n")
    assert len(judge(scene, 0.0).bugs) == 1
