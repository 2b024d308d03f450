"""Reads a free prompt with a model's tables: its things, colours, scene and style. No model, no random numbers.

Text and emoji are read together, from left to right, and the longest phrase wins. Each language reads the whole prompt; the one
that knows most of its letters is taken. Associations count only in a prompt without a name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from generation.captions.spelling import WORD, bare_emoji, normalised
from generation.captions.vocabulary import LanguageWords, Vocabulary

MOST_THINGS: Final = 2
"""The model was taught no more."""
_LONGEST: Final = 10  # words of a phrase
_LONGEST_SIGNS: Final = 20  # of a phrase without spaces
_AFTER: Final = frozenset({"fr", "es", "it", "pt", "ar"})
"""Languages whose colours follow the noun."""
_UNSPACED: Final = frozenset({"ja", "zh"})
_LATE: Final = frozenset({"ja", "zh", "ko"})
"""Languages whose prepositions follow the noun."""
_ON: Final = frozenset({"on", "against", "auf", "vor", "sur", "su", "sobre", "em", "na", "на"})
"""Prepositions that make a ground of a colour behind them, if no noun follows."""
_SCRIPTS: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (re.compile("[\u3040-\u30ff]"), ("ja",)),
    (re.compile("[\u4e00-\u9fff]"), ("ja", "zh")),
    (re.compile("[\uac00-\ud7af]"), ("ko",)),
    (re.compile("[\u0600-\u06ff]"), ("ar",)),
    (re.compile("[\u0400-\u04ff]"), ("ru",)),
    (re.compile("[a-z\u00df-\u024f]"), ("en", "fr", "de", "es", "it", "pt")),
)
HAN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_TINTS: Final = frozenset({"red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white"})
"""Colours in which the model was taught to repaint things."""

Kind = Literal[
    "name", "scene", "either", "colour", "ground", "flat", "small", "relation", "function", "break", "unknown"
]


@dataclass(frozen=True, slots=True)
class Thing:
    concept: str
    tint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a prompt asks for, in the tables' words."""

    things: tuple[Thing, ...] = ()
    scene: str = ""
    ground: str = ""  # a colour
    is_flat: bool = False
    is_small: bool = False
    unknown: tuple[str, ...] = ()  # words of the member that no table has, the subject's first
    is_cut: bool = False  # it names more things than the model draws together, or a colour for one of two
    is_subject_known: bool = True  # False: what it is about has no name here, although another part has

    @property
    def is_known(self) -> bool:
        return bool(self.things or self.scene) and self.is_subject_known


@dataclass(slots=True)
class _Piece:
    kind: Kind
    text: str
    concept: int = -1
    value: str = ""  # of a scene or colour
    weight: float = 1.0  # how sure it is


@dataclass(slots=True)
class _Parse:
    language: str
    pieces: list[_Piece] = field(default_factory=list[_Piece])

    @property
    def score(self) -> float:
        """Returns the share of letters that the language knows. English has a small lead; between equals, a name and long phrases
        win.
        """
        words = [piece for piece in self.pieces if piece.kind != "break"]
        known = sum(
            len(piece.text) * piece.weight for piece in words if piece.kind != "unknown" or piece.value
        )
        share = known / max(1, sum(len(piece.text) for piece in words))
        return share + 0.06 * (self.language == "en") + 0.01 * _names(words) - 0.002 * len(words)


def read_prompt(text: str, vocabulary: Vocabulary) -> Reading:
    tokens = _tokens(text, vocabulary)
    letters = "".join(token for token in tokens if WORD.fullmatch(token))
    languages = _languages(letters)
    parses = [_parse(tokens, language, vocabulary, is_loose=False) for language in languages]
    best = max(parses, key=lambda parse: parse.score)
    if best.language != "en" and any(piece.kind == "unknown" for piece in best.pieces):
        best = max(
            best, _parse(tokens, best.language, vocabulary, is_loose=True), key=lambda parse: parse.score
        )
    elif not _names(best.pieces) and len(languages) > 1:
        loose = [
            _parse(tokens, language, vocabulary, is_loose=True) for language in languages if language != "en"
        ]
        found = [parse for parse in loose if _names(parse.pieces) and parse.score > best.score]
        best = max(found, key=lambda parse: parse.score, default=best)
    if not _names(best.pieces):
        best = _associated(best, parses, vocabulary)
    return _understood(best, vocabulary)


