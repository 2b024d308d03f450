"""The buttons of case and appeal cards."""

from enum import StrEnum

from bot.ui import NUMBER, Button


class CaseAction(StrEnum):
    OPEN = "case:open"  # opens a case from a refusal; the number is the verdict's
    APPROVE = "case:approve"
    REMOVE = "case:remove"
    ESCALATE = "case:escalate"
    WARN = "case:warn"
    TIMEOUT = "case:timeout"
    BAN = "case:ban"


class AppealPress(StrEnum):
    APPEAL = "appeal"  # on the member's notice; the number is the case's
    UPHOLD = "answer:upheld"
    OVERTURN = "answer:overturned"


class CaseButton(Button, actions=CaseAction, of=NUMBER):
    """`case:<press>:<case>`."""


class AppealButton(Button, actions=AppealPress, of=NUMBER):
    """`appeal:<case>` and `answer:<decision>:<appeal>`."""
