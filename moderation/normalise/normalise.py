"""Folds a text: combines several normalised views of a prompt to the words that it means.

Folding needs to know words (moderation/normalise/vocabulary.py). It changes letters only if that makes a known word from an
unknown one, so ordinary text stays unchanged. Knows no rules and gives no verdict.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from moderation.normalise.confusables import WILDCARD, plain, unspaced, visible
from moderation.normalise.encodings import unencoded
from moderation.normalise.markup import decoded, without_markup
from moderation.normalise.vocabulary import LEET_SYMBOLS, SMALL_WORDS, Vocabulary

BREAK = "."  # marks the end of a sentence, between words of scripts that write no spaces

# Three or more letters separated by blanks or punctuation. Four stars and more between two letters stand for letters.
_GAP = r"(?:[\W_]{1,3}|(?!\*+[^\W_])[\W_]{4,6})"
_SPELLED = re.compile(rf"(?<![^\W_])(?<![^\W_]['’])[^\W_](?:{_GAP}[^\W_]){{2,}}(?![^\W_])")
_LETTER = re.compile(r"[^\W_]")
_WIDE_GAP = re.compile(r"\s{2,}|\s*[,;/|]\s*")
_BLANKS = re.compile(r"\s+")
_MARKED_GAP = re.compile(r"\w[^\w\s]+\w")
_INNER = re.compile(r"[^\w" + re.escape(LEET_SYMBOLS + WILDCARD) + r"]+|_+")
_RUN = re.compile(r"(.)\1+")
_PART = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’`´]s?$")
_LISTING = frozenset(",;/|_:")  # separates words; other punctuation may be inside a word
_SENTENCE_ENDS = frozenset(".。,、，!?！？;；:：…")
_ENGLISH_SHARE = 0.4  # share of known words in a text that is needed before misspellings are corrected
_LONGEST_REMEMBERED = 40  # letters
_BESIDE_TURNED = 5  # words around reversed words that may be palindromes, or known in both directions
_FRAGMENTS = 4  # pieces that one word may be cut into
_FRAGMENT = (
    3  # letters of a piece, repeated ones counted once, where the word is disguised in another way too
)
_STRANGE_FRAGMENT = 5  # the same where none of the pieces is a word
_EDGE = "".join(chr(code) for code in range(33, 127) if not chr(code).isalnum()) + "“”‘’„«»…–—·•´¡¿。、"
_SOFT_EDGE = "".join(sign for sign in _EDGE if sign not in LEET_SYMBOLS)


@dataclass(frozen=True, slots=True)
class NormalForm:
    """A normalised prompt. `text` is canonical: words with single spaces. `views` are further readings that rules also check."""

    text: str
    views: tuple[str, ...] = ()


def words(text: str) -> list[str]:
    """Returns the words of canonical text. In a script without spaces, each letter is one word."""
    if text.isascii():
        return text.split()
    found: list[str] = []
    for chunk in text.split():
        if chunk.isascii() or not any(map(unspaced, chunk)):
            found.append(chunk)
            continue
        for is_unspaced, letters in groupby(chunk, key=unspaced):
            if is_unspaced:
                found.extend(letters)
            else:
                found.append("".join(letters))
    return found


def phrase(text: str) -> tuple[str, ...]:
    """Folds a rule's word or phrase like a text, but without corrections."""
    return tuple(words(" ".join(_parts(plain(visible(text))))))


def normal_form(text: str, vocabulary: Vocabulary) -> NormalForm:
    shown = visible(unencoded(decoded(text), vocabulary))
    folded = plain(without_markup(shown + _signs_apart(shown, vocabulary)))
    spelled = _SPELLED.sub(lambda run: _read_spelled(run[0], vocabulary), folded)
    raws = spelled.split()
    if _is_foreign(raws, vocabulary):
        vocabulary = vocabulary.certain
    chunks = [chunk for raw in raws for chunk in _read_once(raw, vocabulary)]
    tokens = _join_fragments([word for chunk in chunks for word in chunk.words], vocabulary)
    views: list[str] = []
    if any(chunk.apart for chunk in chunks):
        views.append(" ".join(word for chunk in chunks for word in chunk.apart or chunk.words))
    if around := list(_turned_parts(chunks)):
        parts = [[word for chunk in chunks[part] for word in chunk.words] for part in around]
        views.append(" ".join(word for part in parts for word in reversed(_join_fragments(part, vocabulary))))
    return NormalForm(" ".join(tokens), tuple(views))


