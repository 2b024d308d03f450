"""`python main.py` explains every start-up error in a sentence and never starts partially."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import main
from bot.studio.settings import PROJECT, Settings
from db.errors import DatabaseBroken, DatabaseBusy, DatabaseLost, DatabaseTooNew, DiskFull, FolderLocked
from db.folder_lock import folder_lock
from db.migrate import migrate
from generation import diagnostics
from generation.diagnostics import Finding
from generation.request import ModelEntry
from startup import StartError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hides the settings of this machine."""
    for name in ("DISCORD_TOKEN", "ATELIER_DISCORD_API"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(main, "PROJECT", tmp_path)


def a_config(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return ["--config", str(path)]


def a_model(tmp_path: Path) -> str:
    """Returns settings with a folder that looks like a model."""
    folder = tmp_path / "model"
    folder.mkdir()
    return f'[[models]]\nname = "emoji"\nsource = "{folder}"\nlicence = "MIT"\n'


@pytest.fixture(autouse=True)
def no_checkup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips loading models; tests/bot/studio/test_doctor.py covers it."""

    def nothing(entries: Sequence[ModelEntry]) -> Iterator[Finding]:
        yield from ()

    monkeypatch.setattr(diagnostics, "examine", nothing)


def sentence_of(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    assert main.main(arguments) == 2
    said = capsys.readouterr().err
    last = said.strip().splitlines()[-1]
    assert last.startswith("atelier: ") and "Traceback" not in said
    return last


def test_the_process_itself_knows_its_commands() -> None:
    done = subprocess.run(
        [sys.executable, "main.py", "--help"], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    for command in ("run", "playground", "doctor"):
        assert command in done.stdout


def test_without_a_command_the_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main.main([])
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_without_a_token_the_way_to_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = sentence_of(capsys, ["run"])
    assert "DISCORD_TOKEN" in sentence and "make demo" in sentence


@pytest.mark.parametrize("token", ["", "  \n"])
def test_an_empty_token_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    assert "There is no token" in sentence_of(capsys, ["run"])


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_broken_settings_are_named_with_file_and_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    sentence = sentence_of(capsys, [*a_config(tmp_path, "[limits]\nimages_a_dya = 3"), command])
    assert "config.toml" in sentence and "limits.images_a_dya" in sentence and "images_a_day" in sentence


def test_settings_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "absent.toml" in sentence_of(capsys, ["--config", str(tmp_path / "absent.toml"), "doctor"])


def test_a_config_beside_the_program_is_found_by_itself(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a_config(tmp_path, "nonsense = 1")
    assert "nonsense" in sentence_of(capsys, ["doctor"])


@pytest.mark.parametrize("content", [None, "", "{not json", '{"_class_name": 3}'])
def test_a_broken_model_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None
) -> None:
    config = a_config(tmp_path, a_model(tmp_path))
    if content is not None:
        (tmp_path / "model" / "model_index.json").write_text(content, encoding="utf-8")
    sentence = sentence_of(capsys, [*config, "doctor"])
    assert "'emoji'" in sentence and str(tmp_path / "model") in sentence


def test_files_of_a_model_that_cannot_be_read_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "model_index.json").symlink_to("../../blobs/0123")
    (tmp_path / "old.ckpt").write_bytes(b"x")
    for source, said in (
        (snapshot, "model_index.json is a link to a file that is gone: ../../blobs/0123. Download"),
        (tmp_path / "old.ckpt", "old.ckpt is a pickle (*.ckpt); such files may run code when they are read."),
        (tmp_path / "new.safetensors", "new.safetensors is missing."),
    ):
        config = a_config(tmp_path, f'[[models]]\nname = "emoji"\nsource = "{source}"\nlicence = "none"')
        for command in ("run", "doctor"):
            monkeypatch.setenv("DISCORD_TOKEN", "a.b.c")  # `run` removes it
            assert said in sentence_of(capsys, [*config, command])


@pytest.mark.parametrize("rules", ["[[rule]]\nname = 3", "[[rule"])
def test_broken_rules_are_named_with_their_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, rules: str
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(rules, encoding="utf-8")
    sentence = sentence_of(capsys, [*a_config(tmp_path, f'[moderation]\nrules = "{path}"'), "doctor"])
    assert "rules.toml" in sentence


def test_rules_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = tmp_path / "absent.toml"
    sentence = sentence_of(capsys, [*a_config(tmp_path, f'[moderation]\nrules = "{missing}"'), "doctor"])
    assert "absent.toml" in sentence


@pytest.mark.parametrize("key", ["rules", "must", "people"])
def test_a_folder_in_place_of_a_file_is_named_with_its_setting(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str
) -> None:
    sentence = sentence_of(capsys, [*a_config(tmp_path, f'[moderation]\n{key} = "{tmp_path}"'), "doctor"])
    assert f"moderation.{key}" in sentence and str(tmp_path) in sentence


LONG = "x" * 5000
"""Longer than any file system takes."""


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f'[moderation]\nrules = "{LONG}"', "moderation.rules"),
        (f'[moderation]\nmust = "{LONG}"', "moderation.must"),
        (f'[moderation]\npeople = "{LONG}"', "moderation.people"),
        (f'[provenance]\ncertificate = "{LONG}"\nkey = "{LONG}"', "provenance.certificate"),
        (f'[[models]]\nname = "emoji"\nsource = "{LONG}"\nlicence = "y"', "models.emoji.source"),
    ],
)
def test_a_path_that_no_file_system_takes_is_named_with_its_setting(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, part: str
) -> None:
    assert part in sentence_of(capsys, [*a_config(tmp_path, text), "doctor"])


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize("below", ["", "/below/it", f"/{LONG}"])
def test_a_data_folder_that_cannot_be_is_named_with_its_setting(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    below: str,
    command: str,
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    monkeypatch.setenv("ATELIER_DATA", f"{tmp_path if LONG in below else file}{below}")
    assert main.main([command]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said and "ATELIER_DATA" in said and "can't be used" in said


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_lora_whose_file_is_missing_is_told_with_its_key(
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
) -> None:
    started: list[Settings] = []

    async def stop(settings: Settings, *parts: object) -> None:
        started.append(settings)
        raise StartError("it would run now")

    monkeypatch.setattr(main.app, "run", stop)
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    text = (
        '[[models]]\nname = "emoji"\nsource = "bundled"\nlicence = "y"\n'
        '[[models.loras]]\nname = "ink"\nsource = "absent.safetensors"'
    )
    main.main([*a_config(tmp_path, text), command])
    said = capsys.readouterr().err + caplog.text
    assert "models.emoji.loras.ink.source" in said and "absent.safetensors" in said
    assert all(not settings.default_model.loras for settings in started), "it is not offered"
    assert len(started) == (command == "run")


@pytest.mark.parametrize("text", [None, "add = [", "add = [1]"])
def test_the_list_of_real_persons_is_read_at_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "people.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    sentence = sentence_of(capsys, [*a_config(tmp_path, f'[moderation]\npeople = "{path}"'), "doctor"])
    assert "The list of real persons" in sentence
    assert "people.toml" in sentence


@pytest.mark.parametrize("policy", ["lenient", ""])
def test_the_owners_policy_is_one_of_the_presets(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, policy: str
) -> None:
    sentence = sentence_of(capsys, [*a_config(tmp_path, f'[moderation]\npolicy = "{policy}"'), "doctor"])
    assert "moderation.policy: must be one of: family, mature, standard" in sentence


@pytest.mark.parametrize("content", [None, "nonsense"])
def test_prompts_that_must_come_out_right_are_read_at_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "must.jsonl"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    sentence = sentence_of(capsys, [*a_config(tmp_path, f'[moderation]\nmust = "{path}"'), "doctor"])
    assert "must.jsonl" in sentence


@pytest.mark.parametrize("line", ['ladder = ["wrn"]', "ladder = []", "ladder = [1]", "strike_days = 0"])
def test_a_ladder_that_can_not_be_climbed_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str
) -> None:
    sentence = sentence_of(capsys, [*a_config(tmp_path, f"[moderation]\n{line}"), "doctor"])
    assert f"moderation.{line.split()[0]}" in sentence


def test_the_doctor_names_a_broken_lora_and_the_bot_would_go_on_without_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "ink.safetensors").write_bytes(b"12345678")
    lora = f'[[models.loras]]\nname = "ink"\nsource = "{tmp_path / "ink.safetensors"}"\n'
    bundled = '[[models]]\nname = "emoji"\nsource = "bundled"\nlicence = "MIT"\n'
    assert main.main([*a_config(tmp_path, bundled + lora), "doctor"]) == 1
    said = capsys.readouterr().err
    assert "The LoRA 'ink' of the model 'emoji' can't be used" in said and "is cut off" in said


def test_what_is_no_database_is_named_and_left_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    content = b"this is no database, and long enough to be read as one" * 40
    (data / "atelier.sqlite3").write_bytes(content)
    monkeypatch.setenv("DISCORD_TOKEN", "a secret")
    sentence = sentence_of(capsys, ["run"])
    assert "atelier.sqlite3" in sentence and "backup" in sentence
    assert (data / "atelier.sqlite3").read_bytes() == content
    assert "DISCORD_TOKEN" not in os.environ, "nothing that is started inherits it"


def test_a_second_bot_on_the_same_data_folder_does_not_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "a secret")
    with folder_lock(tmp_path / "data" / "atelier.sqlite3"):
        sentence = sentence_of(capsys, ["run"])
    assert str(tmp_path / "data") in sentence and sentence.endswith("Is the bot running already?")
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["atelier.lock"]


def test_the_advice_about_a_damaged_database_costs_no_picture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    database = data / "atelier.sqlite3"
    migrate(database)
    picture = data / "images" / "ab" / "abc.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"a picture")
    database.write_bytes(b"\0" * 200 + database.read_bytes()[200:])

    def start() -> str:
        monkeypatch.setenv("DISCORD_TOKEN", "a secret")
        return sentence_of(capsys, ["run"])

    assert "Move it to a safe place" in start()
    database.rename(data / "broken.sqlite3")
    said = start()
    assert f"there are pictures in {data / 'images'}" in said and "backup" in said
    assert sentence_of(capsys, ["doctor"]) == said
    names = sorted(each.name for each in data.iterdir())
    assert names == ["atelier.lock", "broken.sqlite3", "images"], "nothing was written"
    assert picture.read_bytes() == b"a picture"


@pytest.mark.parametrize(
    "error",
    [
        DatabaseLost(path=Path("x.sqlite3"), pictures=Path("images")),
        DatabaseTooNew(path=Path("x.sqlite3"), version=9, known=1),
        DatabaseBroken(path=Path("x.sqlite3"), reason="malformed"),
        DatabaseBusy(path=Path("x.sqlite3")),
        FolderLocked(folder=Path("x.sqlite3")),
        DiskFull(path=Path("x.sqlite3")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_trouble_that_opening_the_database_may_have_is_a_sentence(error: StartError) -> None:
    sentence = str(error)
    assert "x.sqlite3" in sentence and sentence.endswith((".", "?"))
    assert type(error).__name__ not in sentence


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DiskFull(path=Path("x.sqlite3")), 1),
        (DatabaseBusy(path=Path("x.sqlite3")), 1),
        (OSError(errno.ENOSPC, "No space left on device", "mark.key"), 1),
        (PermissionError(errno.EACCES, "Permission denied", "mark.key"), 2),
        (DatabaseBroken(path=Path("x.sqlite3"), reason="malformed"), 2),
    ],
)
def test_a_service_manager_starts_again_after_what_may_pass(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise error

    monkeypatch.setenv("DISCORD_TOKEN", "a token")
    monkeypatch.setattr(main, "folder_lock", fail)
    assert main.main(["run"]) == code
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("atelier: ")


def test_every_error_that_ends_a_start_with_data_has_a_sentence_of_its_own() -> None:
    kinds: list[type[Exception]] = [StartError]
    for kind in kinds:  # which grows
        kinds += kind.__subclasses__()
        assert kind.__str__ is not Exception.__str__ or not is_dataclass(kind), kind
    assert len(kinds) > 10


def test_a_backup_is_written_beside_the_data_folder_and_restored(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    migrate(data / "atelier.sqlite3")
    assert main.main(["backup"]) == 0
    (archive,) = tmp_path.glob("data-backup-*.tar")
    assert str(archive) in capsys.readouterr().out
    assert "already" in sentence_of(capsys, ["restore", str(archive)])
    (data / "atelier.sqlite3").unlink()
    assert main.main(["restore", str(archive)]) == 0
    assert (data / "atelier.sqlite3").is_file()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_backup_that_can_not_be_had_is_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    (tmp_path / "no.tar").write_bytes(b"no archive" * 100)
    said = sentence_of(capsys, [command, str(tmp_path / ("new.tar" if command == "backup" else "no.tar"))])
    assert ("There is no database" if command == "backup" else "Nothing was changed") in said
    if command == "restore":
        assert "absent.tar" in sentence_of(capsys, [command, str(tmp_path / "absent.tar")])
