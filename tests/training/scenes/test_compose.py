"""Captions match their pictures, a seed gives the same scenes again, and held-out scenes are never composed."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from PIL import Image

from training import config, hold_out
from training.scenes import concepts
from training.scenes.colours import BACKGROUNDS, TINTS
from training.scenes.compose import Composer
from training.scenes.paint import Painter
from training.scenes.pictures import SIDE, Drawings
from training.scenes.scene import Mix, Scene
from training.scenes.wordings import WORDINGS

ALL = concepts.load()
EVERYTHING = Mix(
    tinted=0.2, small=0.1, pair=0.1, flat=0.2, white=0.4, backdrop=0.4, alone=0.05, common=3.0, usual=0.7
)
SINGLE = Mix(tinted=0, small=0, pair=0, flat=0, white=0, backdrop=0, alone=0, common=1.0, usual=1.0)
NAMES = concepts.drawings(ALL)


def drawings() -> Drawings:
    """Returns drawings: a red square for every solid one, a green one for every flat one."""
    shelves: list[dict[str, Image.Image]] = []
    for colour in ((200, 60, 40), (40, 200, 60)):
        drawing = Image.new("RGBA", (SIDE, SIDE), (*colour, 0))
        drawing.paste((*colour, 255), (SIDE // 4, SIDE // 4, 3 * SIDE // 4, 3 * SIDE // 4))
        shelves.append(dict.fromkeys(NAMES, drawing))
    return Drawings(*shelves)


def composer(seed: int, mix: Mix = EVERYTHING) -> Composer:
    return Composer(ALL, mix, seed, flat=NAMES)


def test_the_simplest_words_are_taught() -> None:
    words = set(itertools.chain.from_iterable(concept.words for concept in ALL))
    assert {"apple", "star", "house", "dog", "cat", "car", "tree"} <= words


def test_no_word_means_two_things() -> None:
    words = [word for concept in ALL for word in concept.words]
    assert len(words) == len(set(words))


def test_a_seed_draws_the_same_again() -> None:
    first, again = composer(7), composer(7)
    one_painter, other_painter = Painter(drawings(), 7), Painter(drawings(), 7)
    for _ in range(20):
        one, other = first.compose(), again.compose()
        assert one == other
        assert one_painter.paint(one).tobytes() == other_painter.paint(other).tobytes()


def test_a_named_background_is_behind_the_object() -> None:
    composed, painter = composer(1, SINGLE), Painter(drawings(), 1)
    for _ in range(40):
        scene = composed.compose()
        assert scene.background in scene.caption
        assert painter.paint(scene).getpixel((1, 1)) == BACKGROUNDS[scene.background]


@pytest.mark.parametrize("share", ["tinted", "small", "pair", "flat"])
def test_captions_say_what_is_shown(share: str) -> None:
    composed = composer(3, replace(SINGLE, **{share: 1.0}))
    words = {concept.name: concept.words for concept in ALL}
    for _ in range(100):
        scene = composed.compose()
        if share == "tinted":
            assert scene.tint in TINTS and scene.tint in scene.caption
        elif share == "small":
            assert any(word in scene.caption for word in ("small", "tiny", "little"))
        elif share == "pair":
            assert all(any(word in scene.caption for word in words[name]) for name in scene.concepts)
        else:
            assert scene.is_flat
            assert any(word in scene.caption for word in ("flat", "cartoon", "2d"))


def test_the_flat_style_is_painted_from_the_flat_drawings() -> None:
    scene = composer(3, replace(SINGLE, flat=1.0)).compose()
    red, green, _ = Painter(drawings(), 0).paint(replace(scene, background="black")).getpixel((64, 64))  # pyright: ignore[reportGeneralTypeIssues]
    assert green > red


def test_what_is_held_out_is_never_composed() -> None:
    composed = composer(5)
    scenes = [composed.compose() for _ in range(50)]
    held = {scene.key for scene in scenes}
    other = Composer(ALL, EVERYTHING, 5, flat=NAMES, without=held)
    assert held.isdisjoint(other.compose().key for _ in range(400))


def test_the_key_knows_what_is_shown_not_how_it_is_said() -> None:
    scene = composer(5).compose()
    assert scene.key == replace(scene, caption="other words").key
    assert scene.key != replace(scene, background="teal").key


def test_the_held_out_scenes_are_different_ones_of_what_is_taught() -> None:
    held: list[Scene] = hold_out.load()
    assert len(held) == len({scene.key for scene in held}) == len({scene.caption for scene in held})
    taught = {concept.name for concept in ALL}
    assert taught.issuperset(name for scene in held for name in scene.concepts)
    plain, before = hold_out.both(held)
    assert len(plain) == 200
    # The model learns the word from an object on white in its own colours.
    assert not [
        scene
        for scene in plain
        if scene.kind != "pair" and scene.tint is None and scene.background == "white"
    ]
    assert Counter(scene.background for scene in before) == dict.fromkeys(WORDINGS, hold_out.EACH)


def test_an_object_held_out_with_a_backdrop_is_in_front_of_it_in_no_words_size_colour_or_company() -> None:
    few = [concept for concept in ALL if concept.group == "common"][:4]
    kept, gone = few[0].name, few[1].name
    mix = Mix(
        tinted=0.2, small=0.2, pair=0.3, flat=0.2, white=0.4, backdrop=0.9, alone=0, common=1.0, usual=0.5
    )
    held = Scene(caption="", kind="single", concepts=(gone,), drawings=(), background="snow")
    composed = Composer(few, mix, 1, flat=NAMES, without=hold_out.apart([held]))
    scenes = [composed.compose() for _ in range(2000)]
    in_snow = {name for scene in scenes if scene.background == "snow" for name in scene.concepts}
    assert gone not in in_snow and kept in in_snow
    assert gone in {name for scene in scenes if scene.background == "night" for name in scene.concepts}


def test_each_backdrop_is_said_in_eight_wordings_at_least_and_none_is_said_of_two() -> None:
    for wording in WORDINGS.values():
        assert len(set(wording.around)) >= 8 and wording.alone
        assert all(phrase.count("{}") == 1 for phrase in wording.around)
    phrases = [phrase for wording in WORDINGS.values() for phrase in (*wording.around, *wording.alone)]
    assert len(phrases) == len(set(phrases))
    words = {word for concept in ALL for word in concept.words}
    assert words.isdisjoint(phrases) and words.isdisjoint(phrase.removeprefix("a ") for phrase in phrases)


def test_the_caption_names_the_backdrop_and_what_is_in_front_of_it() -> None:
    composed = composer(2, replace(EVERYTHING, backdrop=1.0, alone=0.2))
    words = {concept.name: concept.words for concept in ALL}
    kinds: set[str] = set()
    for _ in range(300):
        scene = composed.compose()
        wording = WORDINGS[scene.background]
        kinds.add(scene.kind)
        if scene.kind == "alone":
            assert not scene.concepts and scene.caption in wording.alone
            continue
        assert any(
            scene.caption.startswith(before) and scene.caption.endswith(behind)
            for before, behind in (phrase.split("{}") for phrase in wording.around)
        )
        if scene.tint is None:
            assert all(any(word in scene.caption for word in words[name]) for name in scene.concepts)
    assert kinds == {"single", "small", "pair", "alone"}


def test_at_least_four_in_ten_compositions_are_on_plain_grounds_and_some_of_them_pairs() -> None:
    composed = composer(4, config.load().mix)
    plain = [scene for scene in (composed.compose() for _ in range(2000)) if not scene.has_backdrop]
    assert len(plain) > 800
    assert len([scene for scene in plain if scene.kind == "pair"]) > 80