def _turned_parts(chunks: list[_Chunk]) -> Iterator[slice]:
    """Yields the parts of the text in which several words close to each other are reversed. A single reversed word needs no
    second reading, because it has no order.
    """
    turned = [at for at, chunk in enumerate(chunks) if chunk.is_turned]
    first = 0
    for number, at in enumerate(turned):
        if number + 1 < len(turned) and turned[number + 1] - at <= _BESIDE_TURNED:
            continue
        if number > first:
            yield slice(max(0, turned[first] - _BESIDE_TURNED), at + 1 + _BESIDE_TURNED)
        first = number + 1


def _signs_apart(text: str, vocabulary: Vocabulary) -> str:
    """Returns the emoji that rules know and that are attached to other characters, as separate words to append to the text."""
    if text.isascii() or not any(
        sign in vocabulary.signs for chunk in text.split() if len(chunk) > 1 for sign in chunk
    ):
        return ""
    return "".join(f" {sign}" for sign in text if sign in vocabulary.signs)


@dataclass(frozen=True, slots=True)
class _Chunk:
    words: list[str]
    apart: list[str] | None = None  # the other reading of a word that punctuation cuts
    is_turned: bool = False  # read from right to left


def _is_foreign(raws: list[str], vocabulary: Vocabulary) -> bool:
    """Returns whether the text looks like another language. There, a corrected "misspelling" is usually just a foreign word."""
    bare = (raw if raw.isalpha() else _POSSESSIVE.sub("", raw.strip(_EDGE)) for raw in raws)
    plain_words = [word for word in bare if word.isalpha()]
    known = sum(word in vocabulary.english for word in plain_words)
    return len(plain_words) >= 4 and known < _ENGLISH_SHARE * len(plain_words)


def _read_spelled(run: str, vocabulary: Vocabulary) -> str:
    """Reads "n u d e" as one word, "a n u d e" as two; letters that spell no word stay separate."""
    whole = "".join(_LETTER.findall(run))
    if whole in vocabulary.watched:
        return whole  # "n  u d e": the gaps differ
    if whole[0] in "ai" and whole[1:] in vocabulary.watched:
        return f"{whole[0]} {whole[1:]}"
    read: list[str] = []
    for part in _spelled_parts(run):
        letters = "".join(_LETTER.findall(part))
        if len(letters) < 3 or letters.isdigit() or any(map(unspaced, letters)):
            read.append(part)
        elif letters[0] in "ai" and letters[1:] in vocabulary.watched:
            read.append(f"{letters[0]} {letters[1:]}")
        elif letters in vocabulary.known:
            read.append(letters)
        elif letters[0] in "ai" and (word := _watched_word(letters[1:], vocabulary)):
            read.append(f"{letters[0]} {word}")  # "a n u d 3": spelled, and disguised besides
        else:
            found = vocabulary.segmented(letters, spelled=True) or vocabulary.restored(letters)
            read.append(" ".join(found) if found else part)
    return " ".join(read)


def _spelled_parts(run: str) -> list[str]:
    """Cuts a run of single letters at its wider gaps: "a n.u.d.e", "n u d e  a r t"."""
    for gap in (_WIDE_GAP, _BLANKS):
        if gap is _BLANKS and not _MARKED_GAP.search(run):
            break
        parts = [part for part in gap.split(run) if part]
        if len(parts) > 1 and max(len(_LETTER.findall(part)) for part in parts) >= 3:
            return parts
    return [run]  # "n, u, d, e": the gaps are the disguise


def _read_once(raw: str, vocabulary: Vocabulary) -> Iterable[_Chunk]:
    """Calls `_read_chunk`, with a cache: members' texts use the same words again and again."""
    return _remembered(raw, vocabulary) if len(raw) <= _LONGEST_REMEMBERED else _read_chunk(raw, vocabulary)


@lru_cache(maxsize=20_000)
def _remembered(raw: str, vocabulary: Vocabulary) -> tuple[_Chunk, ...]:
    return tuple(_read_chunk(raw, vocabulary))


