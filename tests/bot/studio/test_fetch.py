"""`python main.py fetch` against a hub on this machine: the download, the licence, and the settings."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import main
from bot.studio import config_file
from bot.studio.catalogue import known_models
from bot.studio.config_file import block_of
from bot.studio.settings import BUNDLED, PROJECT, load
from tests.stand_in_hub import StandInHub, stand_in_hub

SD15 = known_models()["sd15"]
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
OWN = """# my settings
data = "here"  # on the large disk

[generation]
slots = 4 # a small card
default_model = 'mine' # the best

[[models]]
name = "mine"
source = "bundled"
licence = "MIT"
# the end
"""


def weights(count: int) -> bytes:
    """Returns a safetensors file with one tensor of so many numbers."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4 * count)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInHub]:
    folder = tmp_path_factory.mktemp("repository")
    files = {
        "model_index.json": json.dumps(INDEX).encode(),
        "scheduler/scheduler_config.json": b"{}",
        "tokenizer/tokenizer.json": b"{}",
        "text_encoder/config.json": b"{}",
        "text_encoder/model.safetensors": weights(10),
        "unet/config.json": b'{"a": 1}',
        "unet/diffusion_pytorch_model.safetensors": weights(5000),
        "vae/config.json": b'{"b": 1}',
        "vae/diffusion_pytorch_model.safetensors": weights(20),
        "README.md": b"never loaded",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    with stand_in_hub() as made:
        for known in known_models().values():
            made.repositories[known.entry.source] = folder
        yield made


@pytest.fixture(autouse=True)
def remote(server: StandInHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInHub:
    monkeypatch.setattr(main, "PROJECT", tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    server.status = 200
    for each in (server.gated, server.damaged, server.asked, server.sent):
        each.clear()
    server.licences = {known.entry.source: known.hub_licence for known in known_models().values()}
    return server


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(OWN, "utf-8")
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main.main(["fetch", *arguments]) == code
    said = capsys.readouterr().err
    assert said.startswith("atelier: ") and said.count("\n") == 1 and "Traceback" not in said
    return said


def test_a_model_is_downloaded_and_added_and_all_else_stays(
    config: Path, remote: StandInHub, capsys: pytest.CaptureFixture[str]
) -> None:
    config.chmod(0o640)
    assert main.main(["fetch", "sd15", "--accept"]) == 0
    said = capsys.readouterr().out
    assert "licence: CreativeML OpenRAIL-M (open, with rules of use)" in said
    assert "fetching sd15: 0.0 GB of 0.0 GB" in said and "has the hash that the hub names" in said
    assert config.read_text("utf-8") == f"{OWN}\n{SD15.block}"
    assert config.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in load(config, {}).models] == ["mine", "sd15"]
    assert "repository/README.md" not in remote.sent
    assert not list(config.parent.glob(".config*")), "nothing is left beside it"


def test_again_changes_nothing_and_asks_no_hub(config: Path, remote: StandInHub) -> None:
    main.main(["fetch", "sd15", "--accept"])
    once = config.read_bytes()
    remote.asked.clear()
    assert main.main(["fetch", "sd15"]) == 0
    assert config.read_bytes() == once and not remote.asked


def test_the_default_model_is_changed_in_its_line(config: Path) -> None:
    assert main.main(["fetch", "klein", "--default"]) == 0
    text = config.read_text("utf-8")
    assert 'default_model = "klein" # the best\n' in text and "slots = 4 # a small card\n" in text
    assert load(config, {}).default_model.name == "klein"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[generation]\nslots = 2\n",
        "[limits]\r\nimages_a_day = 3\r\n",
        "\ufeffdata = 'x'",
        "\ufeff[generation]\nslots = 2\n",
        "[generation]",
        " [ generation ]\n  default_model = 'emoji'\n",
    ],
)
@pytest.mark.parametrize("more", [(), ("--default",)])
def test_settings_without_a_model_keep_the_bundled_one(
    tmp_path: Path, text: str, more: tuple[str, ...]
) -> None:
    path = tmp_path / "other.toml"
    path.write_bytes(text.encode())
    before = load(path, {})
    assert main.main(["--config", str(path), "fetch", "klein", *more]) == 0
    settings = load(path, {})
    assert [entry.name for entry in settings.models] == ["emoji", "klein"]
    assert settings.models[0] == BUNDLED
    assert settings.default_model.name == ("klein" if more else "emoji")
    assert (settings.limits, settings.data) == (before.limits, before.data)
    content = path.read_bytes()
    assert content.count(b"\r\n") in (0, content.count(b"\n")), "one kind of line ends"


