"""`python -m db`, run as users run it, and its messages."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from db.__main__ import main
from db.database import Database
from db.departures import Departures
from db.erasure import Erasures
from db.folder_lock import folder_lock
from db.images import Pictures
from db.jobs import Jobs
from db.migrate import known_version
from tests.db.rows import ALICE, BOB, GUILD, NOW, record, record_done, store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def data(tmp_path: Path) -> AsyncGenerator[Path, None]:
    """The data folder of a running bot: one job is queued, one is done with a picture."""
    async with Database.open(tmp_path / "atelier.sqlite3") as db:
        await record(db)
        done = await record_done(db)
        async with db.transaction() as tx:
            await store(Pictures(db, tmp_path / "images"), tx, done.id)
        await Jobs(db).delivered(done.id, NOW)
        yield tmp_path


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "db", "migrate", "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"created at version {known_version()}" in done.stdout


def test_status_tells_version_counts_size_and_integrity(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--data", str(data)]) == 0
    told = capsys.readouterr().out
    assert f"{known_version()} of {known_version()}" in told
    assert "1 queued, 0 running, 1 done, 0 failed, 0 cancelled" in told
    assert "pictures   1 (" in told
    assert "size" in told
    assert "integrity  ok" in told


def test_the_folder_may_be_named_first_or_by_the_environment(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--data", str(data), "status"]) == 0
    monkeypatch.setenv("ATELIER_DATA", str(data))
    assert main(["status"]) == 0
    assert capsys.readouterr().out.count(str(data / "atelier.sqlite3")) == 2


@pytest.mark.parametrize("text", ['data = "{}"', 'unknown = 1\ndata = "{}"'])
def test_the_folder_is_the_one_that_the_bots_settings_name(
    data: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    monkeypatch.delenv("ATELIER_DATA", raising=False)
    project = tmp_path_factory.mktemp("project")
    monkeypatch.setattr("db.__main__.PROJECT", project)
    monkeypatch.chdir(project)
    (project / "config.toml").write_text(text.format(data), "utf-8")
    assert main(["status"]) == 0
    monkeypatch.setenv("ATELIER_DATA", str(project / "other"))
    assert main(["status"]) == 2, "the environment comes first, as for the bot"
    monkeypatch.delenv("ATELIER_DATA")
    other = (project / "config.toml").rename(project / "other.toml")
    assert main(["status"]) == 2
    assert main(["status", "--config", str(other)]) == 0
    assert sorted(each.name for each in project.iterdir()) == ["other.toml"]
    assert capsys.readouterr().out.count(str(data / "atelier.sqlite3")) == 2


@pytest.mark.parametrize("text", ["data = 3", "data = [", None])
def test_settings_that_name_no_folder_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.delenv("ATELIER_DATA", raising=False)
    config = tmp_path / "config.toml"
    if text is not None:
        config.write_text(text, "utf-8")
    assert main(["status", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert str(config) in said and len(said.splitlines()) == 1


def test_migrate_leaves_the_database_of_a_running_bot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with folder_lock(tmp_path / "atelier.sqlite3"):
        assert main(["migrate", "--data", str(tmp_path)]) == 2
    assert "Is the bot running already?" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["atelier.lock"]
    assert main(["migrate", "--data", str(tmp_path)]) == 0


def test_migrate_says_when_there_is_nothing_to_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--data", str(data)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_backup_of_a_running_bot_is_whole_and_one_file(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = data / "copy.sqlite3"
    assert main(["backup", "--data", str(data), str(target)]) == 0
    assert str(target) in capsys.readouterr().out
    assert target.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in data.glob("copy*")] == ["copy.sqlite3"]
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (2,)


def test_a_backup_without_a_name_lies_beside_the_database(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "--data", str(data)]) == 0
    (copy,) = data.glob("atelier-backup-*.sqlite3")
    assert str(copy) in capsys.readouterr().out


def test_a_backup_replaces_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = data / "atelier.sqlite3"
    before = database.read_bytes()
    assert main(["backup", "--data", str(data), str(database)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert database.read_bytes() == before


def test_export_prints_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(ALICE), "--data", str(data)]) == 0
    exported = json.loads(capsys.readouterr().out)
    assert exported["member"] == ALICE
    assert len(exported["jobs"]) == 2


@pytest.mark.parametrize("member", ["alice", "-5", "1.5", "²", str(2**63)])
def test_a_member_that_is_not_a_number_is_refused(
    data: Path, member: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", "--data", str(data), "--", member])
    assert caught.value.code == 2
    assert "is not a Discord id" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [["status"], ["backup"], ["export", "5"], ["forget", "5"], ["forget-server", "5"], ["audit"]],
    ids=str,
)
def test_without_a_database_it_says_so_and_creates_none(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--data", str(tmp_path / "nowhere")]) == 2
    said = capsys.readouterr().err
    assert "There is no database at" in said and "migrate" not in said
    assert list(tmp_path.iterdir()) == []


COMMANDS = [
    ["status"],
    ["migrate"],
    ["backup"],
    ["export", "5"],
    ["forget", "5"],
    ["forget-server", "5"],
    ["audit"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_newer_database_is_refused_by_every_command(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--data", str(tmp_path)]) == 0
    set_version(tmp_path, known_version() + 1)
    assert main([*command, "--data", str(tmp_path)]) == 2
    assert "Update Atelier." in capsys.readouterr().err
    assert {file.name for file in tmp_path.iterdir()} == {"atelier.sqlite3", "atelier.lock"}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_what_is_no_database_is_refused_by_every_command(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "atelier.sqlite3").write_text("no database " * 100, "utf-8")
    assert main([*command, "--data", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "can't be used: file is not a database." in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "command", [["export", "5"], ["forget", "5"], ["forget-server", "5"], ["audit"]], ids=str
)
def test_what_only_reads_does_not_migrate(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--data", str(tmp_path)]) == 0
    set_version(tmp_path, 0)
    assert main([*command, "--data", str(tmp_path)]) == 2
    assert "run `python -m db migrate` first" in capsys.readouterr().err


async def test_forget_leaves_it_to_the_bot(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with Database.open(data / "atelier.sqlite3") as db:
        await record(db)
    for member, said in (
        (ALICE, "will be forgotten within a minute or two"),
        (BOB, "There is nothing about"),
    ):
        assert await asyncio.to_thread(main, ["forget", str(member), "--data", str(data)]) == 0
        assert said in capsys.readouterr().out
    async with Database.open(data / "atelier.sqlite3") as db:
        assert [each.member for each in await Erasures(db).pending()] == [ALICE]


async def test_forget_server_leaves_it_to_the_bot(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with Database.open(data / "atelier.sqlite3") as db:
        await record(db)
    for server, said in (
        (GUILD, "will be forgotten within"),
        (GUILD + 1, "There is nothing about the server"),
    ):
        assert await asyncio.to_thread(main, ["forget-server", str(server), "--data", str(data)]) == 0
        assert said in capsys.readouterr().out
    async with Database.open(data / "atelier.sqlite3") as db:
        assert await Departures(db).due(time.time()) == [GUILD]


def test_a_file_where_the_folder_should_be_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").touch()
    assert main(["migrate", "--data", str(tmp_path / "data")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def set_version(data: Path, version: int) -> None:
    with closing(sqlite3.connect(data / "atelier.sqlite3")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize(
    "command", ["status", "migrate", "backup", "audit", f"export {ALICE}", f"forget {ALICE}"]
)
def test_no_command_makes_a_new_database_beside_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    picture = tmp_path / "images" / "ab" / "abc.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    assert main([*command.split(), "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "missing or empty" in said and str(tmp_path / "images") in said and "backup" in said
    assert [each.name for each in tmp_path.iterdir()] == ["images"]