def _languages(letters: str) -> list[str]:
    found = [language for script, those in _SCRIPTS if script.search(letters) for language in those]
    return list(dict.fromkeys([*found, "en"]))


def _tokens(text: str, vocabulary: Vocabulary) -> list[str]:
    """Cuts the prompt into words, emoji and breaks ("," for all signs between phrases)."""
    text = bare_emoji(normalised(text))
    tokens: list[str] = []
    place = 0
    while place < len(text):
        if word := WORD.match(text, place):
            tokens.append(word[0])
            place = word.end()
            continue
        for length in range(vocabulary.longest_emoji, 0, -1):
            if (
                emoji := text[place : place + length]
            ) in vocabulary.emoji or emoji in vocabulary.emoji_scenes:
                tokens.append(emoji)
                place += len(emoji)
                break
        else:
            sign = text[place]
            if sign in ",.;:|!?\n()[]{}、。，؛،":
                tokens.append(",")
            elif sign > "\u2190" and sign != "\u200d":
                tokens.append(sign)  # an emoji that no table has
            place += 1
    return tokens


# ---- one language


def _parse(tokens: Sequence[str], language: str, vocabulary: Vocabulary, *, is_loose: bool) -> _Parse:
    words = vocabulary.languages[language]
    parse = _Parse(language)
    if language in _UNSPACED:
        tokens = [part for token in tokens for part in _cut(token, words)]
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if not WORD.fullmatch(token):
            parse.pieces.append(_sign(token, vocabulary))
            place += 1
            continue
        end = place
        while end < len(tokens) and end - place < _LONGEST and WORD.fullmatch(tokens[end]):
            end += 1
        for stop in range(end, place, -1):
            phrase = " ".join(tokens[place:stop])
            if piece := _piece(
                phrase,
                language,
                vocabulary,
                is_loose=is_loose and stop == place + 1,
                is_whole=stop - place == len(tokens),
            ):
                parse.pieces.append(piece)
                place = stop
                break
        else:
            parse.pieces.append(_Piece("unknown", token))
            place += 1
    return parse


def _sign(token: str, vocabulary: Vocabulary) -> _Piece:
    if token == ",":
        return _Piece("break", token)
    number, scene = vocabulary.emoji.get(token), vocabulary.emoji_scenes.get(token, "")
    if number is None:
        return _Piece("scene" if scene else "unknown", token, value=scene)
    return _Piece("either" if scene else "name", token, number, scene)


def _piece(
    phrase: str, language: str, vocabulary: Vocabulary, *, is_loose: bool, is_whole: bool
) -> _Piece | None:
    words = vocabulary.languages[language]
    if is_whole and (number := words.names.get(phrase)) is not None:
        # As a whole prompt, the Spanish word for "above" means an envelope.
        return _Piece("name", phrase, number)
    if phrase in words.unknown:
        return _Piece("unknown", phrase, value="a proper name")
    if piece := _exact(phrase, words):
        return piece
    for form in _forms(phrase, language, words):
        if piece := _exact(form, words):
            return _Piece(piece.kind, phrase, piece.concept, piece.value, 0.9)
    if phrase.isdecimal():
        return _Piece("function", phrase)
    if (
        language != "en"
        and " " not in phrase
        and (number := vocabulary.languages["en"].names.get(phrase)) is not None
    ):
        return _Piece("name", phrase, number, weight=0.8)
    if is_loose and (name := _same_stem(phrase, vocabulary.stems[language])):
        return _Piece("name", phrase, words.names[name], weight=0.7)
    return None


