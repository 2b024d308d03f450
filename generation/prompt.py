"""A prompt as people write it. One parser for the bot, its filter and the worker.

Words are weighed as in AUTOMATIC1111: `(word:1.3)`, `(word)` for 1.1, `[word]` for 1 / 1.1, nested ones multiplied; `\\(` is a
bracket of the text; `BREAK` begins a new chunk. Parts are weighed as in Midjourney, `fox::2 forest::1`, or joined by `AND`.

https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#attentionemphasis
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

MAX_PARTS = 8
"""Each part is one more row of the model's call."""

MAX_WORD_WEIGHT = 10.0
"""The limit of a word's weight, positive or negative, after nested brackets are multiplied. Pictures break far below it."""

BREAK = "BREAK"

_BRACKET = 1.1
"""The factor of a pair of brackets without a number."""

# A number directly before letters belongs to the word: "render::3d fox".
_CUT = re.compile(r"::(?:(-?(?:\d{1,4}(?:\.\d{0,4})?|\.\d{1,4}))(?=\s|$))?")
_AND = re.compile(r"\bAND\b")
_PART_WEIGHT = re.compile(r"\s*:\s*([+-]?(?:\d{1,4}(?:\.\d{0,4})?|\.\d{1,4}))\s*$")
"""The weight of a text beside `AND`: "a fox :1.2 AND a forest"."""
_BREAK = re.compile(rf"\b{BREAK}\b")
_SIGN = re.compile(
    r"\\([()\[\]\\])|(\\)|:\s*(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)|(?P<text>[^\\()\[\]:]+)|."
)
"""A bracket with its number, a bracket, an escaped bracket, or the text before the next of these."""


class WeightFault(StrEnum):
    RANGE = "range"  # a word's weight is beyond MAX_WORD_WEIGHT
    PARTS = "parts"  # there are more than MAX_PARTS parts
    SUM = "sum"  # the parts' weights add up to zero or less


@dataclass(eq=False)
class BadWeights(ValueError):
    """The weights in a prompt can't be used."""

    fault: WeightFault
    column: int  # of the first character that is at fault; the text's first is 1
    written: str  # the characters at fault

    def __str__(self) -> str:
        return f"At character {self.column}, {self.written}: {_SENTENCES[self.fault]}"


_SENTENCES = {
    WeightFault.RANGE: f"a word's weight is {-MAX_WORD_WEIGHT:g} to {MAX_WORD_WEIGHT:g}.",
    WeightFault.PARTS: f"a prompt has at most {MAX_PARTS} weighted parts.",
    WeightFault.SUM: "the weights of a prompt's parts must add up to more than 0.",
}


