"""Completions of a prompt that is being typed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.studio.settings import BUNDLED_MODEL
from generation.captions.completion import completions, openings
from generation.captions.reading import read_prompt
from generation.captions.vocabulary import Vocabulary, vocabulary_of


def tables() -> Vocabulary:
    found = vocabulary_of(str(BUNDLED_MODEL))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("typed", "language", "first"),
    [
        ("a f", "en", "a fox"),
        ("A Fo", "en", "A Fox"),
        ("ice ", "en", "ice cream"),
        ("a fox and a cas", "en", "a fox and a castle"),
        ("a fox  in the sn", "en", "a fox  in the snow"),
        ("(pengu", "en", "(penguin"),
        ("un ren", "fr", "un renard"),
        ("ein fuchs im m", "de", "ein fuchs im meer"),
        ("un owl", "fr", None),
        ("ein raccoo", "de", "ein raccoon"),
        ("лис", "ru", "лиса"),
        ("赤いき", "ja", "赤いきつね"),
        ("여", "ko", "여우"),
        ("a fo", "pl", "a fox"),
        ("a fox", "en", None),
        ("きつね", "ja", None),
        ("a flam", "en", "a flamingo"),
        ("qwertz", "en", None),
        (" ,!", "en", None),
    ],
)
def test_the_last_phrase_is_completed(typed: str, language: str, first: str | None) -> None:
    assert next(iter(completions(typed, tables(), language)), None) == first


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("aefoxicns \u0301Ａ狐きつ여ثع,(-—"), max_size=12),
    st.sampled_from(["en", "ja", "ar", "xx"]),
)
def test_what_was_typed_stays_as_it_is(typed: str, language: str) -> None:
    for text in completions(typed, tables(), language):
        assert text.startswith(typed)
        assert len(text) > len(typed)


def test_every_well_drawn_concept_is_offered_by_its_first_letters() -> None:
    for concept in tables().well_drawn:
        begun = concept.word[:3] if len(concept.word) > 3 else concept.word[:2]
        assert f"a {concept.word}" in completions(f"a {begun}", tables(), "en")


@pytest.mark.parametrize("language", [*tables().languages, "pl"])
def test_openings_are_read_as_what_the_model_draws_well(language: str) -> None:
    found = openings(tables(), language)
    assert len(found) >= 12
    well_drawn = {concept.name for concept in tables().well_drawn}
    for text in found:
        assert {thing.concept for thing in read_prompt(text, tables()).things} <= well_drawn, text
