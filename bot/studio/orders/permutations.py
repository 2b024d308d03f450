"""Permutations of a typed prompt: `a {red, blue} cat` is two prompts. Knows text only, no parameters.

https://docs.midjourney.com/hc/en-us/articles/32761322355597-Permutations
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.studio import TooManyOrders

MOST_ORDERS = 20
"""Orders of one prompt. Each is a message of its own, of which Discord takes five in five seconds in a channel; and 20 orders of
four pictures are a fifth of a day's usual pictures.
"""
_DEEPEST = 10  # groups inside each other; a brace inside of these is text
_TOKENS = re.compile(r"\\[{},]|[{},]")


@dataclass(slots=True)
class _Texts:
    """All texts that a stretch of the prompt stands for."""

    count: int = 1
    first: list[str] = field(default_factory=lambda: [""])  # at most MOST_ORDERS of them

    def add(self, other: _Texts | str) -> None:
        if isinstance(other, str):
            self.first = [text + other for text in self.first]
            return
        self.count *= other.count
        both = (text + more for text in self.first for more in other.first)
        self.first = [text for text, _ in zip(both, range(MOST_ORDERS), strict=False)]


@dataclass(slots=True)
class _Group:
    """An open brace and what was read behind it."""

    choices: list[_Texts] = field(default_factory=lambda: [_Texts()])

    def as_text(self, end: str) -> _Texts:
        """Returns the group as the text that was written: it is no group."""
        text = _Texts(first=["{"])
        for at, choice in enumerate(self.choices):
            if at:
                text.add(",")
            text.add(choice)
        text.add(end)
        return text

    def closed(self) -> _Texts:
        """Returns the choices. Braces without a comma, or with nothing to choose, are text."""
        if len(self.choices) == 1 or not any(text.strip() for each in self.choices for text in each.first):
            return self.as_text("}")
        texts = [text.strip() for each in self.choices for text in each.first]
        return _Texts(count=sum(each.count for each in self.choices), first=texts[:MOST_ORDERS])


def permutations(text: str) -> list[str]:
    """Returns the prompts that the text stands for, in the order of its choices; often the text alone.

    `\\{`, `\\}` and, between braces, `\\,` are the signs themselves. Raises TooManyOrders.
    """
    whole, groups, at = _Texts(), list[_Group](), 0
    for found in _TOKENS.finditer(text):
        inside = groups[-1].choices[-1] if groups else whole
        inside.add(text[at : found.start()])
        at, sign = found.end(), found[0]
        if sign == "{" and len(groups) < _DEEPEST:
            groups.append(_Group())
        elif sign == "," and groups:
            groups[-1].choices.append(_Texts())
        elif sign == "}" and groups:
            closed = groups.pop().closed()
            (groups[-1].choices[-1] if groups else whole).add(closed)
        else:
            is_escape = sign in (r"\{", r"\}") or (sign == r"\," and groups)
            inside.add(sign[1:] if is_escape else sign)
    (groups[-1].choices[-1] if groups else whole).add(text[at:])
    while groups:  # a brace that was never closed
        open_text = groups.pop().as_text("")
        (groups[-1].choices[-1] if groups else whole).add(open_text)
    if whole.count > MOST_ORDERS:
        raise TooManyOrders(MOST_ORDERS)
    return whole.first


def escaped(text: str) -> str:
    """Returns the text as it must be typed to stand for itself."""
    return re.sub(r"[{}]", r"\\\g<0>", text)