@dataclass(frozen=True, slots=True)
class WeightedWords:
    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PromptText:
    """A text without its notation. `str()` writes it with notation, so that it is parsed to an equal value."""

    blocks: tuple[tuple[WeightedWords, ...], ...] = ((),)  # `BREAK` stands between two

    @property
    def plain(self) -> str:
        """Returns the words alone, for a model that can't weigh them."""
        return " ".join(filter(None, ("".join(words.text for words in block) for block in self.blocks)))

    @property
    def has_weights(self) -> bool:
        return any(words.weight != 1 for block in self.blocks for words in block)

    def screened(self, is_read: Callable[[WeightedWords], bool] = lambda _: True) -> str:
        """Returns the words for a filter. Brackets mark where the weight changes inside a word, because models read both
        `n[u]de` and `(nude)girl`.
        """
        blocks = (
            "".join(
                words.text if words.weight == 1 else f"({words.text})" for words in block if is_read(words)
            )
            for block in self.blocks
        )
        return " ".join(filter(None, map(str.strip, blocks)))

    def __str__(self) -> str:
        return f" {BREAK} ".join("".join(map(_written, block)) for block in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    words: PromptText
    weight: float  # as written; 1 without a number
    share: float  # all shares add up to 1; below 0: the picture should have less of it

    @property
    def text(self) -> str:
        return self.words.plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    text: str  # as the member wrote it, with notation
    negative: str = ""  # the same; it has no parts

    @property
    def parts(self) -> tuple[PromptPart, ...]:
        """Returns the text cut at every `::weight` and `AND`. A weight applies to the text before it; without a number it is 1.
        Raises BadWeights.
        """
        return parts_of(self.text)

    @property
    def negative_words(self) -> PromptText:
        """Raises BadWeights."""
        return words_of(self.negative)

    @property
    def asked(self) -> str:
        """Returns the text of all that the picture may show, for a filter. What weighs less than nothing inside the negative
        prompt, or inside a part that does, belongs to it: a model draws it.
        """
        parts = [
            part.words.screened() if part.share >= 0 else part.words.screened(_is_below)
            for part in self._drawn
        ]
        return " ".join(filter(None, [*parts, self._drawn_negative.screened(_is_below)]))

    @property
    def left_out(self) -> str:
        """Returns the text of all that the picture should not show, for a filter: `negative`, and the parts with a share below
        0.
        """
        less = [part.words.screened(_is_not_below) for part in self._drawn if part.share < 0]
        return ", ".join(filter(None, [self._drawn_negative.screened(_is_not_below), *less]))

    @property
    def unweighted(self) -> str:
        """Returns what `asked` does, without any notation: for models that weigh neither words nor parts."""
        return " ".join(part.text for part in self._drawn if part.share >= 0)

    @property
    def unweighted_negative(self) -> str:
        """Returns what `left_out` does, without any notation."""
        less = [part.text for part in self._drawn if part.share < 0]
        return ", ".join(filter(None, [self._drawn_negative.plain, *less]))

    @property
    def _drawn(self) -> tuple[PromptPart, ...]:
        """Returns `parts`, or the whole text as one part if its weights are invalid."""
        try:
            return self.parts
        except BadWeights:
            return (PromptPart(words=_as_written(self.text), weight=1.0, share=1.0),)

    @property
    def _drawn_negative(self) -> PromptText:
        try:
            return self.negative_words
        except BadWeights:
            return _as_written(self.negative)


class Notation(StrEnum):
    """A part of the notation that some models can't follow."""

    WEIGHTS = "weights"
    BREAKS = "breaks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a model reads a prompt. Numbers are the model's own tokens, without those that mark the start and the end."""

    tokens: int = 0  # of the prompt
    read: int = 0  # of these, the first that the model takes in
    negative_tokens: int = 0  # of the negative prompt; 0 if the model does not use it
    negative_read: int = 0
    ignored: tuple[Notation, ...] = ()  # in this prompt


# ---- parsing


def parts_of(text: str) -> tuple[PromptPart, ...]:
    """Raises BadWeights."""
    cuts = list(_cuts(text))
    parts: list[tuple[PromptText, float]] = []
    for start, end, weight, _ in cuts:
        words = words_of(text[start:end], start)
        if len(cuts) > 1 and not words.plain:
            continue
        if len(parts) == MAX_PARTS:
            first = text[start:end].strip()
            raise BadWeights(WeightFault.PARTS, text.index(first, start) + 1, first)
        parts.append((words, weight))
    total = sum(weight for _, weight in parts)
    if total <= 0:
        at, sign = next(
            (at, sign) for _, _, weight, (at, sign) in cuts if sign and (weight <= 0 or not parts)
        )
        raise BadWeights(WeightFault.SUM, at + 1, sign)
    return tuple(PromptPart(words=words, weight=weight, share=weight / total) for words, weight in parts)


def _cuts(text: str) -> Iterator[tuple[int, int, float, tuple[int, str]]]:
    """Yields the parts' texts: start, end, weight, and where the sign behind it stands."""
    ands = list(_AND.finditer(text))
    start = 0
    for joint in (*ands, None):
        end = joint.start() if joint else len(text)
        for cut in _CUT.finditer(text, start, end):
            yield start, cut.start(), float(cut[1] or 1), (cut.start(), cut[0])
            start = cut.end()
        if ands and (weight := _PART_WEIGHT.search(text, start, end)):
            sign = weight[0].strip()
            yield start, weight.start(), float(weight[1]), (text.index(sign, weight.start()), sign)
        else:
            yield start, end, 1.0, (end, joint[0] if joint else "")
        start = joint.end() if joint else end


def words_of(text: str, start: int = 0) -> PromptText:
    """Parses brackets and `BREAK`. A bracket that is closed but not opened is text; one that is not closed reaches to the end.
    `start`: what to add to the columns of errors. Raises BadWeights.
    """
    pieces = _pieces(text, start)
    blocks: list[list[_Piece]] = [[]]
    for piece in pieces:
        if piece.text is None:
            blocks.append([])
        else:
            blocks[-1].append(piece)
    return PromptText(tuple(_merged(block) for block in blocks))


@dataclass(slots=True)
class _Piece:
    text: str | None  # None: a break
    column: int
    weight: float = 1.0


def _pieces(text: str, start: int) -> list[_Piece]:
    pieces: list[_Piece] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}  # the number of pieces before each open bracket

    def close(bracket: str, factor: float) -> None:
        for piece in pieces[opened[bracket].pop() :]:
            piece.weight *= factor

    for sign in _SIGN.finditer(text):
        match sign[0]:
            case "(" | "[" as bracket:
                opened[bracket].append(len(pieces))
            case ")" if opened["("]:
                close("(", _BRACKET)
            case "]" if opened["["]:
                close("[", 1 / _BRACKET)
            case _ if sign["number"] and opened["("]:
                if not abs(weight := float(sign["number"])) <= MAX_WORD_WEIGHT:
                    column = start + sign.start("number") + 1
                    raise BadWeights(WeightFault.RANGE, column, sign["number"])
                close("(", weight)
            case _:
                pieces += _plain(sign, start)
    for bracket, factor in (("(", _BRACKET), ("[", 1 / _BRACKET)):
        while opened[bracket]:
            close(bracket, factor)
    for piece in pieces:
        if piece.text and not abs(piece.weight) <= MAX_WORD_WEIGHT:
            raise BadWeights(WeightFault.RANGE, piece.column, piece.text.strip())
    return pieces


