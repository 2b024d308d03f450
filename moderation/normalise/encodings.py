"""Decodes words written in base64 or hexadecimal, in their place. A run that decodes to no words stays unchanged."""

import re
from base64 import b64decode
from collections.abc import Callable

from moderation.normalise.markup import decoded
from moderation.normalise.vocabulary import Vocabulary

_BASE64 = re.compile(r"(?<![\w+/=])[A-Za-z0-9+/_-]{4,1400}={0,2}(?![\w+/=])")
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9A-Fa-f]{2}){3,700}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])(?:(?:0x)?[0-9A-Fa-f]{2}[\s:,-]{1,2}){2,700}(?:0x)?[0-9A-Fa-f]{2}(?![0-9A-Za-z])"
)
_HEX_NOISE = re.compile(r"0x|[^0-9A-Fa-f]")
_URL_SAFE = str.maketrans("-_", "+/")
_WORD = re.compile(r"[^\W\d_]+")
_SPELLED_OUT = re.compile(r"[\w \n.,;:!?'\"()+*@$-]+")
_ROUNDS = 2  # base64 of base64
_LAST_LATIN = 0x24F
_LEAST = 6  # letters that always count as words; fewer count only if a rule watches for them
_LETTERS = 0.8  # minimum share of letters among the non-blank characters


def unencoded(text: str, vocabulary: Vocabulary, rounds: int = _ROUNDS) -> str:
    """Returns `text` with encoded words decoded. `text` must have its original case, because base64 depends on it."""
    text = _HEX.sub(lambda run: _read(run[0], _from_hex, vocabulary, rounds), text)
    return _BASE64.sub(lambda run: _read(run[0], _from_base64, vocabulary, rounds), text)


def _read(run: str, decode: Callable[[str], bytes], vocabulary: Vocabulary, rounds: int) -> str:
    if run.lower() in vocabulary.known:
        return run
    try:
        said = decoded(decode(run).decode()).strip()
    except ValueError:
        return run
    # Tries the inner decoding first, because base64 also consists of letters.
    if rounds > 1 and said.isascii() and (inner := unencoded(said, vocabulary, rounds - 1)) != said:
        return inner
    return f" {said} " if _says_something(said, vocabulary) else run


def _says_something(said: str, vocabulary: Vocabulary) -> bool:
    found = [word.lower() for word in _WORD.findall(said)]
    letters = "".join(found)
    if not _SPELLED_OUT.fullmatch(said) or len(letters) < _LETTERS * len("".join(said.split())):
        return False
    if any(word in vocabulary.watched or word in vocabulary.exact for word in found):
        return True
    # Random bytes can also decode to letters, but then from several scripts.
    is_of_one_script = letters.isascii() or len({letter.isascii() for letter in letters}) == 1
    return len(letters) >= _LEAST and (is_of_one_script or max(map(ord, letters)) <= _LAST_LATIN)


def _from_base64(run: str) -> bytes:
    digits = run.translate(_URL_SAFE).rstrip("=")
    return b64decode(digits + "=" * (-len(digits) % 4), validate=True)


def _from_hex(run: str) -> bytes:
    return bytes.fromhex(_HEX_NOISE.sub("", run))
