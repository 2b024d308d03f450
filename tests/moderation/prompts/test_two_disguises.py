"""One word with two disguises at once. The techniques are written here; the filter does not know them."""

import itertools
from collections.abc import Callable

import pytest

from moderation.prompts.filter import PromptFilter
from moderation.verdict import Ruling

Technique = Callable[[str], str]
_LEET = str.maketrans("aeiost", "431057")
_CYRILLIC = str.maketrans("aeopcxk", "аеорсхк")


def _half(word: str, between: str) -> str:
    return word[: len(word) // 2] + between + word[len(word) // 2 :]


TECHNIQUES: dict[str, Technique] = {
    "leet": lambda word: word.translate(_LEET),
    "cyrillic": lambda word: word.translate(_CYRILLIC),
    "zero width": "\u200b".join,
    "spaced": " ".join,
    "dotted": ".".join,
    "hyphen": lambda word: _half(word, "-"),
    "cut": lambda word: _half(word, " "),
    "accents": lambda word: "".join(letter + "\u0301" for letter in word),
    "full width": lambda word: "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in word),
    "circled": lambda word: "".join(chr(0x24D0 + ord(letter) - 97) if "a" <= letter <= "z" else letter for letter in word),
    "stretched": lambda word: word[:2] + word[1] * 2 + word[2:],
    "reversed": lambda word: word[::-1],
    "swapped": lambda word: word[0] + word[2] + word[1] + word[3:],
    "masked": lambda word: word[0] + "*" + word[2:],
    "wrapped": lambda word: f"x{word}x",
    "capitals": lambda word: "".join(letter.upper() if at % 2 else letter for at, letter in enumerate(word)),
    "override": lambda word: f"\u202e{word[::-1]}\u202c",
}  # fmt: skip
WORDS = ("nude", "naked", "penis", "hentai", "cocaine", "genitals")
LEAST = 0.95  # share of the pairs that are refused, of those whose halves are


def test_two_disguises_of_one_word_hide_it_hardly_more_than_one(screen: PromptFilter) -> None:
    read: list[bool] = []
    passed: list[str] = []
    for word in WORDS:
        alone = {name for name, disguise in TECHNIQUES.items() if _is_refused(screen, disguise(word))}
        for first, second in itertools.permutations(sorted(alone), 2):
            both = TECHNIQUES[second](TECHNIQUES[first](word))
            if both not in (word, TECHNIQUES[first](word), TECHNIQUES[second](word)):
                read.append(_is_refused(screen, both))
                passed += [] if read[-1] else [f"{first} and {second}: {both}"]
    assert len(read) > 1_000
    assert sum(read) / len(read) >= LEAST, passed


def _is_refused(screen: PromptFilter, word: str) -> bool:
    return screen.check({"prompt": f"a {word} woman on a bed"}).ruling is Ruling.REFUSE


@pytest.mark.parametrize(
    "disguised",
    [
        "xedunx",
        "xnuuudex",
        "xnduex",
        "ed*n",
        "xn*dex",
        "eudn",
        "ndddue",
        "naa aked",
        "n u d 3",
        "nu d3",
        "nu-ed",
        "e d u n",
    ],
)
def test_two_disguises_of_a_kind_are_read(screen: PromptFilter, disguised: str) -> None:
    assert _is_refused(screen, disguised)


@pytest.mark.parametrize(
    "word", ["xerox", "xbox", "zigzag", "dune", "eden", "quiz", "edna", "norway", "taxes", "xanadu"]
)
def test_ordinary_words_are_no_disguise(screen: PromptFilter, word: str) -> None:
    assert screen.check({"prompt": f"a {word} on a table"}).ruling is Ruling.ALLOW


def test_words_before_an_override_stay_words(screen: PromptFilter) -> None:
    """What stands in front of the mark is drawn as it was typed."""
    assert screen.check({"prompt": "a nude\u202e woman on a bed"}).ruling is Ruling.REFUSE
