import io
import json
import sys
from pathlib import Path

import pytest

from moderation.__main__ import main

pytestmark = pytest.mark.slow


def test_one_prompt_is_answered_readably(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a n.u.d.e woman"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("refuse")
    assert "nudity" in said
    assert "a nude woman" in said


def test_policy_and_negative_are_heard(capsys: pytest.CaptureFixture[str]) -> None:
    main(["a gory battle, blood everywhere", "--policy", "family", "--rules-only"])
    assert capsys.readouterr().out.startswith("refuse")
    main(["a woman", "--negative", "clothes"])
    assert capsys.readouterr().out.startswith("refuse")


@pytest.mark.parametrize(
    ("options", "ruling"),
    [
        (["--policy", "mature", "--age-restricted"], "allow"),
        (["--policy", "mature"], "refuse"),
        (["--age-restricted"], "refuse"),
    ],
)
def test_an_age_restricted_channel_goes_further_only_by_a_policy_that_does(
    options: list[str], ruling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["a nude woman", "--rules-only", *options])
    assert capsys.readouterr().out.startswith(ruling)


def test_own_rules_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[rule]]\nname="foxes"\ncategory="spam"\nruling="flag"\nany=["fox"]')
    assert main(["two foxes", "--rules", str(own)]) == 0
    assert capsys.readouterr().out.startswith("flag")
    own.write_text("[[rule]]\nname=")
    assert main(["two foxes", "--rules", str(own)]) == 2
    assert "line 2" in capsys.readouterr().err
    assert main(["a fox", "--rules", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_a_batch_prints_one_verdict_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = tmp_path / "prompts.jsonl"
    batch.write_text(
        '{"prompt": "a fox"}\n\n{"prompt": "a woman", "negative": "clothes", "id": 3}\n', encoding="utf-8"
    )
    assert main(["--batch", str(batch)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(line) for line in lines] == [["prompt", "ruling", "category", "rule", "score"]] * 2
    assert 0 < lines[0].pop("score") < 0.5
    assert lines[0] == {"prompt": "a fox", "ruling": "allow", "category": "none", "rule": ""}
    assert (lines[1]["ruling"], lines[1]["category"]) == ("refuse", "nudity") and lines[1]["score"] > 0.5


def test_a_dash_reads_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"prompt": "a fox"}\n'))
    assert main(["--batch", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["prompt"] == "a fox"


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "3", '{"prompt": 3}', '{"text": "a"}', '{"prompt": "a", "negative": 1}', "[" * 100_000],
)
def test_a_bad_line_is_named_and_what_came_before_is_whole(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = tmp_path / "prompts.jsonl"
    batch.write_text('{"prompt": "a fox"}\n' + line + "\n")
    assert main(["--batch", str(batch)]) == 2
    said = capsys.readouterr()
    assert "line 2" in said.err
    assert [json.loads(whole)["prompt"] for whole in said.out.splitlines()] == ["a fox"]


def test_bytes_that_are_no_utf8_do_not_stop_a_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = tmp_path / "prompts.jsonl"
    batch.write_bytes(b'{"prompt": "a f\xffox"}\n{"prompt": "a \\ud800 fox"}\n')
    assert main(["--batch", str(batch)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("arguments", [[], ["a fox", "--batch", "x"], ["--batch", "x", "--negative", "y"]])
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "batch" in capsys.readouterr().err


def test_a_missing_batch_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--batch", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