def _read_chunk(raw: str, vocabulary: Vocabulary) -> Iterator[_Chunk]:
    """Reads the characters between two blanks."""
    if raw in vocabulary.known:
        yield _Chunk([raw])
        return
    # A sign at the edge is a letter only if that makes a watched word: "$ex", "as$".
    if any(sign in LEET_SYMBOLS for sign in raw):
        signs = raw.strip(_SOFT_EDGE)
        if signs and (found := vocabulary.restored(signs)) and found[0] in vocabulary.watched:
            yield _Chunk(found)
            return
    core = _POSSESSIVE.sub("", raw.strip(_EDGE))
    if not core:
        return
    if core in vocabulary.known:
        yield _Chunk([core])
    elif not core.isascii() and any(map(unspaced, core)):
        yield _Chunk(_glued(core).split())
    elif not core.isascii() and any(unicodedata.category(sign)[0] == "M" for sign in core):
        yield _Chunk(_parts(core))
    elif len(parts := [part for part in _INNER.split(core) if part]) == 1:
        yield _restored(parts[0], vocabulary)
    else:
        yield from _read_parts(core, parts, vocabulary)


def _read_parts(core: str, parts: list[str], vocabulary: Vocabulary) -> Iterator[_Chunk]:
    joined = "".join(parts)
    is_list = any(sign in _LISTING for sign in core)
    if is_list and all(len(part) >= 3 and part in vocabulary.known for part in parts):
        yield from (_Chunk([part]) for part in parts)
    elif joined in vocabulary.known:
        has_watched = joined not in vocabulary.watched and any(part in vocabulary.watched for part in parts)
        yield _Chunk([joined], apart=parts if has_watched else None)
    elif any(part not in vocabulary.known for part in parts) and _watched_word(joined, vocabulary):
        yield _Chunk(vocabulary.restored(joined) or [joined])
    else:
        yield from (_restored(part, vocabulary) for part in parts)


def _watched_word(word: str, vocabulary: Vocabulary) -> str | None:
    """Returns the one watched word that a disguised word stands for."""
    found = vocabulary.restored(word)
    return found[0] if found is not None and len(found) == 1 and found[0] in vocabulary.watched else None


def _restored(word: str, vocabulary: Vocabulary) -> _Chunk:
    found = vocabulary.restored(word)
    if found is None:
        return _Chunk(_parts(word))
    return _Chunk(found, is_turned=len(word) > 3 and found == [word[::-1]])


def _join_fragments(tokens: list[str], vocabulary: Vocabulary) -> list[str]:
    """Joins neighbours that make a watched word ("po rn", "nu d e"), if not all of them are words themselves."""
    is_word = [
        token in SMALL_WORDS or (token in vocabulary.known and len(token) > 2) or token.isdigit()
        for token in tokens
    ]
    if all(is_word):
        return tokens
    strange = [len(tokens)] * len(tokens)  # for each place, the next token that is no word
    for at in reversed(range(len(tokens))):
        if not is_word[at]:
            strange[at] = at
        elif at + 1 < len(tokens):
            strange[at] = strange[at + 1]
    joined: list[str] = []
    at = 0
    while at < len(tokens):
        for end in range(min(at + _FRAGMENTS, len(tokens)), max(strange[at], at + 1), -1):
            word = "".join(tokens[at:end])
            if (
                len(word) >= 4
                and word not in vocabulary.watched
                and max(len(_RUN.sub(r"\1", token)) for token in tokens[at:end])
                <= (_FRAGMENT if any(is_word[at:end]) else _STRANGE_FRAGMENT)
            ):
                # "nu d3": cut, and disguised besides.
                word = _watched_word(word, vocabulary) or word
            if len(word) >= 4 and word in vocabulary.watched:
                joined.append(word)
                at = end
                break
        else:
            joined.append(tokens[at])
            at += 1
    return joined


def _glued(text: str) -> str:
    """Returns the letters of scripts without spaces. Removes punctuation, except the ends of sentences."""
    signs: list[str] = []
    for sign in text:
        if _is_letter(sign) or not sign.strip():
            signs.append(sign)
        elif sign in _SENTENCE_ENDS:
            signs.append(f" {BREAK} ")
    return "".join(signs)


def _parts(text: str) -> list[str]:
    """Returns runs of letters and digits. Vowel signs count as letters; `\\w` does not match them."""
    if text.isascii():
        return _PART.findall(text)
    return ["".join(run) for is_letter, run in groupby(text, key=_is_letter) if is_letter]


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or unicodedata.category(sign)[0] == "M"
