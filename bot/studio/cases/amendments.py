"""What is done to a case afterwards: noted, amended, pardoned. Nothing is overwritten without its old value being kept."""

from __future__ import annotations

from bot.studio.cases.cases import Casework
from bot.studio.errors import NothingToAmend, NothingToPardon, OwnCase
from bot.studio.orders.order import Moderator
from db.audit import Act
from db.case_entries import EntryKind
from db.cases import Case
from db.database import Transaction
from generation.request import MemberId


class Amendments:
    def __init__(self, casework: Casework) -> None:
        self._casework = casework
        self._records = casework.records
        self._takedown = casework.takedown
        self._clock = casework.clock

    async def add_note(self, number: int, by: Moderator, text: str) -> Case:
        """Raises NoSuchCase."""
        async with self._records.database.transaction() as tx:
            case = await self._casework.numbered(by, number)
            await self._casework.record(tx, case, by, EntryKind.NOTE, Act.NOTE, text)
        return case

    async def amend(self, number: int, by: Moderator, *, reason: str | None, seconds: float | None) -> Case:
        """Another reason, or an end counted from now, for a decided case. The old values stay in its entries.

        Raises NoSuchCase, OwnCase, NothingToAmend.
        """
        async with self._records.database.transaction() as tx:
            case = await self._of_another(number, by)
            if case.is_open:
                raise NothingToAmend(number, is_open=True)
            expires_at, block, changes = case.expires_at, case.block, list[str]()
            if reason is not None:
                changes.append(f"reason: {case.reason or 'none'} → {reason}")
            if seconds is not None:
                if not await self._records.blocks.lift(tx, case.block, by=by.member, at=self._clock()):
                    raise NothingToAmend(number, is_open=False)
                expires_at = self._clock() + seconds
                renewed, _ = await self._takedown.block_in(
                    tx, by, case.member, case.reason if reason is None else reason, expires_at
                )
                block = renewed.id
                changes.append(f"end: {_moment(case.expires_at)} → {_moment(expires_at)}")
            case = await self._records.cases.amend(
                tx,
                case,
                reason=case.reason if reason is None else reason,
                expires_at=expires_at,
                block=block,
            )
            text, details = "; ".join(changes), {"until": expires_at if seconds is not None else None}
            await self._casework.record(
                tx, case, by, EntryKind.AMENDED, Act.AMEND, text, reason=reason or "", details=details
            )
            return case

    async def pardon(self, number: int, by: Moderator, reason: str) -> Case:
        """The case's strike counts no longer, its block is lifted, its pictures may be made again.

        Raises NoSuchCase, OwnCase, NothingToPardon.
        """
        async with self._records.database.transaction() as tx:
            case = await self._of_another(number, by)
            if not await self.undo(tx, case, by):
                raise NothingToPardon(number)
            await self._casework.record(tx, case, by, EntryKind.PARDONED, Act.PARDON, reason)
            return case

    async def unban(self, by: Moderator, member: MemberId, reason: str) -> tuple[bool, list[Case]]:
        """Lifts all that blocks the member; strikes stay. Whether anything did, and the cases that it came from."""
        async with self._records.database.transaction() as tx:
            cases = await self._records.cases.in_force(by.guild_id, member, self._clock())
            was_blocked = await self._records.blocks.lift_all(
                tx, guild_id=by.guild_id, member=member, by=by.member, at=self._clock()
            )
            for case in cases:
                await self._casework.enter(tx, case, by, EntryKind.PARDONED, f"lifted: {reason}")
            # Also where only Discord's own ban is there to lift: it is a moderator's act all the same.
            for number in [case.number for case in cases] or [None]:
                await self._takedown.note(
                    tx, by, Act.UNBAN, member, reason, case=number, details={"was_blocked": was_blocked}
                )
        return was_blocked, cases

    async def _of_another(self, number: int, by: Moderator) -> Case:
        """Raises NoSuchCase, OwnCase."""
        case = await self._casework.numbered(by, number)
        if case.member == by.member:
            raise OwnCase
        return case

    async def undo(self, tx: Transaction, case: Case, by: Moderator) -> bool:
        """Strike, block and ban on the pictures of this case, as far as they still hold; False when none does."""
        is_pardoned = await self._records.strikes.pardon(tx, case.id, by=by.member, at=self._clock())
        is_lifted = await self._records.blocks.lift(tx, case.block, by=by.member, at=self._clock())
        is_welcome = await self._records.banned.lift_of_case(tx, case) > 0
        return is_pardoned or is_lifted or is_welcome


def _moment(at: float | None) -> str:
    return "until lifted" if at is None else f"<t:{int(at)}:f>"