def _exact(phrase: str, words: LanguageWords) -> _Piece | None:
    is_spoken = any(
        phrase in those for those in (words.functions, words.relations, words.grounds, words.small)
    )
    number = None if is_spoken else words.names.get(phrase)
    scene = words.scenes.get(phrase, "")
    if phrase in words.colours and (number is None or not scene):
        # Orange is a colour and a fruit: its place decides.
        return _Piece("colour", phrase, -1 if number is None else number, words.colours[phrase])
    if number is not None:
        return _Piece("either" if scene else "name", phrase, number, scene)
    if scene:
        return _Piece("scene", phrase, value=scene)
    kinds: tuple[tuple[Kind, frozenset[str]], ...] = (
        ("ground", words.grounds),
        ("flat", words.flat),
        ("small", words.small),
        ("relation", words.relations),
        ("function", words.functions),
    )
    for kind, those in kinds:
        if phrase in those:
            return _Piece(kind, phrase, weight=1.0 if kind in ("ground", "flat") else 0.8)
    return None


def _forms(phrase: str, language: str, words: LanguageWords) -> Iterable[str]:
    """Yields other forms of the last word: plurals in English; elsewhere without its usual endings and beginnings."""
    if language == "en":
        if len(phrase) > 3 and phrase.endswith("s") and not phrase.endswith("ss"):
            yield phrase[:-1]
            if phrase.endswith("es"):
                yield phrase[:-2]
            if phrase.endswith("ies"):
                yield f"{phrase[:-3]}y"
            if phrase.endswith("ves"):
                yield f"{phrase[:-3]}f"
        return
    for beginning in words.beginnings:
        if phrase.startswith(beginning) and len(phrase) >= len(beginning) + 2:
            yield phrase[len(beginning) :]
            for ending in words.endings:
                if phrase.endswith(ending):
                    yield phrase[len(beginning) : -len(ending)]
    shortest = 1 if language == "ko" else 3
    for ending in words.endings:
        if phrase.endswith(ending) and len(phrase) >= len(ending) + shortest:
            yield phrase[: -len(ending)]
        if language != "ko":
            yield phrase + ending


def _same_stem(word: str, stems: Mapping[str, tuple[str, ...]]) -> str:
    """Returns a name with the same beginning whose ending differs by one letter, or by two in a longer word."""
    if len(word) < 4:
        return ""
    best, longest = "", 0
    for name in stems.get(word[:3], ()):
        same = next(
            (i for i, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name))
        )
        if max(len(word), len(name)) - same <= (1 if len(word) < 5 else 2) and same > longest:
            best, longest = name, same
    return best


def _cut(token: str, words: LanguageWords) -> list[str]:
    """Cuts a text without spaces into the longest known phrases; unknown signs stay together."""
    if not HAN.search(token):
        return [token]
    tables = (
        words.names,
        words.scenes,
        words.colours,
        words.grounds,
        words.flat,
        words.small,
        words.functions,
        words.relations,
        words.unknown,
    )
    parts: list[str] = []
    is_open = False
    place = 0
    while place < len(token):
        for stop in range(min(len(token), place + _LONGEST_SIGNS), place, -1):
            if any(token[place:stop] in table for table in tables):
                parts.append(token[place:stop])
                place, is_open = stop, False
                break
        else:
            if is_open:
                parts[-1] += token[place]
            else:
                parts.append(token[place])
            place, is_open = place + 1, True
    return parts


def _names(pieces: Iterable[_Piece]) -> bool:
    return any(piece.kind in ("name", "either", "scene") or piece.concept >= 0 for piece in pieces)


def _associated(best: _Parse, parses: Sequence[_Parse], vocabulary: Vocabulary) -> _Parse:
    """Takes the first language in which an unknown word suggests a concept, of those that know about as much as the best."""
    for parse in (best, *(parse for parse in parses if parse.score >= best.score)):
        table = vocabulary.languages[parse.language].associations
        for piece in parse.pieces:
            if piece.kind == "unknown" and (number := table.get(piece.text)) is not None:
                piece.kind, piece.concept = "name", number
                return parse
    return best


# ---- meaning


