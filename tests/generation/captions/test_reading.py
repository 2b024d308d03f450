"""Prompts as people type them, read with the shipped tables."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.studio.settings import BUNDLED_MODEL
from generation.captions.reading import Reading, Thing, read_prompt
from generation.captions.vocabulary import Vocabulary, vocabulary_of
from training.scenes import concepts

EMOJI = "🍕🐱🐶🦊🐻🐼🐨🐯🦁🐸🐵🐔🐧🦉🦄🐝🐙🐳🐬🦈🌵🎄🍎🍌🍓🍔🍩🎂☕🏰🚗🚀🎸👑💎🎃👻🤖❤🌈"


@pytest.fixture(scope="module")
def tables() -> Vocabulary:
    found = vocabulary_of(str(BUNDLED_MODEL))
    assert found is not None
    return found


def read(text: str, tables: Vocabulary) -> Reading:
    return read_prompt(text, tables)


@pytest.mark.slow
def test_every_name_of_a_known_concept_finds_it_in_eleven_languages(tables: Vocabulary) -> None:
    """A word that names one thing in one language and another thing in another finds either."""
    assert len(tables.languages) == 11
    lost: list[str] = []
    shared = total = 0
    for language, words in tables.languages.items():
        for name, number in words.names.items():
            total += 1
            found = {thing.concept for thing in read(name, tables).things}
            if tables.concepts[number].name in found:
                continue
            numbers = {other.names[name] for other in tables.languages.values() if name in other.names}
            shared += 1
            if not {tables.concepts[each].name for each in numbers} & found:
                lost.append(f"{language}: {name} -> {found}")
    assert lost == []
    assert total > 5000
    assert shared < 0.01 * total


def test_every_phrase_of_a_language_means_one_thing(tables: Vocabulary) -> None:
    for words in tables.languages.values():
        for table in (words.names, words.associations):
            assert all(0 <= number < len(tables.concepts) for number in table.values())
        assert not words.names.keys() & words.associations.keys()
        assert set(words.scenes.values()) <= tables.scenes.keys()
    assert {concept.name for concept in tables.concepts} >= {
        words.stand_in for words in tables.scenes.values()
    }


def test_the_tables_know_what_the_model_was_taught(tables: Vocabulary) -> None:
    """models/bundled/words/concepts.toml is the shipped model's own list. The next training has a longer one."""
    taught = concepts.load(BUNDLED_MODEL / "words" / "concepts.toml")
    assert [concept.name for concept in tables.concepts] == [concept.name for concept in taught]
    assert [concept.word for concept in tables.concepts] == [concept.words[0] for concept in taught]


def test_forty_emoji_find_their_things(tables: Vocabulary) -> None:
    assert len(EMOJI) == 40
    known = [emoji for emoji in EMOJI if read(emoji, tables).things]
    assert len(known) == 40


@pytest.mark.parametrize(
    ("text", "things", "scene"),
    [
        ("a fox in the snow", ["fox"], "snow"),
        ("🦊❄️", ["fox"], "snow"),
        ("🐙 under the sea", ["octopus"], "sea"),
        ("a cat and a rocket", ["cat", "rocket"], ""),
        ("cats", ["cat"], ""),
        ("wolves in the forest", ["wolf"], "forest"),
        ("sunset over mountains", ["mountain"], "sunset"),
        ("a city", ["city"], ""),
        ("a robot in a city", ["robot"], "city"),
        ("a red apple 👑", ["apple", "crown"], ""),
        ("un renard dans la neige", ["fox"], "snow"),
        ("ein Hund im Schnee", ["dog"], "snow"),
        ("corazón", ["heart"], ""),
        ("قلب", ["heart"], ""),
        ("القطة في الثلج", ["cat"], "snow"),
        ("夜の城", ["castle"], "night"),
        ("宇宙のロケット", ["rocket"], "space"),
        ("лошади", ["horse"], ""),
        ("太空中的熊猫", ["panda"], "space"),
        ("눈 속의 여우", ["fox"], "snow"),
        ("Christmas", ["christmas tree"], ""),
        ("8k masterpiece portrait of a woman, trending on artstation", ["woman"], ""),
        ("night", [], "night"),
    ],
)
def test_a_prompt_is_read(text: str, things: list[str], scene: str, tables: Vocabulary) -> None:
    reading = read(text, tables)
    assert [thing.concept for thing in reading.things] == things
    assert reading.scene == scene
    assert reading.is_known


