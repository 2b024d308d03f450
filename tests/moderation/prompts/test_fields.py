"""The verdict does not depend on how a text is split: one field or several, with any names."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.prompts.filter import PromptFilter

_WORDS = [
    "a",
    "the",
    "woman",
    "man",
    "child",
    "kid",
    "fox",
    "naked",
    "nude",
    "sexy",
    "bloody",
    "mary",
    "killer",
    "whale",
    "mole",
    "rat",
    "blood",
    "orange",
    "knife",
    "stab",
    "head",
    "severed",
    "kill",
    "jew",
    "vermin",
    "scum",
    "cocaine",
    "emma",
    "watson",
    "n.u.d.e",
    "l33t",
    "n00d3",
    "edun",
    "bikini",
    "lingerie",
    "in",
    "on",
    "with",
    "12",
    "year",
    "old",
    "mujer",
    "desnuda",
    "frau",
    "nackte",
    "裸体",
    "женщина",
    "hate",
    "muslims",
    "pussy",
    "willow",
]
texts = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=9)
names = st.permutations(["prompt", "style", "caption", "detail"])


@settings(max_examples=60, deadline=None)
@given(texts, names, st.data())
def test_a_text_split_over_fields_gets_the_verdict_of_the_whole(
    learned_screen: PromptFilter, words: list[str], fields: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), min_size=3, max_size=3)))
    ends = [0, *cuts, len(words)]
    pieces = [" ".join(words[start:end]) for start, end in itertools.pairwise(ends)]
    whole = learned_screen.check({"prompt": " ".join(words)})
    spread = learned_screen.check(dict(zip(fields, pieces, strict=True)))
    assert (spread.ruling, spread.category, spread.rule, spread.score) == (
        whole.ruling,
        whole.category,
        whole.rule,
        whole.score,
    )


@settings(max_examples=30, deadline=None)
@given(texts, st.sampled_from(["style", "a modal's field", "preset", "file.txt"]))
def test_the_fields_name_changes_nothing(learned_screen: PromptFilter, words: list[str], name: str) -> None:
    text = " ".join(words)
    here, there = learned_screen.check({"prompt": text}), learned_screen.check({name: text})
    assert (here.ruling, here.category, here.score) == (there.ruling, there.category, there.score)


def test_a_word_cut_in_two_fields_is_still_read(learned_screen: PromptFilter) -> None:
    whole = learned_screen.check({"prompt": "a nu de woman"})
    assert learned_screen.check({"prompt": "a nu", "style": "de woman"}).ruling == whole.ruling


def test_the_verdict_says_in_which_fields_its_words_stand(learned_screen: PromptFilter) -> None:
    assert learned_screen.check({"prompt": "a fox", "style": "nude woman"}).field == "style"
    assert learned_screen.check({"prompt": "a severed", "style": "head"}).field == "prompt+style"