def _understood(parse: _Parse, vocabulary: Vocabulary) -> Reading:
    _decide_scenes(parse, vocabulary.languages[parse.language])
    pieces = parse.pieces
    things: list[Thing] = []
    unknown: list[str] = []
    scene = ground = pending = ""
    before_relation: list[_Piece] = []
    is_flat = is_small = False
    was_relation = False
    last_at = -9  # index of the piece that named the last thing
    for index, piece in enumerate(pieces):
        was_relation = was_relation or piece.kind == "relation"
        if not was_relation:
            before_relation.append(piece)
        after = next((each for each in pieces[index + 1 :] if each.kind not in ("function", "small")), None)
        match piece.kind:
            case "name":
                things.append(_tinted(vocabulary, piece.concept, pending))
                pending, last_at = "", index
            case "colour":
                is_before = (
                    after is not None and after.kind in ("name", "colour") and parse.language not in _AFTER
                )
                is_near_ground = (
                    (after is not None and after.kind == "ground")
                    or _is_ground_before(pieces, index)
                    or _is_laid_on(pieces, index)
                )
                if is_near_ground:
                    ground = piece.value
                elif parse.language in _AFTER and last_at == index - 1 and things and not things[-1].tint:
                    things[-1] = _tinted_anew(vocabulary, things[-1], piece.value)
                    last_at = index
                elif piece.concept >= 0 and not is_before and after is None:
                    things.append(_tinted(vocabulary, piece.concept, pending))
                    pending, last_at = "", index
                else:
                    pending = piece.value
            case "scene":
                if not scene or scene == "dark":
                    scene = piece.value
            case "flat":
                is_flat = True
            case "small":
                is_small = True
            case "unknown":
                unknown.append(piece.text)
                pending = "" if after is None or after.kind != "name" else pending
            case "break":
                pending = ""
            case _:
                pass
    kept = tuple(dict.fromkeys(things))
    return Reading(
        things=kept[:MOST_THINGS],
        scene=scene,
        ground=ground,
        is_flat=is_flat,
        is_small=is_small,
        unknown=tuple(dict.fromkeys(unknown)),
        is_cut=len(kept) > MOST_THINGS or (len(kept) > 1 and any(thing.tint for thing in kept)),
        is_subject_known=not unknown or (bool(things) and not _lacks_subject(before_relation, pieces)),
    )


def _decide_scenes(parse: _Parse, words: LanguageWords) -> None:
    """Decides what is a thing and a scene at once ("city"): a scene beside another thing, if a preposition says so."""
    pieces = parse.pieces
    for index, piece in enumerate(pieces):
        if piece.kind != "either":
            continue
        others = [each for each in pieces if each is not piece and each.kind == "name"]
        before = next(
            (each for each in reversed(pieces[:index]) if each.kind not in ("function", "colour", "small")),
            None,
        )
        near = pieces[index - 1] if index else None
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        is_behind = any(each is not None and each.text in words.places for each in (before, near))
        is_ahead = after is not None and after.text in ("over", "with", "behind")
        is_sign = not WORD.fullmatch(piece.text.replace(" ", ""))
        is_placed = is_behind or is_ahead or is_sign or parse.language in _LATE
        piece.kind = "scene" if others and is_placed else "name"


def _lacks_subject(before: Sequence[_Piece], pieces: Sequence[_Piece]) -> bool:
    """Returns whether unknown words, and no thing, stand before the first relation, as in "a samurai with a sword"."""
    has_relation = len(before) < len(pieces)
    kinds = [piece.kind for piece in before]
    return has_relation and "unknown" in kinds and "name" not in kinds and "colour" not in kinds[-1:]


def _is_ground_before(pieces: Sequence[_Piece], index: int) -> bool:
    return any(piece.kind == "ground" for piece in pieces[max(0, index - 1) : index])


def _is_laid_on(pieces: Sequence[_Piece], index: int) -> bool:
    """Returns whether a colour is the ground by its preposition, as in "a fox on white"."""
    after = pieces[index + 1] if index + 1 < len(pieces) else None
    return (
        index > 0 and pieces[index - 1].text in _ON and (after is None or after.kind in ("break", "relation"))
    )


def _tinted(vocabulary: Vocabulary, number: int, colour: str) -> Thing:
    return _tinted_anew(vocabulary, Thing(vocabulary.concepts[number].name), colour)


def _tinted_anew(vocabulary: Vocabulary, thing: Thing, colour: str) -> Thing:
    """Repaints a thing, unless it has that colour, or the model was not taught the colour."""
    known = colour.removeprefix("light ").removeprefix("dark ")
    concept = vocabulary.by_name[thing.concept]
    is_own = known in (concept.colour, *concept.word.split())
    return thing if is_own or known not in _TINTS else Thing(thing.concept, known)
