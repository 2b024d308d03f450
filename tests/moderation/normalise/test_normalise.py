from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.normalise.normalise import normal_form, words
from moderation.prompts.rules import Rules, load_rules

DISGUISES = {
    "capitals": "a NUDE woman",
    "alternating case": "a nUdE woman",
    "leetspeak": "a nud3 w0m4n",
    "signs for letters": "a n*de woman",
    "full width": "a ｎｕｄｅ woman",
    "math letters": "a 𝓷𝓾𝓭𝓮 𝐰𝐨𝐦𝐚𝐧",
    "circled letters": "a ⓝⓤⓓⓔ woman",
    "negative squared letters": "a 🅽🆄🅳🅴 woman",
    "regional indicators": "a 🇳🇺🇩🇪 woman",
    "small capitals": "a ɴᴜᴅᴇ woman",
    "Cyrillic look-alikes": "a nudе wоmаn",
    "Greek look-alikes": "a νude woman",
    "Cherokee look-alikes": "a nuᎠᎬ woman",
    "look-alikes of Unicode's table": "a n𐓶dⴹ woman",
    "Greek capitals": "a ΝuᎠΕ woman",
    "a letter that no table holds": "a nꙨde woman",
    "zero-width characters": "a n\u200bu\u200cd\u200de woman",
    "soft hyphens": "a n\u00adu\u00adde woman",
    "Hangul fillers": "a n\u3164u\u3164d\u3164e woman",
    "diacritics": "a ñüdé woman",
    "zalgo": "a n̶͉̂u͊̾͠ḑ̶̲̆e̯̍͠ͅ woman",
    "enclosing marks": "a n⃝u⃝d⃝e⃝ woman",
    "tag characters in between": "a n\U000e0078ude woman",
    "right-to-left override": "a n\u202eedu\u202c woman",
    "spaced": "a n u d e woman",
    "spaced behind a possessive": "the a n u d e woman",
    "dotted": "a n.u.d.e woman",
    "dashed": "a n-u-d-e woman",
    "underscores": "a n_u_d_e woman",
    "commas": "a n, u, d, e woman",
    "fragments": "a nu de woman",
    "repeated letters": "a nuuudeee woman",
    "a doubled letter": "a nudde woman",
    "swapped letters": "a nued woman",
    "a vowel left out": "a nud woman",
    "wrapped": "a xxnudexx woman",
    "run together": "a nudewoman",
    "weights": "a (nude:1.3) woman",
    "many brackets": "a ((nude)) [woman]",
    "a word split over weights": "a (nu:1.1)(de:1.1) woman",
    "weights with colons": "a nude::2 woman",
    "a LoRA tag": "a <lora:nude_v1:0.8> woman",
    "a LoRA tag in camel case": "a <lora:NudeWomanXL:1>",
    "HTML tags": "a nu<b></b>de woman",
    "inside an HTML tag": "<a nude> woman",
    "inside an HTML comment": "a <!-- nude --> woman",
    "behind a LoRA tag's weight": "a <lora:fox:0.8:nude> woman",
    "bold": "a **nude** woman",
    "a spoiler": "a ||nude|| woman",
    "HTML entities": "a &#110;&#x75;de woman",
    "URL encoding": "a %6e%75%64%65 woman",
    "URL encoding, twice": "a %256e%2575%2564%2565 woman",
    "backslash escapes": r"a \u006e\x75de woman",
    "reversed": "a edun woman",
    "reversed and leetspeak": "a 3dun woman",
}


@pytest.mark.parametrize("prompt", DISGUISES.values(), ids=DISGUISES.keys())
def test_a_disguised_word_is_read_as_what_it_stands_for(rules: Rules, prompt: str) -> None:
    assert "nude" in normal_form(prompt, rules.vocabulary).text.split()


@pytest.mark.parametrize(
    "prompt",
    [
        "a glass of wine on the grass",
        "a classic car at the scunthorpe station",
        "the essex countryside near sussex",
        "a cocktail with shiitake and cumin",
        "a heron and an ogre",
        "therapists at the analyst",
        "peacocks and a woodpecker",
        "35mm film 4k 8k hdr 1920x1080 f1.8",
        "by lana and the hancock family",
        "the a55 road in the 80s",
    ],
)
def test_ordinary_text_stays_as_it_is(rules: Rules, prompt: str) -> None:
    read = normal_form(prompt, rules.vocabulary).text
    assert read.split() == prompt.replace("1.8", "1 8").split()


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("Обнажённая женщина на пляже", "обнаженная женщина на пляже"),
        ("мальчик и йога", "мальчик и йога"),
        ("裸体的女人", "裸体的女人"),
        ("がっこう、ヌード", "がっこう . ヌード"),
        ("벌거벗은 여자", "벌거벗은 여자"),
        ("ein nacktes Mädchen", "ein nacktes madchen"),
        ("फूल और पानी", "फूल और पानी"),
        ("ดอกไม้สีแดง", "ดอกไม้สีแดง"),
    ],
)
def test_other_languages_keep_their_own_script(rules: Rules, prompt: str, read: str) -> None:
    assert normal_form(prompt, rules.vocabulary).text == read


