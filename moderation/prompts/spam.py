"""What is spam: the same prompt again and again, or one that asks for nothing. Gives scores; the policy says what follows."""

import re

from moderation.policy import Policy
from moderation.verdict import ALLOWED, Category, Ruling, Verdict

WINDOW = 600.0
"""Seconds in which the same prompt counts as a repeat."""
ALL = 20
"""Repeats that score 1. Who wants to see what else comes out of a prompt presses a button and doesn't type it a dozen times."""

_NOTHING_SCORE = 0.7
_ADDRESS = re.compile(
    r"<(?:@[!&]?|#)\d+>|@everyone|@here|(?:https?://|www\.|discord\.gg/)\S+|\b[\w-]+\.(?:com|gg|net|org|ru|xyz)/\S+",
    re.IGNORECASE,
)
_LONG = 12  # of one or two characters, or of one word


def score(text: str, repeats: int) -> tuple[float, str]:
    """0 to 1, and why. `repeats`: how often the member typed the same within WINDOW before."""
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
    """Why; empty where it asks for something."""
    rest, addresses = _ADDRESS.subn(" ", text)
    if addresses and not any(sign.isalnum() for sign in rest):
        return "nothing but links and mentions"
    said = text.casefold().split()
    signs = "".join(said)
    if len(signs) >= _LONG and len(set(signs)) <= 2:
        return "nothing but one character"
    return "nothing but one word" if len(said) >= _LONG and len(set(said)) == 1 else ""
