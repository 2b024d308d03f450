"""Weighted parts of a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.prompt import BadWeights, Prompt


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a red fox", [("a red fox", 1.0)]),
        ("", [("", 1.0)]),
        ("fox::2 forest::1", [("fox", 2 / 3), ("forest", 1 / 3)]),
        ("fox::2 forest", [("fox", 2 / 3), ("forest", 1 / 3)]),
        ("hot:: dog", [("hot", 0.5), ("dog", 0.5)]),
        ("fox::5", [("fox", 1.0)]),
        ("garden::2 weeds::-.5", [("garden", 4 / 3), ("weeds", -1 / 3)]),
        ("render::3d fox", [("render", 0.5), ("3d fox", 0.5)]),
        ("a 16:9 fox", [("a 16:9 fox", 1.0)]),
    ],
)
def test_two_colons_cut_a_prompt_and_weigh_what_stands_before_them(
    text: str, parts: list[tuple[str, float]]
) -> None:
    found = Prompt(text=text).parts
    assert [part.text for part in found] == [text for text, _ in parts]
    assert [part.share for part in found] == pytest.approx([share for _, share in parts])


@pytest.mark.parametrize("text", ["fox::1 forest::-1", "fox::0", "::", "a::" * 9])
def test_weights_that_add_up_to_nothing_and_too_many_parts_are_refused(text: str) -> None:
    with pytest.raises(BadWeights):
        _ = Prompt(text=text).parts


@given(st.lists(st.sampled_from(["fox", ":", "::", " ", "-", ".", "5", "x"]), max_size=40).map("".join))
def test_shares_add_up_to_one_whatever_is_written(text: str) -> None:
    try:
        parts = Prompt(text=text).parts
    except BadWeights:
        return
    assert sum(part.share for part in parts) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "asked", "left_out"),
    [
        ("a red fox", "a red fox", "rain"),
        ("garden::2 weeds::-.5", "garden", "rain, weeds"),
        ("weeds::-1 a garden::3 dull sky::-1", "a garden", "rain, weeds, dull sky"),
        ("fox::2 weeds::-0.0", "fox weeds", "rain"),
        ("fox::2 weeds::-１", "fox", "rain, weeds"),
        ("fox::2 weeds::−1", "fox weeds −1", "rain"),
        ("fox::2 weeds：：-1", "fox weeds：：-1", "rain"),
        ("weeds::-1st fox", "weeds -1st fox", "rain"),
        ("(weeds:-1) --no: fog", "(weeds:-1) --no: fog", "rain"),
        ("fox::1 weeds::-1", "fox::1 weeds::-1", "rain"),
    ],
)
def test_left_out_is_the_negative_and_what_weighs_less_than_nothing_and_all_else_is_asked(
    text: str, asked: str, left_out: str
) -> None:
    prompt = Prompt(text=text, negative="rain")
    assert (prompt.asked, prompt.left_out) == (asked, left_out)
    assert Prompt(text=text).left_out == left_out.removeprefix("rain").removeprefix(", ")
