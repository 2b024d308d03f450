"""Handles single characters: invisible ones, styled ones, and ones that only look like Latin letters. Knows no words."""

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from anyascii import anyascii

WILDCARD = "*"  # an unreadable letter

# Letters of other scripts, by the Latin letter with the same shape. It often has another sound: Cyrillic "р" is an r and looks
# like a p. Upper case is listed if its shape differs from the lower case.
_SHAPES = {
    "a": "аαɑᎪᗅꓮΑ⍺ձ",
    "b": "ЬвβΒᏴᏼƅᗷꓐбьъ",
    "c": "сϲᏟꓚⲥҫↄᑕ¢",
    "d": "ԁᎠᗞꓓძժɗᑯ",
    "e": "еΕεєҽᎬꓰⲉэɛ℮ë",
    "f": "ϝꓝᖴғքϜ",
    "g": "ԍցᏀꓖɡ",
    "h": "һΗнᎻꓧհիЋћђ",
    "i": "іιїᎥꓲⲓɩ",
    "j": "јᎫꓙϳյ",
    "k": "кκᏦꓗⲕқҝҡ",
    "l": "ӏᏞꓡןⳑլᒪ",
    "m": "мᎷꓟⲙᗰΜ",
    "n": "пηոռꓠⲛиղΝП",
    "o": "оοσօꓳⲟסဝ০〇ᎾѳөơΟ",
    "p": "рρᏢꓑⲣᑭ",
    "q": "ԛգզϙ",
    "r": "гᏒꓣᖇᎡяѓґᴦ",
    "s": "ѕᏚᏕꓢՏֆϟ",
    "t": "тτᎢꓔⲧҭ",
    "u": "υսꓴцᑌµμ",
    "v": "νѵᏙꓦᐯ",
    "w": "ѡԝωᎳꓪшщա",
    "x": "хχꓫⲭжҳ᙭Χ",
    "y": "уγүᎩꓬყӯўчΥ",
    "z": "ζᏃꓜзΖ",
}
_MORE_SHAPES = dict(
    line.split(" ", 1)
    for line in Path(__file__).with_name("look_alikes.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
_LATIN_SHAPE = {
    ord(shape): letter
    for table in (_MORE_SHAPES, _SHAPES)
    for letter, shapes in table.items()
    for shape in shapes + shapes.casefold()
}
# Greek capitals that look like another letter than their lower case, which is what folded text keeps of them.
_CAPITAL_SHAPE = {ord(small): letter for small, letter in zip("νημυγ", "nhmyr", strict=True)}
_CYRILLIC_SHAPE = str.maketrans("aebcehkmoptxy03", "аевсенкмортхуоз")

_OVERRIDE = re.compile("\u202e([^\u202c\n]*)\u202c?")
_FLAG_OF_REGION = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_BLANK_LETTERS = str.maketrans(dict.fromkeys("\u115f\u1160\u3164\uffa0\u2800", " "))
# Squared, negative and parenthesised letters and regional indicators: NFKC does not change them, or writes "(a)".
_ENCLOSED = {
    first + offset: chr(ord("a") + offset)
    for first in (0x249C, 0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6)
    for offset in range(26)
}
_DIACRITICS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_ARABIC_MARKS = re.compile("[\u0640\u064b-\u065f\u0670]")
_LETTERS = re.compile(r"[^\W\d_]+")


def visible(text: str) -> str:
    """Returns the text as a reader sees it: styled letters become plain ones, invisible characters are removed, and text with a
    direction override is reversed.

    Text hidden in tag characters is appended as separate words. So is text with a direction override, in its stored order. Case
    and accents stay.
    """
    if text.isascii():
        return text
    text = _FLAG_OF_REGION.sub(" ", text)
    hidden = ["".join(chr(ord(tag) - 0xE0000) for tag in run) for run in _TAGS.findall(text)]
    text = _TAGS.sub("", text)
    text = " ".join([_OVERRIDE.sub(_turned_span, text), *_OVERRIDE.findall(text)])
    text = text.translate(_BLANK_LETTERS).translate(_ENCLOSED)
    text = unicodedata.normalize("NFKC", "".join(map(_shown, text)))
    return " ".join([text, *hidden])


def _turned_span(span: re.Match[str]) -> str:
    """Returns the span from right to left. A blank at its edge ends the word beside it."""
    said = span[1]
    return " " * said[:1].isspace() + said[::-1] + " " * said[-1:].isspace()


def plain(text: str) -> str:
    """Returns lower case without accents on Latin and Greek letters. Marks that other scripts need to be readable stay."""
    if text.isascii():
        return text.lower()
    # U+0345 is a mark that case folding would turn into a letter.
    text = unicodedata.normalize("NFD", text).replace("\u0345", "").casefold()
    text = unicodedata.normalize("NFD", _ARABIC_MARKS.sub("", text))
    kept: list[str] = []
    is_bare = False
    for letter in text:
        if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me"):
            if not is_bare:
                kept.append(letter)
        else:
            is_latin = letter.isascii() or _is_latin(letter)
            is_bare = is_latin or _is_greek(letter)
            kept.append(_ascii(letter) if is_latin else letter)
    # Composing first keeps й and が whole; the marks that are left after that are decoration.
    return _DIACRITICS.sub("", unicodedata.normalize("NFC", "".join(kept))).replace("ё", "е")


def unmixed(text: str) -> list[str]:
    """Returns possible readings of one word in folded text that mixes scripts, best first. Empty if the word has one script.

    A foreign letter that is not in the table becomes a WILDCARD.
    """
    letters = "".join(_LETTERS.findall(text))
    if letters.isascii() or not letters:
        return []
    latin = sum(map(str.isascii, letters))
    looks_latin = text.translate(_LATIN_SHAPE)
    as_capitals = text.translate(_CAPITAL_SHAPE).translate(_LATIN_SHAPE)
    if looks_latin.isascii() and not latin:
        return list(dict.fromkeys((looks_latin, as_capitals)))
    if not latin or any(unspaced(letter) for letter in letters):
        return []
    masked = "".join(x if x.isascii() else WILDCARD for x in text)
    shaped = "".join(x if x.isascii() else WILDCARD for x in looks_latin)
    capitals = "".join(x if x.isascii() else WILDCARD for x in as_capitals)
    readings = [shaped, capitals, text.translate(_CYRILLIC_SHAPE), anyascii(text).lower(), masked]
    return list(dict.fromkeys(reading for reading in readings if reading != text))


def in_cyrillic(text: str) -> str:
    """Reads zeros and threes in a Cyrillic word as the letters that they look like."""
    return text.translate(_CYRILLIC_SHAPE)


@lru_cache(maxsize=4096)
def unspaced(letter: str) -> bool:
    """Returns whether the letter's script writes words without spaces (or, in Korean, attaches particles to words)."""
    code = ord(letter)
    return (
        0x0E00 <= code <= 0x0EFF  # Thai, Lao
        or 0x1000 <= code <= 0x109F  # Burmese
        or 0x1780 <= code <= 0x17FF  # Khmer
        or 0x3005 <= code <= 0x30FF  # kana
        or 0x3400 <= code <= 0x9FFF  # Han
        or 0xAC00 <= code <= 0xD7AF  # Hangul syllables
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    )


@lru_cache(maxsize=4096)
def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Cf", "Cs", "Co", "Cn") or letter in "\u034f\u180e" or "\ufe00" <= letter <= "\ufe0f":
        return ""
    if category == "Nd":
        return str(unicodedata.digit(letter))
    return " " if category in ("Cc", "Zs", "Zl", "Zp") else letter


@lru_cache(maxsize=4096)
def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(("LATIN", "MODIFIER LETTER SMALL"))


def _is_greek(letter: str) -> bool:
    return "\u0370" <= letter <= "\u03ff"


@lru_cache(maxsize=4096)
def _ascii(letter: str) -> str:
    if letter.isascii():
        return letter
    return _LATIN_SHAPE.get(ord(letter)) or anyascii(letter).lower()
