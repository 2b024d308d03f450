"""`python main.py doctor` on real models: its report and its exit code."""

import re
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import main
from bot.studio.doctor import unfit
from bot.studio.pictures.provenance import FOLDER
from db.migrate import migrate
from generation import diagnostics
from generation.abilities import Abilities
from generation.control.kinds import ControlEntry
from generation.diagnostics import Card, Finding, ModelReport
from generation.provenance.certificate import made_certificate
from generation.request import ModelEntry, ModelName
from moderation.pictures.text import rapidocr
from tests.pictures import SIDE
from tests.stand_in_hub import stand_in_hub
from tests.tiny_controls import tiny_controlnet
from tests.tiny_models import cut, edit_json, tiny_sd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

TOKEN = "MTU3NDIzMTA4NTYyODI2MDM1Nw.secret.secret"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def found(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What a process of its own finds out about five models. It loads torch: one such process serves all tests here."""
    names = {"tiny": "", "twin": "", "odd": "NoSuchScheduler", "refiner": "", "far": ""}
    refiner = shutil.copytree(folder, tmp_path_factory.mktemp("refiner"), dirs_exist_ok=True)
    edit_json(refiner / "model_index.json", _class_name="StableDiffusionImg2ImgPipeline")
    sources = {"refiner": str(refiner), "far": "owner/far"}
    net = str(tiny_controlnet(tmp_path_factory.mktemp("net"), folder))
    with pytest.MonkeyPatch.context() as patch, stand_in_hub() as hub:
        hub.repositories["owner/far"] = folder
        patch.setenv("HF_ENDPOINT", hub.address)
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        patch.setenv("OMP_NUM_THREADS", "1")
        return list(
            diagnostics.examine(
                [
                    ModelEntry(
                        name=ModelName(name),
                        source=sources.get(name, str(folder)),
                        licence="none",
                        side=SIDE,
                        multiple=16,
                        steps=4,
                        scheduler=scheduler,
                        controls=ControlEntry(scribble=net, depth=net) if name == "twin" else ControlEntry(),
                    )
                    for name, scheduler in names.items()
                ]
            )
        )


@pytest.fixture
def examined(found: list[Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found, for the models that are asked about."""

    def examine(entries: Sequence[ModelEntry]) -> list[Finding]:
        asked = {entry.name for entry in entries}
        return [each for each in found if isinstance(each, Card) or each.name in asked]

    monkeypatch.setattr(diagnostics, "examine", examine)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.delenv("ATELIER_DISCORD_API", raising=False)
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path / "data"))

    async def no_servers(*of: object) -> list[str]:
        return []  # tests/bot/cases/test_server_check.py asks a local Discord

    monkeypatch.setattr(main, "examine_servers", no_servers)


def config(tmp_path: Path, *models: tuple[str, Path], more: str = "") -> list[str]:
    tables = "".join(
        f'''
[[models]]
name = "{name}"
source = "{source}"
licence = "none"
side = {SIDE}
multiple = 16
steps = 4
'''
        for name, source in models
    )
    path = tmp_path / "config.toml"
    path.write_text(f'[generation]\ndefault_model = "{models[0][0]}"\n{more}{tables}', "utf-8")
    return ["--config", str(path), "doctor"]


@pytest.mark.usefixtures("examined")
def test_it_says_what_the_card_can_do_and_how_long_an_order_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    migrate(tmp_path / "data" / "atelier.sqlite3")
    assert main.main(config(tmp_path, ("tiny", folder), ("twin", folder))) == 0
    said = capsys.readouterr()
    lines = dict(re.findall(r"^ *(\S.{0,12}?)  +(.+)$", said.out, re.MULTILINE))
    assert "CPU" in lines["device"] and "GiB free" in lines["memory"] and "float32" in lines["numbers"]
    assert "diffusers" in lines["torch"] and lines["torch.compile"]
    assert lines["DISCORD_TOKEN"] == "set" and TOKEN not in said.out + said.err
    assert "version" in lines["database"] and "no jobs" in lines["database"] and "free" in lines["disk"]
    assert "StableDiffusionPipeline, loaded in" in lines["kind"]
    can = re.findall("^ *can +(.+)$", said.out, re.MULTILINE)
    usual = "draw from a prompt, vary and remix a picture, fill in a mask"
    assert can == [usual, f"{usual}, follow scribble and depth (control maps only) (/sketch)"]
    assert lines["takes"] == "a negative prompt, guidance (guidance_scale; off at 1)"
    assert lines["licence"] == "none (not said)"
    assert lines["default"] == "4 steps, guidance 7"
    assert re.findall(r"(\d) rows \d", lines["a step of"]) == ["1", "2", "4", "8"]
    assert "a row" in lines["cost"] and "not worth it" in lines["cost"]
    assert lines["decoding"].endswith("a picture")
    assert "four pictures of 64 pixels in 4 steps" in lines["an order"]
    assert said.out.count("model  ") == 2 and said.err == ""


@pytest.mark.usefixtures("examined")
def test_a_model_that_draws_no_prompt_alone_is_a_trouble_and_not_a_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    assert main.main(config(tmp_path, ("refiner", folder))) == 1
    said = capsys.readouterr()
    assert "can't draw from a prompt alone" in said.err and "starts from a picture" in said.err
    assert re.search(r"^  can +vary and remix a picture$", said.out, re.MULTILINE)
    assert "a step of" not in said.out and "an order" not in said.out