@pytest.mark.parametrize(
    "text",
    [
        "Harry Potter",
        "a samurai",
        "Pikachu eating pizza",
        "a lighthouse at night",
        "beautiful",
        "侍",
        "",
        "blue",
        "👍",
        "star wars",
        "qwertz",
    ],
)
def test_what_has_no_word_is_not_known(text: str, tables: Vocabulary) -> None:
    assert not read(text, tables).is_known


@pytest.mark.parametrize(
    ("text", "thing", "ground"),
    [
        ("a blue cat", Thing("cat", "blue"), ""),
        ("un gato azul", Thing("cat", "blue"), ""),
        ("a red apple", Thing("apple"), ""),  # its own colour
        ("a gray cat", Thing("cat"), ""),  # the model was not taught to paint things gray
        ("a cat on a blue background", Thing("cat"), "blue"),
        ("a cat on a green ground", Thing("cat"), "green"),
        ("a blue cat on white", Thing("cat", "blue"), "white"),
        ("a cat on red, flat", Thing("cat"), "red"),
        ("eine Katze auf blau", Thing("cat"), "blue"),
        ("a cat in blue", Thing("cat"), ""),
        ("青い背景の猫", Thing("cat"), "blue"),
        ("un cheval blanc sur fond bleu", Thing("horse", "white"), "blue"),
        ("an orange", Thing("orange"), ""),
        ("an orange cat", Thing("cat", "orange"), ""),
        ("a girl with blue hair", Thing("girl"), ""),
        ("ein schwarzer Wolf", Thing("wolf", "black"), ""),
    ],
)
def test_a_colour_belongs_to_a_thing_or_the_ground(
    text: str, thing: Thing, ground: str, tables: Vocabulary
) -> None:
    reading = read(text, tables)
    assert reading.things == (thing,)
    assert reading.ground == ground


def test_a_style_and_a_size_are_read(tables: Vocabulary) -> None:
    assert read("flat vector elephant", tables).is_flat
    assert read("a tiny mouse", tables).is_small


def test_words_beside_a_known_thing_are_told(tables: Vocabulary) -> None:
    reading = read("a steampunk owl", tables)
    assert reading.is_known
    assert reading.unknown == ("steampunk",)


def test_an_association_counts_only_without_a_name(tables: Vocabulary) -> None:
    assert [thing.concept for thing in read("a king", tables).things] == ["crown"]
    assert [thing.concept for thing in read("a king and a cat", tables).things] == ["cat"]


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60) | st.text("猫犬の青cat 🦊❄️️اال,'-", max_size=30))
def test_any_prompt_is_read_without_an_error(text: str) -> None:
    tables = vocabulary_of(str(BUNDLED_MODEL))
    assert tables is not None
    assert len(read(text, tables).things) <= 2


def test_a_folder_without_tables_has_none(tmp_path: Path) -> None:
    assert vocabulary_of(str(tmp_path)) is None


def test_a_folder_that_praises_a_concept_it_lacks_is_broken(tmp_path: Path) -> None:
    words = tmp_path / "words"
    shutil.copytree(BUNDLED_MODEL / "words", words)
    switch = (words / "words.toml").read_text("utf-8").replace('"alien", ', '"samurai", ')
    (words / "words.toml").write_text(switch, "utf-8")
    with pytest.raises(ValueError, match="samurai"):
        vocabulary_of(str(tmp_path))
