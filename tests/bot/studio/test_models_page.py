"""docs/models.md: every block is settings that load, and the table names what they say."""

import re
from pathlib import Path

import pytest

from bot.studio.catalogue import known_models
from bot.studio.settings import PROJECT, load
from generation.files.hub_cache import is_hub_name

PAGE = (PROJECT / "docs" / "models.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^## (\d+ GB)[^\n]*\n.*?```toml\n(.*?)```", PAGE, re.S | re.M))

SMALL = re.findall(r"^## Models in one file[^\n]*\n.*?```toml\n(.*?)```", PAGE, re.S | re.M)


def test_there_is_a_block_for_every_card() -> None:
    assert list(BLOCKS) == ["8 GB", "12 GB", "16 GB", "24 GB", "48 GB"]
    parts = (
        "[models.controls]",
        "style_adapter = ",
    )  # a block each, which shows what an entry may have besides
    assert all(part in PAGE for part in parts)
    assert PAGE.count("```toml") == len(BLOCKS) + len(SMALL) + len(parts)


@pytest.mark.parametrize("memory", BLOCKS)
def test_every_block_is_settings(tmp_path: Path, memory: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(BLOCKS[memory], encoding="utf-8")
    settings = load(path, {})
    for entry in settings.models:
        assert entry.licence and entry.licence_class
        assert (entry.side, entry.steps) != (512, 25) or entry.name == "sd15", "not the defaults by accident"
        rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith(f"| {memory} |")]
        assert str(entry.steps) in {row[4] for row in rows}
        assert f"{entry.guidance:g}" in {row[5] for row in rows} or entry.guidance <= 1


def test_the_page_shows_the_blocks_that_fetch_writes() -> None:
    shown = "".join(BLOCKS.values())
    for known in known_models().values():
        assert f"\n{known.block}" in shown
    named = re.findall(r'^source = "(.+)"', shown, re.MULTILINE)
    from_hub = {source for source in named if is_hub_name(source) and not source.startswith("models/")}
    assert from_hub == {known.entry.source for known in known_models().values()}
    for name in known_models():
        assert re.search(rf"the names are [^.]*\b{name}\b", PAGE)


@pytest.mark.parametrize("block", SMALL)
def test_the_block_of_a_smaller_model_is_settings(tmp_path: Path, block: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(block, encoding="utf-8")
    (entry,) = load(path, {}).models
    assert entry.source.endswith(".gguf")
    assert entry.base
