"""The tables of words are built from names, keywords and our own phrases; no phrase of a language means two things."""

import tomllib

from generation.captions.spelling import phrase_of
from training.scenes.backdrops import BACKDROPS
from training.scenes.concepts import Concept
from training.scenes.wordings import WORDINGS
from training.words import PHRASES, SCENES, Cldr, name_table, tables


def concept(name: str, *pictures: str, words: tuple[str, ...] = (), group: str = "other") -> Concept:
    return Concept(name=name, pictures=pictures, words=words or (name,), colour=None, group=group)


HEART = concept("heart", "red heart", group="common")
BROKEN = concept("broken heart", "broken heart")
BLUE = concept("blue heart", "blue heart")
PINK = concept("pink heart", "pink heart")
PEAR = concept("pear", "pear")
TAUGHT = [HEART, BROKEN, BLUE, PINK, PEAR]
EMOJI = {
    "heart": ("❤",),
    "broken heart": ("💔",),
    "blue heart": ("💙",),
    "pink heart": ("🩷",),
    "pear": ("🍐",),
}
SPANISH = Cldr(
    {"❤": "corazón rojo", "💔": "corazón roto", "💙": "corazón azul", "🩷": "corazón rosa", "🍐": "pera"},
    dict.fromkeys("❤💔💙🩷", ("corazón", "emoción")) | {"🍐": ("fruta", "pera")},
)


def test_names_keywords_and_our_own_words_find_their_concept() -> None:
    names, associations = name_table(TAUGHT, EMOJI, SPANISH, {"corazoncito": "heart", "kiwi": "kiwi"}, "es")
    assert names["corazón roto"] == 1
    assert names["corazón"] == 0  # of four hearts, newcomers mean this one
    assert names["corazoncito"] == 0
    assert "kiwi" not in names  # no such concept here
    assert associations["fruta"] == 4
    assert "emoción" not in associations  # of four concepts, none has it in its name


def test_our_own_word_does_not_take_the_name_of_another_concept() -> None:
    names, _ = name_table(TAUGHT, EMOJI, SPANISH, {"pera": "heart"}, "es")
    assert names["pera"] == 4


def test_every_language_words_every_scene_and_no_word_twice() -> None:
    documents = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    assert len(documents) == 11
    for language, rows in documents.items():
        assert rows["scenes"].keys() == SCENES.keys() == WORDINGS.keys() == set(BACKDROPS), language
        for kind in ("scenes", "colours", "names"):
            phrases = [phrase_of(each) for text in rows[kind].values() for each in text.split("|")]
            doubled = sorted({each for each in phrases if phrases.count(each) > 1})
            assert doubled == [], (language, kind)


def test_an_emoji_without_a_drawing_is_a_near_concept_only_by_its_name() -> None:
    english = Cldr(
        {
            "❤": "red heart",
            "💔": "broken heart",
            "💙": "blue heart",
            "🩷": "pink heart",
            "🍐": "pear",
            "🏩": "love hotel",
        },
        {"🏩": ("hotel", "love")},
    )
    documents = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    stands = [concept(stand[-1], "pear") for _, stand in SCENES.values()]
    drawn = {"red heart": "❤", "broken heart": "💔", "blue heart": "💙", "pink heart": "🩷", "pear": "🍐"}
    made = tables([*TAUGHT, *stands], drawn, {"en": documents["en"]}, {"en": english})
    assert made["emoji"]["💔"] == 1
    assert "🏩" not in made["emoji"]