def test_letters_of_scripts_without_spaces_are_words_of_their_own() -> None:
    assert words("a 裸体 model") == ["a", "裸", "体", "model"]


def test_a_sentence_end_parts_letters_that_would_make_a_word(rules: Rules) -> None:
    assert "." in words(normal_form("个性。交流", rules.vocabulary).text)


def test_a_prompt_turned_around_is_also_read_from_its_end(rules: Rules) -> None:
    form = normal_form("elbat a no daeh dereves", rules.vocabulary)
    assert form.views == ("severed head no a table",)


def test_of_a_long_prompt_only_the_part_turned_around_is_read_from_its_end(rules: Rules) -> None:
    around = "a quiet lake with mountains and soft morning light over the water"
    form = normal_form(f"{around} elbat a no daeh dereves {around}", rules.vocabulary)
    (view,) = form.views
    assert "severed head no a table" in view
    assert len(view.split()) < len(form.text.split()) - 10


def test_a_word_cut_by_a_hyphen_is_also_read_apart(rules: Rules) -> None:
    form = normal_form("the-rapists", rules.vocabulary)
    assert form.text == "therapists"
    assert form.views == ("the rapists",)


def test_letters_that_spell_nothing_stay_apart(rules: Rules) -> None:
    assert normal_form("vitamins B C D K", rules.vocabulary).text == "vitamins b c d k"


SHIPPED = load_rules().vocabulary


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text_at_all_can_be_folded(text: str) -> None:
    form = normal_form(text, SHIPPED)
    assert form.text == " ".join(form.text.split())


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(sorted(word for word in SHIPPED.harmless if word.isalpha())), min_size=1, max_size=8
    )
)
def test_folding_leaves_ordinary_words_alone_and_folding_again_changes_nothing(chosen: list[str]) -> None:
    once = normal_form(" ".join(word for word in chosen if len(word) > 2), SHIPPED).text
    assert once.split() == [word for word in chosen if len(word) > 2]
    assert normal_form(once, SHIPPED).text == once


CUT: dict[str, Callable[[str], str]] = {
    "spaced": " ".join,
    "dotted": ".".join,
    "dashed": "-".join,
    "in two": lambda word: f"{word[:2]} {word[2:]}",
    "by a hyphen": lambda word: f"{word[:2]}-{word[2:]}",
}
CHANGED: dict[str, Callable[[str], str]] = {
    "leetspeak": lambda word: word.replace("e", "3"),
    "reversed": lambda word: word[::-1],
    "swapped letters": lambda word: f"{word[:2]}{word[3]}{word[2]}{word[4:]}",
}


MARKED: dict[str, Callable[[str], str]] = {
    "bold in part": lambda word: f"{word[:2]}**{word[2:]}**",
    "starred": "*".join,
}
STRETCHED: dict[str, Callable[[str], str]] = {
    "doubled": lambda word: word[0] + "".join(letter * 2 for letter in word[1:]),
    "stretched": lambda word: word + word[-1] * 4,
    "reversed": lambda word: word[::-1],
}


@pytest.mark.parametrize(
    "text",
    [
        *(marked(changed("nude")) for marked in MARKED.values() for changed in STRETCHED.values()),
        *(STRETCHED[name]("edun") for name in ("doubled", "stretched")),
        "n u * * d e",
        "n.u.*.*.d.e",
        "n_u_*_*_d_e",
        "n u   d e",
        "n. u.d.e",
        "nu uddee",
        "nu ddeeeee",
    ],
)
def test_what_is_disguised_twice_is_read(rules: Rules, text: str) -> None:
    assert "nude" in normal_form(f"a picture of a {text} woman outside", rules.vocabulary).text.split()


def test_stars_stay_letters_of_the_word_that_they_mask(rules: Rules) -> None:
    read = normal_form("what a f*****s answer", rules.vocabulary).text.split()
    assert (len(read), read[1], read[3]) == (4, "a", "answer")


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED.keys())
@pytest.mark.parametrize("word", ["nude", "naked"])
def test_a_word_that_is_changed_and_then_cut_is_read(
    rules: Rules, word: str, cut: Callable[[str], str], changed: Callable[[str], str]
) -> None:
    text = f"a picture of a {cut(changed(word))} woman outside"
    assert word in normal_form(text, rules.vocabulary).text.split()
