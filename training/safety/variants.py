"""Variants of prompts: with words of style, with an opening, with a harmless neighbour, or shortened.

In the data the manner of writing reveals the label: harmful prompts never use tags, and harmless prompts rarely use whole
sentences. Each variant keeps its prompt's label, so that the manner of a source carries no information. Knows no model.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.safety.corpus import PHRASES, Example

_SEED = 7
_STYLES = Path(__file__).with_name("styles.txt")
# Maximum variants of a source; in other sources each prompt gets one.
_MOST = {
    "coprov2_train": 12_000,
    "coprov2_test": 3_000,
    "coco_captions": 2_500,
    "t2i_compbench": 2_000,
    "imagereward_diffusiondb": 1_500,
    "hatecheck": 1_200,
}
_NEIGHBOURS = frozenset(
    ["coco_captions", "t2i_compbench", "coprov2_train", "imagereward_diffusiondb", "partiprompts"]
)
_LONGEST_NEIGHBOUR = 25  # words
_ONLY_STYLES = 1200
STYLES = "styles"  # the source of style variants
# Share of variants for training the encoder. Sources in _ALWAYS_SHOWN are used completely, because they are small and distinct.
_SHOWN = 0.5
_ALWAYS_SHOWN = frozenset({"openai_moderation_1680", "xstest_v2", "i2p", "adversarial_nibbler"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    text: str
    is_unsafe: bool
    category: int  # index into CATEGORIES, -1 for safe ones
    source: str
    beside: str = ""  # the source of the neighbour

    def is_of(self, sources: frozenset[str]) -> bool:
        return self.source in sources or self.beside in sources


def variants(found: Sequence[Example]) -> list[Variant]:
    """Returns at most one variant of every English prompt. Every call returns the same variants."""
    return list(_Writer(found).all())


def shown(written: Sequence[Variant], left_out: frozenset[str], chance: random.Random) -> list[int]:
    """Returns the indices of the variants for training an encoder that must not see some sources."""
    return [
        at
        for at, variant in enumerate(written)
        if not variant.is_of(left_out) and (chance.random() < _SHOWN or variant.source in _ALWAYS_SHOWN)
    ]


class _Writer:
    def __init__(self, found: Sequence[Example]) -> None:
        self._chance = random.Random(_SEED)
        self._found = found
        self._styles, self._openings = _words_of_style()
        self._neighbours: dict[str, list[Example]] = {}
        for example in found:
            is_short = len(example.text.split()) <= _LONGEST_NEIGHBOUR
            if example.prompt and example.source in _NEIGHBOURS and not example.is_unsafe and is_short:
                self._neighbours.setdefault(example.source, []).append(example)

    def all(self) -> Iterator[Variant]:
        groups: dict[str, list[Example]] = {}
        for example in self._found:
            if example.prompt and example.language == "en" and example.source not in ("rules", "excepted"):
                groups.setdefault(example.source, []).append(example)
        for source, group in groups.items():
            for example in self._chance.sample(group, min(len(group), _MOST.get(source, len(group)))):
                if example.text and (variant := self._variant(example)):
                    yield variant
        for example in self._found:
            if example.source in PHRASES and example.text:
                yield self._in_place(example)
                yield self._in_place(example)
        for _ in range(_ONLY_STYLES):
            text = f"{self._chance.choice(self._openings)} {self._some_styles()}"
            yield Variant(text=text, is_unsafe=False, category=-1, source=STYLES)

    def _variant(self, example: Example) -> Variant | None:
        kind = self._chance.random()
        if kind < 0.45:
            text = f"{example.text} {self._some_styles()}"
            if self._chance.random() < 0.4:
                text = f"{self._chance.choice(self._openings)} {text}"
            return _as(example, text)
        if kind < 0.6:
            return _as(example, f"{self._chance.choice(self._openings)} {example.text}")
        if kind < 0.9:
            beside = self._chance.choice(list(self._neighbours))
            neighbour = self._chance.choice(self._neighbours[beside]).text
            is_first = self._chance.random() < 0.5
            text = f"{example.text} {neighbour}" if is_first else f"{neighbour} {example.text}"
            return _as(example, text, beside)
        words = example.text.split()
        if example.is_unsafe or len(words) < 4:
            return None
        kept = self._chance.randint(1, 4)
        start = self._chance.randrange(len(words) - kept + 1)
        return _as(example, " ".join(words[start : start + kept]))

    def _in_place(self, example: Example) -> Variant:
        text = example.text
        if self._chance.random() < 0.5:
            text = f"{text} {self._some_styles()}"
        if self._chance.random() < 0.5:
            text = f"{self._chance.choice(self._openings)} {text}"
        return _as(example, text)

    def _some_styles(self) -> str:
        return " ".join(self._chance.sample(self._styles, self._chance.randint(2, 9)))


def _as(example: Example, text: str, beside: str = "") -> Variant:
    return Variant(
        text=text,
        is_unsafe=example.is_unsafe,
        category=example.category,
        source=example.source,
        beside=beside,
    )


def _words_of_style() -> tuple[list[str], list[str]]:
    lines: Mapping[str, str] = dict(
        line.split(": ", 1)
        for line in _STYLES.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    return lines["styles"].split(";"), lines["openings"].split(";")
