"""A member exports their data and has it deleted, from the command to the last cell of the database and the last message."""

import asyncio
import io
import json
import sqlite3
import subprocess
import sys
import urllib.request
import zipfile
from contextlib import closing
from dataclasses import replace

import pytest

from playground.people.person import Person
from playground.world.messages import Message
from tests.e2e.stage import Stage, copy, job_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


def cells_with(stage: Stage, member: Person) -> list[tuple[str, str]]:
    """Returns table and column of all data about the member."""
    found: list[tuple[str, str]] = []
    with closing(sqlite3.connect(f"file:{stage.data / 'atelier.sqlite3'}?mode=ro", uri=True)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            rows = db.execute(f'SELECT * FROM "{table}"')
            names = [each[0] for each in rows.description]
            for row in rows:
                found += [
                    (table, name)
                    for name, value in zip(names, row, strict=True)
                    if str(member.id) in str(value)
                ]
    return found


async def download(message: Message) -> bytes:
    [attachment] = message.json["attachments"]
    return await asyncio.to_thread(
        lambda: urllib.request.urlopen(attachment["url"]).read()
    )  # the playground's own address


async def test_a_member_takes_their_data_along(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "a fox to take along", images=2)
    use = await ada.slash("gallery", "privacy export")
    message = await use.wait_for_message()
    await stage.play.world.changed.wait_until(lambda: use.message and use.message.json["attachments"], 60)
    assert use.message is not None and message.is_ephemeral
    assert "and 2 pictures" in use.message.texts
    with zipfile.ZipFile(io.BytesIO(await download(use.message))) as archive:
        data = json.loads(archive.read("data.json"))
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
    assert [row["prompt"] for row in data["jobs"]] == ["a fox to take along"]
    assert pictures == [f"pictures/{job_of(gallery)}-2.png", f"pictures/{job_of(gallery)}-1.png"]
    assert "token" not in data["jobs"][0]


async def test_a_member_is_forgotten_and_told_before_what_stays(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    gallery = await stage.draw(ada, "a fox to be forgotten", images=1)
    files = stage.files(job_of(gallery))
    bens = await stage.gallery(await stage.press(ben, gallery, "V1"))
    running = await stage.imagine(ada, "never finished", steps=900, images=1)
    await stage.private(await stage.mia.slash("gallery", "mod warn", member=ada, reason="be kind"))

    use = await ada.slash("gallery", "privacy delete")
    asked = await use.wait_for_message()
    assert asked.is_ephemeral
    for words in ("2 orders", "1 picture", "1 order in the queue: cancelled", "a strike until", "24 hours"):
        assert words in asked.texts, words
    assert files[0].exists(), "nothing happens before the button is pressed"

    pressed = await ada.click(asked, label="Delete my data")
    await pressed.wait_for_answer()
    assert not pressed.failed
    await stage.until(lambda: not any(file.exists() for file in files))
    await stage.until(lambda: stage.play.world.messages.get(gallery.channel_id, gallery.id) is None)
    assert (
        running.message is None
        or "Cancelled" in running.message.texts
        or running.message.component(label="U1") is None
    )
    await stage.until(lambda: stage.rows("SELECT 1 FROM verdicts WHERE member = ?", ada.id) == [])
    assert stage.spent(ada) == 1, "what was cancelled is refunded, what was drawn today is not"
    await stage.until(lambda: not stage.rows("SELECT 1 FROM jobs WHERE member = ? AND prompt <> ''", ada.id))
    # The strike keeps only the data that it needs. The tables are emptied one after another.
    kept = {"jobs", "spending", "strikes", "cases", "erasures"}
    await stage.until(lambda: {table for table, _ in cells_with(stage, ada)} == kept)
    assert (
        stage.row("SELECT reason, prompt, member_name FROM cases WHERE member = ?", ada.id)["reason"]
        == "be kind"
    )
    # ben keeps the picture that he made from it.
    assert stage.files(job_of(bens))[0].exists() and stage.job(bens)["prompt"] == "a fox to be forgotten"
    # The log is intact and no longer identifies a person.
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "db", "audit", "--data", str(stage.data)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.startswith("The audit log is whole")) == (0, True), done.stderr
    # A member may return after an erasure.
    again = await stage.draw(ada, "a fox again", images=1)
    assert stage.job(again)["prompt"] == "a fox again"


async def test_nobody_deletes_somebody_elses_data(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    asked = copy(await (await ben.slash("gallery", "privacy delete")).wait_for_message())
    # ben's own message, sent by a client that forges its buttons
    forged = json.loads(json.dumps(asked.json).replace(f"forget:{ben.id}", f"forget:{ada.id}"))
    use = await stage.press_late(ben, replace(asked, json=forged), f"atelier:1:forget:{ada.id}")
    assert "another member's data" in await stage.private(use)
    assert stage.rows("SELECT 1 FROM erasures WHERE member IN (?, ?)", ada.id, ben.id) == []


async def test_a_request_survives_a_kill(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "a fox in the middle of it", images=1)
    asked = await (await ada.slash("gallery", "privacy delete")).wait_for_message()
    fault = stage.play.fail_next("DELETE", "/channels/…", status=429, has_via=False)
    await (await ada.click(asked, label="Delete my data")).wait_for_answer()
    await stage.until(lambda: fault.times == 0)
    await stage.kill()
    await stage.start()
    await stage.until(lambda: stage.play.world.messages.get(gallery.channel_id, gallery.id) is None)
    await stage.until(lambda: not stage.rows("SELECT 1 FROM jobs WHERE member = ? AND prompt <> ''", ada.id))
