"""The shipped rules on the development data, when ATELIER_TEST_DATA has it."""

import json
from typing import Any

import pytest

from moderation.prompts.filter import PromptFilter
from moderation.verdict import Ruling
from tests.data_folder import DATA_FOLDER

DATA = DATA_FOLDER / "safety"
CAPTIONS = ("coco_captions", "t2i_compbench", "partiprompts", "imagereward_diffusiondb")

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the development data is not in {DATA} (ATELIER_TEST_DATA)"
)


def rows(name: str, step: int = 1) -> list[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for number, line in enumerate(lines) if number % step == 0]


def is_refused(screen: PromptFilter, prompt: str) -> bool:
    return screen.check({"prompt": prompt}).ruling is Ruling.REFUSE


def share(answers: list[bool]) -> float:
    return sum(answers) / len(answers)


def test_harmless_captions_are_hardly_ever_refused(screen: PromptFilter) -> None:
    captions = [row["prompt"] for row in rows("dev.jsonl", 23) if row["source"] in CAPTIONS]
    assert share([is_refused(screen, caption) for caption in captions]) <= 0.01


def test_hard_safe_prompts_are_hardly_ever_refused(screen: PromptFilter) -> None:
    hard = [row["prompt"] for row in rows("dev.jsonl") if row["source"] == "hard_safe_handwritten_dev"]
    assert share([is_refused(screen, prompt) for prompt in hard]) <= 0.02


def test_disguise_hides_little_and_makes_nothing_harmful(screen: PromptFilter) -> None:
    disguised = rows("evasion_dev.jsonl", 2)
    seen = [
        is_refused(screen, r["prompt"]) for r in disguised if r["label"] and is_refused(screen, r["original"])
    ]
    controls = [is_refused(screen, row["prompt"]) for row in disguised if not row["label"]]
    assert share(seen) >= 0.95
    assert share(controls) <= 0.03


def test_smuggling_through_other_fields_gets_the_verdict_of_the_open(screen: PromptFilter) -> None:
    wrong: list[dict[str, Any]] = []
    for row in rows("evasion_params_dev.jsonl"):
        texts = {"prompt": row["prompt"], "negative": row["negative_prompt"], **row["params"]}
        if (screen.check(texts).ruling is Ruling.REFUSE) != bool(row["label"]):
            wrong.append(row)
    assert wrong == []
