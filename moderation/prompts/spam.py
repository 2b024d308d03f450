"""Detects spam: the same prompt repeated, or a prompt without content. Gives scores; the policy decides on them."""

import re

from moderation.policy import Policy
from moderation.verdict import ALLOWED, Category, Ruling, Verdict

WINDOW = 600.0
"""Seconds in which the same prompt counts as a repeat."""
ALL = 20
"""The number of repeats that scores 1. A member who wants more pictures of a prompt presses a button,
and does not type it again.
"""

_NOTHING_SCORE = 0.7
_ADDRESS = re.compile(
    r"<(?:@[!&]?|#)\d+>|@everyone|@here|(?:https?://|www\.|discord\.gg/)\S+|\b[\w-]+\.(?:com|gg|net|org|ru|xyz)/\S+",
    re.IGNORECASE,
)
_LONG = 12  # characters of one or two kinds, or repeats of one word


def score(text: str, repeats: int) -> tuple[float, str]:
    """Returns a score from 0 to 1 and the reason. `repeats`: how often the member sent the same prompt before, within WINDOW."""
    again = min(1.0, repeats / ALL)
    nothing = _asks_for_nothing(text)
    if nothing and again < _NOTHING_SCORE:
        return _NOTHING_SCORE, nothing
    return again, "the same prompt again"


def spam(text: str, repeats: int, policy: Policy) -> Verdict:
    found, why = score(text, repeats)
    ruling = policy.of_score(Category.SPAM, found)
    if ruling is Ruling.ALLOW:
        return ALLOWED
    return Verdict(
        ruling=ruling,
        category=Category.SPAM,
        rule=f"spam: {why}",
        score=found,
        field="prompt",
        normal_form=text,
    )


def _asks_for_nothing(text: str) -> str:
    """Returns the reason why the prompt has no content; empty if it has some."""
    rest, addresses = _ADDRESS.subn(" ", text)
    if addresses and not any(sign.isalnum() for sign in rest):
        return "nothing but links and mentions"
    said = text.casefold().split()
    signs = "".join(said)
    if len(signs) >= _LONG and len(set(signs)) <= 2:
        return "nothing but one character"
    return "nothing but one word" if len(said) >= _LONG and len(set(said)) == 1 else ""