def test_a_question_that_is_not_answered_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert not main._ask("Do you accept it?")  # pyright: ignore[reportPrivateUsage]


def test_missing_settings_are_made_from_the_example(tmp_path: Path) -> None:
    assert main.main(["fetch", "klein"]) == 0
    example = (PROJECT / "config.example.toml").read_text("utf-8")
    text = (tmp_path / "config.toml").read_text("utf-8")
    assert text == f"{example.rstrip()}\n\n{known_models()['klein'].block}"


def test_another_model_of_that_name_is_not_overwritten(
    config: Path, remote: StandInHub, capsys: pytest.CaptureFixture[str]
) -> None:
    text = OWN + "\n" + SD15.block.replace("steps = 25", "steps = 30")
    config.write_text(text, "utf-8")
    assert "a model 'sd15' already, which differs in `steps`" in refused(capsys, "sd15", "--accept")
    assert config.read_text("utf-8") == text and not remote.asked


def test_a_licence_that_is_not_open_must_be_accepted(
    config: Path, remote: StandInHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refused(capsys, "sd15")
    assert "is open, with rules of use. Read it at https://huggingface.co/stable-diffusion-v1-5" in said
    assert not remote.sent and config.read_text("utf-8") == OWN
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(["n", "Yes"])

    def answer(_: str) -> str:
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    refused(capsys, "sd15")
    assert main.main(["fetch", "sd15"]) == 0


@pytest.mark.parametrize("stated", ["cc-by-nc-4.0", ""])
def test_another_licence_at_the_hub_must_be_accepted_too(
    config: Path, remote: StandInHub, capsys: pytest.CaptureFixture[str], stated: str
) -> None:
    remote.licences[known_models()["klein"].entry.source] = stated
    assert "in place of 'apache-2.0'" in refused(capsys, "klein")
    assert not remote.sent and config.read_text("utf-8") == OWN


def test_every_failure_is_one_sentence_and_changes_no_settings(
    config: Path, remote: StandInHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no model 'sdxk' to fetch. Did you mean 'sdxl'?" in refused(capsys, "sdxk")
    remote.status = 502
    assert "The hub answered with the status 502" in refused(capsys, "klein", code=1)
    remote.status = 200
    remote.damaged.add("diffusion_pytorch_model.safetensors")
    assert "arrived damaged" in refused(capsys, "klein", code=1)
    remote.damaged.clear()
    remote.gated.add(known_models()["klein"].entry.source)
    assert "HF_TOKEN" in refused(capsys, "klein", code=1)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "The hub can't be reached" in refused(capsys, "klein", code=1)
    assert config.read_text("utf-8") == OWN
    config.write_text("[generation", "utf-8")
    assert "not valid TOML" in refused(capsys, "klein")


def unchanged(config: Path, text: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Returns what is said where the settings can't be changed. Nothing may be downloaded before."""
    config.write_text(text, "utf-8")
    assert main.main(["fetch", "klein", *arguments]) == 2
    assert config.read_text("utf-8") == text
    said = capsys.readouterr()
    assert not said.out
    return said.err


def test_settings_that_cannot_be_extended_are_found_out_before_the_download(
    config: Path, remote: StandInHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    block = known_models()["klein"].block
    inline = 'models = [{name = "emoji", source = "bundled", licence = "MIT"}]\n'
    said = unchanged(config, inline, capsys)
    assert "was not changed: " in said and "First write each model of the list `models` as a table" in said
    assert block in said

    def read_only(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(config_file.tempfile, "mkstemp", read_only)
    said = unchanged(config, OWN, capsys)
    assert "Read-only file system. Add this by hand:" in said
    # What is added by hand gives the settings that the command would have written.
    by_hand = unchanged(config, "[generation]\nslots = 2\n", capsys, "--default").split("by hand:\n\n")[1]
    tables, default = by_hand.split("# in [generation]:\n")
    config.write_text(f"[generation]\nslots = 2\n{default}\n{tables}", "utf-8")
    settings = load(config, {})
    assert [entry.name for entry in settings.models] == ["emoji", "klein"]
    assert settings.default_model.name == "klein" and settings.generation.slots == 2
    assert not remote.sent and not remote.asked


def test_a_link_to_the_settings_stays_one(config: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(config)
    assert main.main(["--config", str(link), "fetch", "klein"]) == 0
    assert link.is_symlink() and "klein" in config.read_text("utf-8")


def test_a_block_of_an_entry_is_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(block_of(BUNDLED), "utf-8")
    assert load(path, {}).models == (BUNDLED,)
