"""Remixes at their default, drawn with the bundled model: what the words change does change, and the rest stays."""

import pytest
from PIL import Image, ImageDraw

from benchmarks.first_prompts.__main__ import ENTRY
from benchmarks.remixes import CASES, Look, Remixed, figures, galleries, overlap, remixed, seen
from bot.studio.orders.variations import Change, remix_strength
from db import JobAction


def ball(left: int, colour: str, ground: str) -> Image.Image:
    picture = Image.new("RGB", (128, 128), ground)
    ImageDraw.Draw(picture).ellipse((left, 40, left + 48, 88), fill=colour)
    return picture


def test_a_pose_is_the_same_place_whatever_the_colours() -> None:
    assert overlap(ball(40, "red", "white"), ball(40, "blue", "yellow")) > 0.98
    assert overlap(ball(10, "red", "white"), ball(70, "red", "white")) == 0


def test_the_colour_of_a_thing_is_not_that_of_its_ground() -> None:
    assert seen(ball(40, "#3c78dc", "#fad646")) == Look(ground="yellow", tint="blue")
    assert seen(ball(40, "#969696", "white")).tint == ""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_remix_at_its_default_obeys_and_keeps_the_rest() -> None:
    wanted = {"a yellow butterfly": "colour", "a fox on a green ground": "ground"}
    parents = galleries(wanted)
    assert {words for cases in CASES.values() for _, words in cases} >= wanted.keys()
    made = remixed(parents, remix_strength(ENTRY, Change.MUCH), JobAction.REMIX)
    assert {each.words: each.kind for each in made} == wanted
    found = figures(made, seen)
    assert found["colour obeyed"] == found["ground obeyed"] == 1
    assert found["the rest kept"] >= 0.9
    assert all(isinstance(each, Remixed) and len(each.pictures) == 4 for each in made)
