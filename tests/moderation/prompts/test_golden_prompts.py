"""The prompts that must always be refused or allowed, checked with the shipped filter."""

from pathlib import Path

import pytest

from moderation.__main__ import main
from moderation.prompts.filter import PromptFilter
from moderation.prompts.golden_prompts import (
    DEFAULT_MUST,
    GoldenPrompt,
    GoldenPromptsBroken,
    broken,
    read_golden_prompts,
)
from moderation.prompts.rules import load_rules
from moderation.verdict import ALLOWED


@pytest.fixture(scope="module")
def screen() -> PromptFilter:
    return PromptFilter(load_rules())


@pytest.mark.parametrize("must", read_golden_prompts(), ids=lambda must: must.prompt)
def test_the_filter_holds_to_it(screen: PromptFilter, must: GoldenPrompt) -> None:
    assert must.holds(screen.check(must.texts)), screen.check(must.texts)


def test_both_kinds_are_there() -> None:
    assert {must.is_refused for must in read_golden_prompts()} == {True, False}


def test_what_does_not_hold_is_named_with_its_verdict() -> None:
    nude, fox = GoldenPrompt(prompt="nude", is_refused=True), GoldenPrompt(prompt="a fox", is_refused=False)
    assert broken([nude, fox], lambda texts: ALLOWED) == [(nude, ALLOWED)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"prompt": "a", "must": "refuse"}\nnonsense', 2),
        ('{"prompt": "a", "must": "maybe"}', 1),
        ('{"must": "allow"}', 1),
        ('["a"]', 1),
        ("[" * 100_000, 1),
        ("\n" + "9" * 5000, 2),
        ("\0", 1),
        ('# a comment\n\n{"prompt": "a", "negative": 1, "must": "allow"}', 3),
    ],
)
def test_a_broken_file_names_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "must.jsonl"
    file.write_text(text, "utf-8")
    with pytest.raises(GoldenPromptsBroken) as error:
        read_golden_prompts(file)
    assert error.value.where == f"line {line}"


def test_the_command_line_says_what_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--must", str(DEFAULT_MUST)]) == 0
    file = tmp_path / "must.jsonl"
    file.write_text('{"prompt": "a fox", "must": "refuse"}\n{"prompt": "a cat", "must": "allow"}', "utf-8")
    assert main(["--must", str(file)]) == 1
    assert "must refuse, but allow: a fox\n1 of 2 hold" in capsys.readouterr().out
    file.write_text("nonsense", "utf-8")
    assert main(["--must", str(file)]) == 2


def test_half_a_character_is_a_character_as_it_is_in_json(tmp_path: Path) -> None:
    (tmp_path / "must.jsonl").write_text('{"prompt": "\\ud800x", "must": "allow"}\n')
    assert read_golden_prompts(tmp_path / "must.jsonl")[0].prompt == "\ud800x"