@pytest.mark.usefixtures("examined")
def test_a_download_is_told_before_and_while_it_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert main.main(config(tmp_path, ("far", Path("owner/far")))) == 0
    said = capsys.readouterr().out
    assert "to fetch       owner/far, for the model 'far': 0.0 GB are in the hub's cache" in said
    assert re.search(r"^fetching +far: 0\.0 GB of 0\.\d GB$", said, re.MULTILINE)
    assert said.index("fetching") < said.index("StableDiffusionPipeline, loaded in")


def test_an_entry_that_does_not_fit_its_model_is_said() -> None:
    entry = ModelEntry(name=ModelName("x"), source="x", licence="none", multiple=8, steps=25)
    klein = Abilities(pipeline="Flux2KleinPipeline", multiple=16, steps=4)
    assert list(unfit(entry, klein)) == [
        "The model 'x' draws sizes that are multiples of 16 (models.x.multiple, now 8).",
        "The model 'x' is distilled for 4 steps (models.x.steps, now 25).",
    ]
    assert not list(unfit(replace(entry, multiple=32, steps=8), klein))
    assert not list(unfit(entry, None))


@pytest.mark.usefixtures("examined")
def test_what_a_start_would_live_with_and_what_it_would_fail_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    # Its folder is whole: only loading the model finds the fault.
    assert main.main(config(tmp_path, ("odd", folder))) == 1
    said = capsys.readouterr()
    assert "atelier: DISCORD_TOKEN is not set" in said.err
    assert "'odd' can't be used" in said.err and "NoSuchScheduler" in said.err
    assert "a step of" not in said.out


@pytest.mark.usefixtures("examined")
def test_all_that_would_stop_a_start_is_said_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    data = tmp_path / "data"
    migrate(data / "atelier.sqlite3")
    with closing(sqlite3.connect(data / "atelier.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 999")
    broken = tiny_sd(tmp_path / "broken")
    cut(broken / "unet" / "diffusion_pytorch_model.safetensors", 5000)
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule", "utf-8")
    more = f'[moderation]\nrules = "{rules}"\n'
    capsys.readouterr()  # discards diffusers' output from saving
    assert main.main(config(tmp_path, ("broken", broken), more=more)) == 2
    said = capsys.readouterr().err
    assert "rules.toml" in said and "version 999" in said and "cut off" in said and "'broken'" in said
    assert all(line.startswith("atelier: ") for line in said.splitlines())


@pytest.mark.usefixtures("examined")
def test_a_controlnet_that_does_not_fit_stops_a_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    asked = config(tmp_path, ("tiny", folder))
    with Path(asked[1]).open("a", encoding="utf-8") as file:
        file.write(f'[models.controls]\nscribble = "{tmp_path / "gone"}"\n')
    assert main.main(asked) == 2
    said = capsys.readouterr().err
    assert (
        "The model 'tiny'" in said
        and f"controls.scribble = {tmp_path / 'gone'}: There is no such folder" in said
    )


def test_a_model_that_takes_the_process_down_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (ModelEntry(name=ModelName(name), source="x", licence="none") for name in ("one", "other"))
    report = diagnostics.encode(ModelReport(name="one")).decode()
    code = f"import os; print({report!r}, flush=True); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(diagnostics, "COMMAND", (diagnostics.COMMAND[0], "-c", code))
    first, second = diagnostics.examine([one, other])
    assert isinstance(first, ModelReport) and not first.why_not
    assert isinstance(second, ModelReport) and second.name == "other"
    assert "died" in second.why_not and "-9" in second.why_not


@pytest.mark.usefixtures("examined")
def test_it_says_what_looks_at_pictures_and_what_signs_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    main.main(config(tmp_path, ("tiny", folder)))
    said = capsys.readouterr().out
    assert re.search(r"^picture check +opennsfw$", said, re.MULTILINE)
    assert re.search(r"^certificate +none yet: the first start makes one$", said, re.MULTILINE)
    made_certificate(tmp_path / "data" / FOLDER)
    main.main(config(tmp_path, ("tiny", folder)))
    said = capsys.readouterr().out
    assert re.search(r"^certificate +Atelier, until \d{4}-\d\d-\d\d \(made by the bot\)$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("read_text", "is_installed", "told"),
    [
        ("all", True, "read in all pictures"),
        ("uploads", True, "read in uploads alone"),
        ("uploads", False, r"not read; to read it: pip install --no-deps rapidocr==3\.10\.0"),
        ("off", True, r"not read \(pictures\.read_text\)"),
    ],
)
@pytest.mark.usefixtures("examined")
def test_it_says_whether_texts_in_pictures_are_read(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    folder: Path,
    read_text: str,
    is_installed: bool,
    told: str,
) -> None:
    monkeypatch.setattr(rapidocr, "is_installed", lambda: is_installed)
    main.main(config(tmp_path, ("tiny", folder), more=f'\n[pictures]\nread_text = "{read_text}"\n'))
    assert re.search(f"^text in pictures +{told}$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("more", ["pictures", "provenance"])
@pytest.mark.usefixtures("examined")
def test_a_detector_or_certificate_that_is_missing_stops_a_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path, more: str
) -> None:
    tables = {
        "pictures": '\n[pictures]\ndetectors = ["opennsfw", "safety-checker"]\nsafety_checker = "/no/such/folder"\n',
        "provenance": '\n[provenance]\ncertificate = "/no/such.pem"\nkey = "/no/such.key"\n',
    }
    says = {"pictures": "The picture detector 'safety-checker' can't be used", "provenance": "/no/such.pem"}
    arguments = config(tmp_path, ("tiny", folder), more=tables[more])
    assert main.main(arguments) == 2
    assert says[more] in capsys.readouterr().err
    assert main.main([*arguments[:2], "run"]) == 2, "and the start says the same"
    assert says[more] in capsys.readouterr().err
