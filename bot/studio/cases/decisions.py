"""A moderator's decision about a case, and its result."""

from dataclasses import dataclass

from db import Block, Case, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    outcome: Outcome
    reason: str = ""
    seconds: float | None = None  # for outcomes that block; None: until lifted
    kept_reason: str = ""  # the name of the reason, if the server keeps it
    beside: int | None = (
        None  # the number of the member's case that was decided with it, and of which they are told
    )
    is_bot_ban: bool | None = None  # a ban by the bot alone, not Discord's own too; None: as proposed

    @property
    def company(self) -> dict[str, object]:
        """The details of a case's entry that name the case that was decided with it, if any."""
        return {} if self.beside is None else {"beside": self.beside}

    def is_told(self, case: Case) -> bool:
        """Returns whether the member needs no notice about the case."""
        is_quiet = self.outcome is Outcome.APPROVE and not case.is_withheld
        return self.outcome is Outcome.BLOCK or is_quiet or self.beside is not None

    def is_bots_alone(self, case: Case) -> bool:
        """Returns whether it is a ban that leaves out Discord's own."""
        is_proposed = case.proposed_outcome is Outcome.BAN and case.is_bot_ban_proposed
        return self.outcome is Outcome.BAN and (is_proposed if self.is_bot_ban is None else self.is_bot_ban)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of a decision."""

    case: Case
    earlier: Block | None = None  # a block of another case that ends later, and so holds
    is_bots_alone: bool = False  # a ban without Discord's own
    is_proposal: bool = False  # waits for another moderator; no other change
    strikes: int = 0  # the member's live strikes
    strike_until: float | None = None  # unix seconds; end of the new strike
    plain: int = 0  # removed pictures that can't be recognised when generated again
