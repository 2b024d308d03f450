"""Captions in the training's form, and the open choices that each picture throws from its seed."""

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.studio.settings import BUNDLED_MODEL
from generation.captions.caption import Throw, described, throw
from generation.captions.grounds import GROUNDS, ground_of
from generation.captions.reading import read_prompt
from generation.captions.vocabulary import Vocabulary, vocabulary_of
from training.scenes.colours import BACKGROUNDS

few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**63 - 5)


def tables() -> Vocabulary:
    found = vocabulary_of(str(BUNDLED_MODEL))
    assert found is not None
    return found


def grid(text: str, seed: int, parent: str = "", *, is_fixed: bool = False) -> list[Throw]:
    reading = read_prompt(text, tables())
    return [throw(reading, tables(), seed + i, parent=parent, is_fixed=is_fixed) for i in range(4)]


def captions(text: str, seed: int = 0, parent: str = "") -> list[str]:
    return [each.caption for each in grid(text, seed, parent)]


@few
@given(seeds)
def test_an_open_ground_is_another_one_in_each_picture_of_a_grid(seed: int) -> None:
    drawn = captions("a panda", seed)
    assert len(set(drawn)) == 4
    assert all(each.startswith("a panda") for each in drawn)


@few
@given(seeds)
def test_both_sides_are_in_each_grid(seed: int) -> None:
    assert len({each.is_mirrored for each in grid("a panda", seed)}) == 2


@few
@given(seeds)
def test_a_picture_throws_the_same_when_it_is_drawn_alone(seed: int) -> None:
    reading = read_prompt("a panda", tables())
    assert grid("a panda", seed)[3] == throw(reading, tables(), seed + 3)


@few
@given(seeds)
def test_a_named_ground_is_kept(seed: int) -> None:
    assert set(captions("a panda on a blue background", seed)) == {"a panda on a blue background"}


@few
@given(seeds)
def test_a_thing_is_not_put_on_its_own_colour(seed: int) -> None:
    for text, colour in (("a red apple", "red"), ("a purple cat", "purple")):
        assert not any(f"on a {colour}" in each for each in captions(text, seed))


@few
@given(seeds)
def test_a_plain_ground_stands_for_a_scene(seed: int) -> None:
    assert set(captions("a fox in the snow", seed)) <= {"a fox on a light blue background", "a fox"}
    assert len(set(captions("a fox in the snow", seed))) == 2


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("fox and star on red", "a fox and a star"),
        ("a blue cat and a star", "a cat and a star"),
        ("a flat elephant on a pink background", "a flat elephant on a pink background"),
        ("a tiny mouse on a white background", "a mouse"),
        ("night", "a moon"),
    ],
)
def test_a_caption_has_the_form_of_the_training(text: str, caption: str) -> None:
    assert captions(text)[0].startswith(caption)


@few
@given(seeds)
def test_a_model_that_draws_scenes_gets_their_words(seed: int) -> None:
    able = replace(tables(), has_backdrops=True)
    snow = [throw(read_prompt("a fox in the snow", able), able, seed + i).caption for i in range(4)]
    assert len(set(snow)) == 4
    assert {each.replace("a fox", "{}") for each in snow} <= set(able.scenes["snow"].phrases)
    assert throw(read_prompt("snow", able), able, seed).caption in able.scenes["snow"].alone
    thrown = [throw(read_prompt("a panda", able), able, seed + i).caption for i in range(4)]
    assert len(set(thrown)) == 4
    assert sum("background" in each for each in thrown) >= 1


def test_every_second_variation_keeps_the_ground_of_its_picture() -> None:
    drawn = captions("a panda", 0, parent="brown")
    assert [each.endswith("brown background") for each in drawn] == [True, False, True, False]


def test_nothing_is_thrown_where_parts_of_the_picture_stay() -> None:
    drawn = grid("a panda", 7, "brown", is_fixed=True)
    assert set(drawn) == {Throw(caption="a panda on a brown background", is_mirrored=False)}


def test_what_all_pictures_share_is_described() -> None:
    reading = read_prompt("a fox in the snow on a pink background", tables())
    assert described(reading, tables()) == "a fox, snow, pink background"
    assert described(read_prompt("snow", tables()), tables()) == "a snowflake"


def test_the_grounds_are_those_of_the_training() -> None:
    assert BACKGROUNDS is GROUNDS  # no list of its own


@pytest.mark.parametrize("name", GROUNDS)
def test_the_ground_of_a_picture_is_found(name: str) -> None:
    picture = Image.new("RGB", (128, 128), GROUNDS[name])
    picture.paste((10, 200, 120), (30, 30, 128, 100))
    content = io.BytesIO()
    picture.save(content, "PNG")
    assert ground_of(content.getvalue()) == name


def test_a_colour_that_was_not_taught_is_no_ground() -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), (0, 255, 255)).save(content, "PNG")
    assert ground_of(content.getvalue()) == ""
