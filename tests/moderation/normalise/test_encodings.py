"""Words in base64, hexadecimal, percent encoding, HTML encoding and emoji are decoded; text without a meaning stays unchanged."""

import hashlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.normalise.encodings import unencoded
from moderation.normalise.vocabulary import ordinary_words
from moderation.policy import presets
from moderation.prompts.filter import PromptFilter
from moderation.prompts.rules import Rules
from moderation.verdict import Category, Ruling


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": base64,
    "base64 without padding": lambda text: base64(text).rstrip("="),
    "base64 for addresses": lambda text: urlsafe_b64encode(text.encode()).decode(),
    "base64 twice": lambda text: base64(base64(text)),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, apart": lambda text: text.encode().hex(" "),
    "hexadecimal, as in code": lambda text: " ".join(f"0x{byte:02X}" for byte in text.encode()),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent of base64": lambda text: quote(base64(text), safe=""),
    "HTML": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(letter):x};" for letter in text),
}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("a nude woman", Category.NUDITY),
        ("hardcore porn", Category.SEXUAL),
        ("a child in lingerie", Category.MINORS),
        ("emma watson naked", Category.REAL_PERSON),
        ("голая женщина", Category.NUDITY),
    ],
)
def test_an_encoded_prompt_is_refused_as_the_plain_one(
    learned_screen: PromptFilter, name: str, text: str, category: Category
) -> None:
    for prompt in (ENCODINGS[name](text), f"oil painting of {ENCODINGS[name](text)} on a hill"):
        for fields in ({"prompt": prompt}, {"prompt": "a hill", "style": prompt}):
            verdict = learned_screen.check(fields)
            assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, category), prompt


@pytest.mark.parametrize("name", ENCODINGS)
def test_one_encoded_word_among_others_is_read_in_its_place(screen: PromptFilter, name: str) -> None:
    encode = ENCODINGS[name]
    assert screen.check({"prompt": f"a {encode('naked')} woman"}).ruling is Ruling.REFUSE
    assert screen.check({"prompt": f"a {encode('naked')} mole rat"}).ruling is Ruling.ALLOW
    beside = screen.check({"prompt": f"a child in {encode('lingerie')}"})
    assert (beside.ruling, beside.category) == (Ruling.REFUSE, Category.MINORS)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(ENCODINGS)),
    st.lists(
        st.sampled_from(
            ["nude", "woman", "fox", "knife", "severed", "head", "sexy", "bloody", "castle", "nazi", "with"]
        ),
        min_size=2,
        max_size=6,
    ),
)
def test_the_rules_say_the_same_about_an_encoded_text(
    screen: PromptFilter, name: str, said: list[str]
) -> None:
    text = " ".join(said)
    plain, encoded = screen.check({"prompt": text}), screen.check({"prompt": ENCODINGS[name](text)})
    assert (encoded.ruling, encoded.category, encoded.rule) == (plain.ruling, plain.category, plain.rule)


# ---- text that must not be decoded


def test_no_ordinary_word_is_taken_for_base64(rules: Rules) -> None:
    listed = ordinary_words()
    assert len(listed) > 10_000
    changed = [
        form
        for word in listed
        for form in (word, word.title(), word.upper())
        if unencoded(form, rules.vocabulary) != form
    ]
    assert changed == []


@settings(max_examples=400)
@given(st.binary(min_size=1, max_size=30))
def test_hashes_and_keys_stay_as_they_are(rules: Rules, seed: bytes) -> None:
    digest = hashlib.sha256(seed)
    for text in (
        digest.hexdigest(),
        digest.hexdigest()[:7],
        hashlib.md5(seed).hexdigest(),
        b64encode(digest.digest()).decode(),
        str(int(digest.hexdigest()[:8], 16)),
    ):
        assert unencoded(text, rules.vocabulary) == text


@pytest.mark.parametrize(
    "text",
    [
        "elephant password database",
        "a poster with the code 5f4dcc3b5aa765d61d8327deb882cf99",
        "version 363fbc5 on a screen",
        "a number plate 73 65 78 12",
        "an 0xCAFE sign, a #c0ffee sky and a #deadbeef wall",
        "SGVsbG8gd29ybGQ=",
        f"a banner that says {base64('hello world')}",
        "rgb 255 128 64, iso 400, f 1.8",
        "a fruit bowl 🍇🍌🍑🍎",
        "🍑🍒🍓",
        "a peach 🍑 and a banana 🍌",
        "ratatouille 🍆🍅🥕",
        "a dog in the rain 💦",
        "a thumb and a finger 👉",
    ],
)
def test_harmless_numbers_codes_and_fruit_are_not_even_flagged(
    learned_screen: PromptFilter, text: str
) -> None:
    assert learned_screen.check({"prompt": text}).ruling is Ruling.ALLOW


# ---- emoji


@pytest.mark.parametrize("text", ["🍆🍑", "🍑🍆", "🍆 💦", "a woman🍆👅", "🔞🍑", "two people 🔞💦", "👉👌"])
def test_two_emoji_that_mean_sex_together_are_refused(screen: PromptFilter, text: str) -> None:
    verdict = screen.check({"prompt": text})
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.SEXUAL)
    assert screen.check({"prompt": text}, policy=presets()["mature"]).ruling is Ruling.FLAG


@pytest.mark.parametrize("text", ["🔞", "an 🍆 and, on another table, a 🍑"])
def test_what_may_mean_it_is_flagged(screen: PromptFilter, text: str) -> None:
    assert screen.check({"prompt": text}).ruling is Ruling.FLAG


@pytest.mark.parametrize("text", ["👧🍆", "👦🏽🔞", "a schoolgirl🍆", "🔞 with a toddler"])
@pytest.mark.parametrize("policy", presets())
def test_beside_a_minor_one_of_them_is_enough_for_every_policy(
    screen: PromptFilter, text: str, policy: str
) -> None:
    verdict = screen.check({"prompt": text}, policy=presets()[policy])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.MINORS)


def test_an_emoji_inside_a_word_hides_neither(screen: PromptFilter) -> None:
    verdict = screen.check({"prompt": "a nu🍆de woman"})
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.NUDITY)
    assert "🍆" in verdict.normal_form
