"""Settings: the example file is the code's defaults, and every mistake is named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.settings import PROJECT, Settings, SettingsBroken, load

MODEL = "[[models]]\nname = 'emoji'\nsource = 'x'\nlicence = 'y'\n"
EXAMPLE = PROJECT / "config.example.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_the_defaults() -> None:
    assert load(EXAMPLE, {}) == Settings()


def test_the_example_names_every_key() -> None:
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))

    def keys(value: Any) -> set[str]:
        return {f.name for f in dataclasses.fields(value)}

    settings = Settings()
    assert set(example) == keys(settings)
    for name in ("discord", "generation", "limits", "moderation", "retention"):
        assert set(example[name]) == keys(getattr(settings, name)), name
    assert set(example["models"][0]) == keys(settings.models[0])


def test_the_environment_wins() -> None:
    settings = load(EXAMPLE, {"ATELIER_DISCORD_API": "http://127.0.0.1:1/api/v10/", "ATELIER_DATA": "/tmp/x"})
    assert settings.discord.api == "http://127.0.0.1:1/api/v10"
    assert settings.data == Path("/tmp/x")


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        ("[limits]\nimages_a_dya = 3", "limits.images_a_dya", "images_a_day"),
        ("[limits]\nimages_a_day = 'many'", "limits.images_a_day", "whole number"),
        ("[limits]\nimages_a_day = true", "limits.images_a_day", "whole number"),
        ("generation = 3", "generation", "table"),
        ("[generation]\ndefault_model = 'nope'", "generation.default_model", "emoji"),
        ("[generation]\nslots = 0", "generation.slots", "above 0"),
        ("models = []", "models", "at least one"),
        ("[pictures]\ndetectors = []", "pictures.detectors", "at least one"),
        ("[pictures]\ndetectors = ['opensfw']", "pictures.detectors", "opennsfw, nudenet"),
        ("[pictures]\ndetectors = ['opennsfw', 'opennsfw']", "pictures.detectors", "each once"),
        ("[provenance]\ncertificate = 'a.pem'", "provenance", "belong together"),
        ("[[models]]\nname = 'emoji'", "models", "source"),
        (
            "[[models]]\nname = 'two words'\nsource = 'x'\nlicence = 'y'",
            "generation.default_model",
            "two words",
        ),
        (
            "[[models]]\nname = 'emoji'\nsource = 'x'\nlicence = 'y'\nenlarge = 3",
            "models.emoji.enlarge",
            "1, 2",
        ),
        (
            "[[models]]\nname = 'emoji'\nsource = 'x'\nlicence = 'y'\nvariation_strength = 0",
            "models.emoji.variation_strength",
            "above 0",
        ),
        *(
            (f"{MODEL}[[models.loras]]\n{lora}", key, part)
            for lora, key, part in [
                ("name = 'a b'\nsource = 'x'", "models.emoji.loras.a b", "one word"),
                ("name = 'ink'", "models.loras", "source"),
                ("name = 'ink'\nsource = 'x'\nweight = 3", "models.emoji.loras.ink.weight", "from -2 to 2"),
                ("name = 'ink'\nsource = 'x'\nwieght = 1", "models.loras.wieght", "weight"),
                (
                    "name = 'ink'\nsource = 'x'\n[[models.loras]]\nname = 'INK'\nsource = 'y'",
                    "models.emoji.loras.ink",
                    "two LoRAs",
                ),
            ]
        ),
        ("[generation]\nmodel_wait = -1", "generation.model_wait", "0 or more"),
        ("[retention]\nprompts_days = -1", "retention.prompts_days", "0 or more"),
        ("[retention]\naudit_days = 0", "retention.audit_days", "1 or more"),
        ("[retention]\nprompt_days = 3", "retention.prompt_days", "prompts_days"),
        ("limits = [", "", "TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, key: str, part: str) -> None:
    with pytest.raises(SettingsBroken) as caught:
        load(written(tmp_path, text), {})
    assert caught.value.key == key
    assert part in caught.value.reason


def test_loras_are_a_models_own_tables(tmp_path: Path) -> None:
    text = (
        f"{MODEL}[[models.loras]]\nname = 'ink'\nsource = 'ink.safetensors'\nweight = 1\ntrigger = 'in ink'"
    )
    (lora,) = load(written(tmp_path, text), {}).models[0].loras
    assert (lora.name, lora.source, lora.weight, lora.trigger) == ("ink", "ink.safetensors", 1.0, "in ink")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsBroken):
        load(tmp_path / "absent.toml", {})
