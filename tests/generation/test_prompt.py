"""Prompts as people write them: weighted words, chunks and parts."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.prompt import (
    MAX_PARTS,
    BadWeights,
    Prompt,
    PromptText,
    WeightedWords,
    WeightFault,
    parts_of,
    words_of,
    written,
)

NOTATION = [
    *(
        "fox",
        "nu",
        "de",
        "Ж",
        "x",
        " ",
        "  ",
        "\n",
        ",",
        "\\",
        "(",
        ")",
        "[",
        "]",
        ":",
        "::",
        "-",
        ".",
        "5",
        "1.3",
    ),
    *("BREAK", "AND", "::2", "::-1", " :1.2", "(fox:1.3)", "(x:99)", "\\("),
]
texts = st.lists(st.sampled_from(NOTATION), max_size=16).map("".join)


def runs(text: str) -> list[list[tuple[str, float]]]:
    return [[(words.text, words.weight) for words in block] for block in words_of(text).blocks]


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
        ("a fox AND a forest", [("a fox", 0.5), ("a forest", 0.5)]),
        ("a fox :1.5 AND a forest: .5 AND weeds:-1", [("a fox", 1.5), ("a forest", 0.5), ("weeds", -1.0)]),
        ("fox::2 sun AND (red:1.3) moon :1", [("fox", 0.5), ("sun", 0.25), ("red moon", 0.25)]),
        ("a fox :1.5", [("a fox :1.5", 1.0)]),
        ("sAND AND  AND band", [("sAND", 0.5), ("band", 0.5)]),
    ],
)
def test_two_colons_and_AND_cut_a_prompt_and_weigh_what_stands_before_them(
    text: str, parts: list[tuple[str, float]]
) -> None:
    found = Prompt(text=text).parts
    assert [part.text for part in found] == [text for text, _ in parts]
    assert [part.share for part in found] == pytest.approx([share for _, share in parts])


@pytest.mark.parametrize("text", ["fox::1 forest::-1", "fox::0", "::", "a::" * 9])
def test_weights_that_add_up_to_nothing_and_too_many_parts_are_refused(text: str) -> None:
    with pytest.raises(BadWeights):
        _ = Prompt(text=text).parts


@given(texts)
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
        ("(weeds:-1) --no: fog", "(weeds) --no: fog", "rain"),
        ("[weeds] (fog:0)", "(weeds) (fog)", "rain"),
        (r"n[u]de (nu:1.0)(de:1.0) n\u\d\e \(fog\)", "n(u)de nude nude (fog)", "rain"),
        ("a fox BREAK in fog", "a fox in fog", "rain"),
        ("fox::2 (weeds:-1) fog::-1", "fox (weeds)", "rain, fog"),
        ("fox (x:99)", "fox (x:99)", "rain"),
        ("fox::1 weeds::-1", "fox::1 weeds::-1", "rain"),
    ],
)
def test_left_out_is_the_negative_and_what_weighs_less_than_nothing_and_all_else_is_asked(
    text: str, asked: str, left_out: str
) -> None:
    prompt = Prompt(text=text, negative="rain")
    assert (prompt.asked, prompt.left_out) == (asked, left_out)
    assert Prompt(text=text).left_out == left_out.removeprefix("rain").removeprefix(", ")


def test_what_weighs_less_than_nothing_in_the_negative_prompt_is_asked() -> None:
    prompt = Prompt(text="a fox", negative="rain, (weeds:-1), [fog]")
    assert (prompt.asked, prompt.left_out) == ("a fox (weeds)", "rain, , (fog)")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(red:1.3) apple", [[("red", 1.3), (" apple", 1.0)]]),
        ("((red)) [blue] apple", [[("red", 1.1 * 1.1), (" ", 1.0), ("blue", 1 / 1.1), (" apple", 1.0)]]),
        ("(a [b] (c:2):.5)", [[("a ", 0.5), ("b", 0.5 / 1.1), (" ", 0.5), ("c", 1.0)]]),
        ("(a:-1) (b: +2 )", [[("a", -1.0), (" ", 1.0), ("b", 2.0)]]),
        (r"hatsune miku \(vocaloid\)", [[("hatsune miku (vocaloid)", 1.0)]]),
        (r"\[a\] (b\):1.3) \\ c\d", [[("[a] ", 1.0), ("b)", 1.3), (r" \ cd", 1.0)]]),
        ("(nu:1.0)(de:1.0)", [[("nude", 1.0)]]),
        ("a cat BREAK a dog", [[("a cat", 1.0)], [("a dog", 1.0)]]),
        ("(a BREAK b:1.3)", [[("a", 1.3)], [("b", 1.3)]]),
        ("BREAKING aBREAK", [[("BREAKING aBREAK", 1.0)]]),
        ("BREAK a BREAK BREAK", [[], [("a", 1.0)], [], []]),
        # Broken brackets, as AUTOMATIC1111 reads them.
        ("(red apple", [[("red apple", 1.1)]]),
        ("red) apple]", [[("red) apple]", 1.0)]]),
        ("(red]", [[("red]", 1.1)]]),
        ("red:1.3) apple", [[("red:1.3) apple", 1.0)]]),
        (
            "(x:1.2.3) (y:nan) (z:1e5)",
            [[("x:1.2.3", 1.1), (" ", 1.0), ("y:nan", 1.1), (" ", 1.0), ("z:1e5", 1.1)]],
        ),
        ("()(((:1.3)", [[]]),
    ],
)
def test_brackets_weigh_words_and_break_begins_a_chunk(
    text: str, found: list[list[tuple[str, float]]]
) -> None:
    assert [[words for words, _ in block] for block in runs(text)] == [[w for w, _ in each] for each in found]
    weights = [weight for block in runs(text) for _, weight in block]
    assert weights == pytest.approx([weight for block in found for _, weight in block])


@pytest.mark.parametrize(
    ("text", "fault", "column", "at"),
    [
        ("a (x:1488) b", WeightFault.RANGE, 6, "1488"),
        ("(fine:2) BREAK fox::2 a ( y : -10.1 )", WeightFault.RANGE, 31, "-10.1"),
        ("a (x:" + "9" * 400 + ")", WeightFault.RANGE, 6, "9" * 400),
        ("a ((x, ((y:5)):2):2)", WeightFault.RANGE, 10, "y"),
        ("(" * 8000 + "x", WeightFault.RANGE, 8001, "x"),
        ("fox::1 forest::-1", WeightFault.SUM, 14, "::-1"),
        ("a fox AND weeds :-2 AND fog", WeightFault.SUM, 17, ":-2"),
        ("::", WeightFault.SUM, 1, "::"),
        ("a::" * MAX_PARTS + "  b c", WeightFault.PARTS, 3 * MAX_PARTS + 3, "b c"),
    ],
)
def test_a_fault_of_the_weights_has_its_column(text: str, fault: WeightFault, column: int, at: str) -> None:
    with pytest.raises(BadWeights) as bad:
        parts_of(text)
    assert (bad.value.fault, bad.value.column, bad.value.written) == (fault, column, at)
    assert str(bad.value).startswith(f"At character {column}, {at}: ")


@given(texts)
def test_what_is_printed_is_parsed_to_the_same_and_faults_stand_in_their_column(text: str) -> None:
    try:
        parts = parts_of(text)
    except BadWeights as bad:
        assert text[bad.column - 1 :].startswith(bad.written)
        return
    assert parts_of(written(parts)) == parts


blocks = st.lists(
    st.tuples(st.text(alphabet="ab ():[]\\BREAKND,", min_size=1), st.sampled_from([1.0, 1.3, -0.5, 1 / 1.1])),
    max_size=5,
)


@given(st.lists(blocks, min_size=1, max_size=3))
def test_words_of_any_text_and_weight_can_be_printed(made: list[list[tuple[str, float]]]) -> None:
    text = PromptText(tuple(tuple(WeightedWords(*words) for words in block) for block in made))
    found = words_of(str(text))
    assert [re.sub(r"\s", "", "".join(words.text for words in block)) for block in found.blocks] == [
        re.sub(r"\s", "", "".join(words for words, _ in block)) for block in made
    ]
    assert words_of(str(found)) == found


@pytest.mark.slow
def test_a_hundred_thousand_random_prompts_crash_nothing() -> None:
    chance = random.Random(7)
    bad = 0
    for _ in range(100_000):
        try:
            parts_of("".join(chance.choices(NOTATION, k=chance.randrange(12))))
        except BadWeights:
            bad += 1
    assert 1_000 < bad < 50_000
