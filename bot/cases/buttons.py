"""The buttons and forms of case and appeal cards, and the button of the choice of a log channel."""

from enum import StrEnum

from bot.ui import NUMBER, Button, Language


class CaseAction(StrEnum):
    OPEN = "case:open"  # opens a case from a refusal; the number is the verdict's
    APPROVE = "case:approve"
    REMOVE = "case:remove"
    ESCALATE = "case:escalate"
    WARN = "case:warn"
    TIMEOUT = "case:timeout"
    BAN = "case:ban"
    CONFIRM = "case:confirm"  # decides as a helper has proposed
    HISTORY = "case:history"  # shows all that happened in the case, in pages
    NEXT = "case:next"  # shows the next open case; the number is that of the case before it, 0 for the first


class AppealPress(StrEnum):
    APPEAL = "appeal"  # on the member's notice; the number is the case's
    UPHOLD = "answer:upheld"
    OVERTURN = "answer:overturned"


class CaseForm(StrEnum):
    """Forms behind a case's buttons; the number is the case's id."""

    WARN = "decide:warn"
    TIMEOUT = "decide:timeout"
    BAN = "decide:ban"


class AppealForm(StrEnum):
    """Forms of appeals; the number is the case's id for the member's form, and the appeal's for the answers."""

    ASK = "ask"
    UPHOLD = "reply:upheld"
    OVERTURN = "reply:overturned"


class LogChannelPress(StrEnum):
    CHOOSE = "log-channel"  # one that everybody reads; the number is the channel's


class CaseButton(Button, actions=CaseAction, of=NUMBER):
    """`case:<press>:<case>`."""


def next_button(say: Language, number: int = 0) -> CaseButton:
    """Builds the button that shows the next open case. `number`: the case before it; 0: begins with the oldest."""
    label = say("case-button", action="next", is_refused=False, is_proposed=False)
    return CaseButton(CaseAction.NEXT, number, label=label)


class AppealButton(Button, actions=AppealPress, of=NUMBER):
    """`appeal:<case>` and `answer:<decision>:<appeal>`."""


class LogChannelButton(Button, actions=LogChannelPress, of=NUMBER):
    """`log-channel:<channel>`."""
