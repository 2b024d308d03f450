"""A prompt, and the weighted parts that it may be made of: `fox::2 forest::1`, as Midjourney writes them."""

import re
from dataclasses import dataclass

MAX_PARTS = 8
"""Each is one more row of the model's call."""

# A number that runs into a word is the word's: "render::3d fox".
_CUT = re.compile(r"::(?:(-?(?:\d{1,4}(?:\.\d{0,4})?|\.\d{1,4}))(?=\s|$))?")


class BadWeights(ValueError):
    """Weights that add up to nothing, or more than MAX_PARTS parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    text: str
    share: float  # 1 in all; below 0 for what the picture should have less of


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    text: str  # as it was written, weights and all
    negative: str = ""

    @property
    def parts(self) -> tuple[PromptPart, ...]:
        """The text cut at every `::weight`, which weighs what stands before it; 1 where no number follows. Raises BadWeights."""
        if "::" not in self.text:
            return (PromptPart(text=self.text, share=1.0),)
        # Text, weight, text, weight, ..., text without a weight.
        pieces = [*_CUT.split(self.text), None]
        pairs = [
            (text.strip(), float(weight or 1))
            for text, weight in zip(pieces[::2], pieces[1::2], strict=True)
            if text and text.strip()
        ]
        total = sum(weight for _, weight in pairs)
        if total <= 0 or len(pairs) > MAX_PARTS:
            raise BadWeights
        return tuple(PromptPart(text=text, share=weight / total) for text, weight in pairs)

    @property
    def asked(self) -> str:
        """All that the picture shall show: what is not left out."""
        return " ".join(part.text for part in self._drawn if part.share >= 0)

    @property
    def left_out(self) -> str:
        """All that it shall not show: `negative`, and the parts with a share below 0."""
        less = [part.text for part in self._drawn if part.share < 0]
        return ", ".join(filter(None, [self.negative, *less]))

    @property
    def _drawn(self) -> tuple[PromptPart, ...]:
        """`parts`, or the whole text where its weights are of no use."""
        try:
            return self.parts
        except BadWeights:
            return (PromptPart(text=self.text, share=1.0),)
