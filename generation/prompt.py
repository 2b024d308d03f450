"""A prompt and its weighted parts: `fox::2 forest::1`, in Midjourney's notation."""

import re
from dataclasses import dataclass

MAX_PARTS = 8
"""Each part is one more row of the model's call."""

# A number directly before letters belongs to the word: "render::3d fox".
_CUT = re.compile(r"::(?:(-?(?:\d{1,4}(?:\.\d{0,4})?|\.\d{1,4}))(?=\s|$))?")


class BadWeights(ValueError):
    """The weights add up to zero or less, or there are more than MAX_PARTS parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    text: str
    share: float  # all shares add up to 1; below 0: the picture should have less of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    text: str  # as the member wrote it, with weights
    negative: str = ""

    @property
    def parts(self) -> tuple[PromptPart, ...]:
        """Returns the text cut at every `::weight`. A weight applies to the text before it; without a number it is 1. Raises
        BadWeights.
        """
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
        """Returns the text of all parts that the picture should show."""
        return " ".join(part.text for part in self._drawn if part.share >= 0)

    @property
    def left_out(self) -> str:
        """Returns the text of all that the picture should not show: `negative`, and the parts with a share below 0."""
        less = [part.text for part in self._drawn if part.share < 0]
        return ", ".join(filter(None, [self.negative, *less]))

    @property
    def _drawn(self) -> tuple[PromptPart, ...]:
        """Returns `parts`, or the whole text as one part if its weights are invalid."""
        try:
            return self.parts
        except BadWeights:
            return (PromptPart(text=self.text, share=1.0),)