def _plain(sign: re.Match[str], start: int) -> Iterator[_Piece]:
    """Yields the pieces of a text without brackets. A backslash before any other character than a bracket is left out."""
    column = start + sign.start() + 1
    if sign["text"] is None:
        yield _Piece(sign[1] or ("" if sign[2] else sign[0]), column)
        return
    end = 0
    for found in _BREAK.finditer(sign[0]):
        yield _Piece(sign[0][end : found.start()], column + end)
        yield _Piece(None, column + found.start())
        end = found.end()
    yield _Piece(sign[0][end:], column + end)


def _merged(pieces: Iterable[_Piece]) -> tuple[WeightedWords, ...]:
    """Joins neighbours of equal weight. Removes what is empty, and blanks at both ends."""
    merged: list[WeightedWords] = []
    for piece in pieces:
        text = (piece.text or "").lstrip() if not merged else piece.text or ""
        if merged and merged[-1].weight == piece.weight:
            merged[-1] = WeightedWords(merged[-1].text + text, piece.weight)
        elif text:
            merged.append(WeightedWords(text, piece.weight))
    while merged and not (text := merged[-1].text.rstrip()):
        merged.pop()
    if merged:
        merged[-1] = WeightedWords(merged[-1].text.rstrip(), merged[-1].weight)
    return tuple(merged)


def _as_written(text: str) -> PromptText:
    return PromptText(((WeightedWords(text),),))


def _is_below(words: WeightedWords) -> bool:
    return words.weight < 0


def _is_not_below(words: WeightedWords) -> bool:
    return words.weight >= 0


# ---- printing


def written(parts: Iterable[PromptPart]) -> str:
    """Returns a text that `parts_of` parses to equal parts."""
    parts = tuple(parts)
    if len(parts) == 1 and parts[0].weight == 1:
        return str(parts[0].words)
    return " ".join(f"{_before_colon(str(part.words))}::{_number(part.weight)}" for part in parts)


def _written(words: WeightedWords) -> str:
    text = re.sub(r"[()\[\]\\]", r"\\\g<0>", words.text)
    # A backslash vanishes, and what it cuts is no notation.
    text = re.sub(r"(?<=:)(?=:)", r"\\", text)
    text = _AND.sub(r"A\\ND", _BREAK.sub(r"B\\REAK", text))
    return text if words.weight == 1 else f"({_before_colon(text)}:{_number(words.weight)})"


def _before_colon(text: str) -> str:
    return f"{text}\\" if text.endswith(":") else text


def _number(value: float) -> str:
    return f"{Decimal(repr(value)):f}"
