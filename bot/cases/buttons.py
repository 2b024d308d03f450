"""The buttons and forms of case and appeal cards, and the button of the choice of a log channel."""

from enum import StrEnum

from bot.ui import NUMBER, Button, Language


def _shown(number: str) -> int:
    return int(number)


class CaseAction(StrEnum):
    OPEN = "case:open"  # opens a case from a refusal; the number is the verdict's
    APPROVE = "case:approve"
    REMOVE = "case:remove"
    ESCALATE = "case:escalate"
    WARN = "case:warn"
    TIMEOUT = "case:timeout"
    BAN = "case:ban"
    CONFIRM = "case:confirm"  # on earlier cards, which do not name the proposal
    HISTORY = "case:history"  # shows all that happened in the case, in pages
    NEXT = "case:next"  # shows the next open case; the number is that of the case before it, 0 for the first


class ProposalAction(StrEnum):
    CONFIRM = "proposal:confirm"  # decides as a helper has proposed, if no other proposal has replaced it


class FoldedAction(StrEnum):
    """Acts on a case that other orders have joined, for what the card shows."""

    APPROVE = "folded:approve"
    REMOVE = "folded:remove"


class SeveralAction(StrEnum):
    """Acts on all open cases of a member. The number is the newest case's id; for SHOW that of any case of the member."""

    SHOW = "cases:show"
    APPROVE = "cases:approve"
    REMOVE = "cases:remove"
    WARN = "cases:warn"
    TIMEOUT = "cases:timeout"
    BAN = "cases:ban"


class RaidAction(StrEnum):
    """Acts on all open cases of a raid. The number is the newest case's id; for SHOW the raid's."""

    SHOW = "raid:show"
    REMOVE = "raid:remove"
    TIMEOUT = "raid:timeout"
    BAN = "raid:ban"


class SeveralForm(StrEnum):
    """Forms behind the sanctions of several cases; the number is the newest case's id."""

    WARN = "decide-all:warn"
    TIMEOUT = "decide-all:timeout"
    BAN = "decide-all:ban"
    RAID_TIMEOUT = "decide-raid:timeout"
    RAID_BAN = "decide-raid:ban"


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


class FoldedButton(Button, actions=FoldedAction, of={int: "[0-9]{1,19}", _shown: "[0-9]{1,4}"}):
    """`folded:<press>:<case>:<orders that the card shows>`."""


class ProposalButton(Button, actions=ProposalAction, of={int: "[0-9]{1,19}", _shown: "[0-9]{1,19}"}):
    """`proposal:<press>:<case>:<entry of the proposal that the card shows>`."""


class SeveralButton(Button, actions=SeveralAction, of=NUMBER):
    """`cases:<press>:<case>`."""


class RaidButton(Button, actions=RaidAction, of=NUMBER):
    """`raid:<press>:<case or raid>`."""


def next_button(say: Language, number: int = 0) -> CaseButton:
    """Builds the button that shows the next open case. `number`: the case before it; 0: begins with the oldest."""
    label = say("case-button", action="next", is_refused=False, is_proposed=False)
    return CaseButton(CaseAction.NEXT, number, label=label)


class AppealButton(Button, actions=AppealPress, of=NUMBER):
    """`appeal:<case>` and `answer:<decision>:<appeal>`."""


class LogChannelButton(Button, actions=LogChannelPress, of=NUMBER):
    """`log-channel:<channel>`."""


def several_button(say: Language, case_id: int, count: int) -> SeveralButton:
    """Builds the button that lists all open cases of a member. `case_id`: any of them."""
    return SeveralButton(SeveralAction.SHOW, case_id, label=say("cases-several-show", count=count))
