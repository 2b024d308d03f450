"""Cases: opened, claimed, decided, amended, pardoned. Every act is one transaction, so only one of two moderators succeeds.

No Discord: what must follow there (the notice to the member, Discord's own timeouts and bans, the deletion of messages) is a row
of effects, written in the same transaction and carried out by bot/cases.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.studio import (
    CaseClosed,
    CaseTaken,
    ModerationSettings,
    Moderator,
    NoSuchCase,
    NothingProposed,
    NothingToAmend,
    NothingToPardon,
    OwnCase,
    ProposalChanged,
)
from bot.studio.cases.decisions import Decision, Done
from bot.studio.cases.folding import demand_shown, orders_of
from bot.studio.cases.sanction_rules import SanctionRules, demand_senior
from bot.studio.cases.takedown import Takedown
from db import (
    Act,
    Case,
    EffectKind,
    EntryKind,
    MemberStats,
    Origin,
    Outcome,
    Repositories,
    Transaction,
)
from generation import JobId, MemberId
from moderation import DAY, Ruling, Rung, parse_escalation, rung_for

STRIKING = (Outcome.WARN, Outcome.TIMEOUT, Outcome.BAN)
"""Outcomes that give a strike."""
BLOCKING = (Outcome.TIMEOUT, Outcome.BAN, Outcome.BLOCK)


class Casework:
    def __init__(
        self,
        records: Repositories,
        takedown: Takedown,
        settings: ModerationSettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.records = records
        self.takedown = takedown
        self.clock = clock
        self._rules = SanctionRules(records)
        self.ladder = parse_escalation(settings.ladder)
        self.claim_seconds = float(settings.claim_seconds)
        self._strike_seconds = settings.strike_days * DAY

    # ---- reading

    async def numbered(self, by: Moderator, number: int) -> Case:
        """Returns a case of the moderator's server. Raises NoSuchCase."""
        case = await self.records.cases.numbered(by.guild_id, number)
        if case is None:
            raise NoSuchCase(number)
        return case

    async def standing(self, guild_id: int, member: MemberId) -> tuple[MemberStats, Rung]:
        """Returns the member's record, and the ladder's rung for one more offence."""
        standing = await self.records.member_stats.of(guild_id, member, self.clock())
        return standing, rung_for(self.ladder, standing.strikes)

    # ---- acts

    async def claim(self, case_id: int, by: Moderator) -> Case:
        """Reserves the case for this moderator, not for a helper, while they fill in a form. Raises as `decide`."""
        async with self.records.database.transaction() as tx:
            case = await self.free(case_id, by)
            if by.is_helper:
                return case  # a proposal keeps no moderator waiting
            await self.takedown.note(tx, by, Act.CLAIM, case.member, case=case.number, job=case.job)
            return await self.records.cases.claim(tx, case.id, by.member, by.name, self.clock())

    async def escalate(self, case_id: int, by: Moderator) -> Case:
        """Escalates the case: only members with Manage Server may decide it then. Raises as `decide`."""
        async with self.records.database.transaction() as tx:
            case = await self.free(case_id, by, is_escalation=True)
            case = await self.records.cases.escalate(tx, case.id)
            await self.record(tx, case, by, EntryKind.ESCALATED, Act.ESCALATE)
            return case

    async def decide(self, case_id: int, by: Moderator, decision: Decision, shown: int | None = None) -> Done:
        """Decides the case, or proposes it. Without a change, raises NoSuchCase, CaseTaken, CaseClosed, OwnCase, SeniorNeeded.

        Also raises the refusals of `SanctionRules.is_proposal`, and CaseGrew. `shown`: as in `demand_shown`.
        """
        async with self.records.database.transaction() as tx:
            case = await self.free(case_id, by)
            await demand_shown(self.records, case, shown)
            done, cancelled = await self.decide_in(tx, case, by, decision)
        self.takedown.leave_line(cancelled)
        return done

    async def confirm(self, case_id: int, by: Moderator, shown: int) -> Done:
        """Decides the case as it was proposed. Raises NothingProposed, ProposalChanged, and as `decide`.

        `shown`: id of the entry with the proposal that the moderator has seen.
        """
        async with self.records.database.transaction() as tx:
            case = await self.free(case_id, by)
            if case.proposed_outcome is None:
                raise NothingProposed(case.number)
            if shown != await self.records.entries.proposal(case.id):
                raise ProposalChanged(case.number)
            outcome, reason, seconds = case.proposed_outcome, case.proposed_reason, case.proposed_seconds
            decision = Decision(outcome=outcome, reason=reason, seconds=seconds)
            done, cancelled = await self.decide_in(tx, case, by, decision)
        self.takedown.leave_line(cancelled)
        return done

    async def sanction(
        self, by: Moderator, member: MemberId, name: str, decision: Decision | None, reason: str = ""
    ) -> Done:
        """Opens and decides a new case for a moderator's command.

        A ban confirms an open proposal for that member; without a length, it has that of a moderator's proposal.
        `decision`: None for the ladder's next rung, with the `reason`. Raises OwnCase, SecondNeeded, AsLongAsABan.
        """
        if member == by.member:
            raise OwnCase
        async with self.records.database.transaction() as tx:
            case = None
            if decision is None:
                # Read here: of two strikes at the same moment, the second one counts the first.
                _, rung = await self.standing(by.guild_id, member)
                decision = Decision(outcome=Outcome(rung.sanction), reason=reason, seconds=rung.seconds)
            if decision.outcome is Outcome.BAN:
                case = await self.records.cases.proposed(by.guild_id, member)
            if case is not None:
                case = await self.free(case.id, by)
                if case.is_helpers_proposal:
                    # The ban is the moderator's own: they may not have seen the proposal.
                    decision = replace(decision, is_bot_ban=bool(decision.is_bot_ban))
                elif decision.seconds is None:
                    decision = replace(decision, seconds=case.proposed_seconds)
            else:
                case = await self.records.cases.open(
                    tx,
                    guild_id=by.guild_id,
                    origin=Origin.MODERATOR,
                    at=self.clock(),
                    member=member,
                    member_name=name,
                    channel_id=by.channel_id,
                )
            done, cancelled = await self.decide_in(tx, case, by, decision)
        self.takedown.leave_line(cancelled)
        return done

    async def strike(self, by: Moderator, member: MemberId, name: str, reason: str) -> Done:
        """Applies the ladder's rung for one more offence. Raises as `sanction`."""
        return await self.sanction(by, member, name, None, reason)

    async def open_refusal(
        self, verdict_id: int, by: Moderator, card: tuple[int, int] | None = None
    ) -> Case | None:
        """Opens a case from a refused order, once each. Returns None when this server has no refusal of that id.

        `card`: channel and id of the refusal's card, which becomes the case's.
        """
        async with self.records.database.transaction() as tx:
            record = await self.records.verdicts.get(verdict_id)
            if record is None or record.guild_id is None or record.guild_id != by.guild_id:
                return None
            if record.verdict.ruling is not Ruling.REFUSE:
                return None
            case = await self.records.cases.of_verdict(verdict_id)
            if case is not None:
                return case
            case = await self.records.cases.open(
                tx,
                guild_id=record.guild_id,
                origin=Origin.REFUSAL,
                at=self.clock(),
                member=record.member,
                member_name=record.member_name,
                channel_id=record.channel_id,
                prompt=record.prompt,
                negative=record.negative,
                verdict=record.verdict,
                verdict_id=record.id,
                is_first_refusal=await self.records.verdicts.is_first_refusal(record.id),
            )
            if card is not None:
                case = await self.records.cases.set_card(tx, case.id, *card)
            await self.takedown.note(tx, by, Act.OPEN_CASE, case.member, case=case.number)
            return case

    # ---- later changes; each old value is kept in the case's entries

    async def add_note(self, number: int, by: Moderator, text: str) -> Case:
        """Adds a note. Raises NoSuchCase, OwnCase."""
        async with self.records.database.transaction() as tx:
            case = await self._of_another(number, by)
            await self.record(tx, case, by, EntryKind.NOTE, Act.NOTE, text)
        return case

    async def amend(self, number: int, by: Moderator, *, reason: str | None, seconds: float | None) -> Case:
        """Changes a decided case's reason, or its end counted from now. The old values stay in its entries.

        Raises NoSuchCase, OwnCase, SeniorNeeded, NothingToAmend, AsLongAsABan.
        """
        async with self.records.database.transaction() as tx:
            case = await self._of_another(number, by)
            if case.is_open:
                raise NothingToAmend(number, is_open=True)
            demand_senior(case, by)
            expires_at, block, changed = case.expires_at, case.block, dict[str, object]()
            if reason is not None:
                changed["before"] = case.reason
            if seconds is not None:
                if not await self.records.blocks.lift(tx, case.block, by=by.member, at=self.clock()):
                    raise NothingToAmend(number, is_open=False)
                expires_at = self.clock() + seconds
                if case.expires_at is not None and expires_at > case.expires_at:
                    await self._rules.demand_shorter_than_a_ban(by, seconds)
                renewed, _ = await self.takedown.block_in(
                    tx, by, case.member, case.reason if reason is None else reason, expires_at
                )
                block = renewed.id
                changed |= {"until_before": case.expires_at, "until": expires_at}
            elif reason is not None:
                await self.records.blocks.set_reason(tx, block, reason)
            case = await self.records.cases.amend(
                tx,
                case,
                reason=case.reason if reason is None else reason,
                expires_at=expires_at,
                block=block,
            )
            logged = {"until": changed.get("until")}
            await self.record(
                tx, case, by, EntryKind.AMENDED, Act.AMEND, reason or "", details=changed, logged=logged
            )
            if case.told_at is None:
                await self.want(tx, EffectKind.NOTICE, case)
            if seconds is not None and case.power == "timeout":
                await self.want(tx, EffectKind.SANCTION, case)
            elif seconds is not None and case.power == "ban":
                await self.want(tx, EffectKind.END, case, due_at=expires_at)
            return case

    async def pardon(self, number: int, by: Moderator, reason: str) -> Case:
        """Pardons the case's strike, lifts its block, and allows pictures similar to its removed ones.

        Raises NoSuchCase, OwnCase, SeniorNeeded, NothingToPardon.
        """
        async with self.records.database.transaction() as tx:
            case = await self._of_another(number, by)
            demand_senior(case, by)
            if not await self.undo(tx, case, by):
                raise NothingToPardon(number)
            await self.record(tx, case, by, EntryKind.PARDONED, Act.PARDON, reason)
            return case

    async def unban(
        self,
        by: Moderator,
        member: MemberId,
        reason: str = "",
        act: Act = Act.UNBAN,
        *,
        is_discord_too: bool = True,
    ) -> tuple[bool, list[Case]]:
        """Lifts all blocks of the member; strikes stay. Returns whether any was live, and their cases.

        `act`: UNBAN, which may lift Discord's own ban alone, or UNBLOCK. `is_discord_too`: False leaves Discord's own timeout
        and ban. Raises OwnCase, SeniorNeeded.
        """
        if member == by.member:
            raise OwnCase
        async with self.records.database.transaction() as tx:
            cases = await self.records.cases.in_force(by.guild_id, member, self.clock())
            for case in cases:
                demand_senior(case, by)
            was_blocked = await self.records.blocks.lift_all(
                tx, guild_id=by.guild_id, member=member, by=by.member, at=self.clock()
            )
            powers = set[str]()
            for case in cases:
                await self.enter(tx, case, by, EntryKind.LIFTED, reason)
                if is_discord_too and case.power and case.power not in powers:
                    await self.want(tx, EffectKind.LIFT, case)
                powers.add(case.power)
            numbers: list[int | None] = [case.number for case in cases]
            if not numbers and (was_blocked or (act is Act.UNBAN and is_discord_too)):
                numbers = [None]  # lifting Discord's own ban alone is a moderator's act too
            for number in numbers:
                await self.takedown.note(
                    tx, by, act, member, reason, case=number, details={"was_blocked": was_blocked}
                )
        return was_blocked, cases

    async def _of_another(self, number: int, by: Moderator) -> Case:
        """Returns a case that is not about the moderator. Raises NoSuchCase, OwnCase."""
        case = await self.numbered(by, number)
        if case.member == by.member:
            raise OwnCase
        return case

    async def undo(self, tx: Transaction, case: Case, by: Moderator) -> bool:
        """Takes back the case's strike, block, banned pictures and removed styles. Returns False when none held."""
        is_pardoned = await self.records.strikes.pardon(tx, case.id, by=by.member, at=self.clock())
        is_lifted = await self.records.blocks.lift(tx, case.block, by=by.member, at=self.clock())
        if is_lifted and case.power:
            await self.want(tx, EffectKind.LIFT, case)
        is_welcome = await self.records.banned.lift_of_case(tx, case) > 0
        is_back = bool(await self.takedown.removed_styles.restore_of_case(tx, case))
        return is_pardoned or is_lifted or is_welcome or is_back

    # ---- internal

    async def free(self, case_id: int, by: Moderator, *, is_escalation: bool = False) -> Case:
        """Returns the case if this moderator may act on it now. Raises as `decide`."""
        case = await self.records.cases.get(case_id)
        if case is None or case.guild_id != by.guild_id:
            raise NoSuchCase(0)  # another server's number is not told
        if case.outcome is not None:
            raise CaseClosed(
                case.number, case.acted_name, case.outcome, case.acted_at or 0.0, case.is_refused
            )
        if case.member == by.member:
            raise OwnCase
        if not is_escalation:
            demand_senior(case, by)
        if case.claimed_at is not None and case.claimed_by != by.member:
            free_in = case.claimed_at + self.claim_seconds - self.clock()
            if free_in > 0:
                raise CaseTaken(case.number, case.claimed_name, free_in)
        return case

    async def decide_in(
        self, tx: Transaction, case: Case, by: Moderator, decision: Decision
    ) -> tuple[Done, list[JobId]]:
        """Decides a case that is free. After the commit, the caller removes the returned jobs from the queue."""
        now, outcome = self.clock(), decision.outcome
        if await self._rules.is_proposal(case, by, outcome, decision.seconds):
            return await self._propose(tx, case, by, decision), []
        expires_at = None if decision.seconds is None else now + decision.seconds
        cancelled: list[JobId] = []
        plain = 0
        for job in await orders_of(self.records, case) if outcome is not Outcome.APPROVE else ():
            removed = await self.takedown.take_down_in(tx, job, by, decision.reason, case_id=case.id)
            plain += removed.looks.plain
            cancelled += [removed.job] if removed.is_cancelled else []
        await self.records.banned.release(tx, case.id)
        if outcome is Outcome.APPROVE and case.verdict.likeness is not None:
            # The picture is approved, so the removed picture that it resembles is allowed again.
            await self.records.banned.lift(tx, case.guild_id, JobId(case.verdict.likeness))
        block = holding = None
        if outcome in BLOCKING:
            block, ended = await self.takedown.block_in(tx, by, case.member, decision.reason, expires_at)
            cancelled += ended
            holding = await self.records.blocks.live(case.guild_id, case.member, now)
        if outcome is Outcome.BAN:
            await self.takedown.removed_styles.remove_all(tx, case.guild_id, case.member, case.id)
        strike_until = None
        # The first refusal may be an accident, so it gives no strike.
        if outcome in STRIKING and not case.is_first_refusal:
            strike_until = now + self._strike_seconds
            await self.records.strikes.add(
                tx,
                guild_id=case.guild_id,
                member=case.member,
                case_id=case.id,
                by=by.member,
                at=now,
                expires_at=strike_until,
            )
        case = await self.records.cases.close(
            tx,
            case.id,
            outcome=outcome,
            by=by.member,
            name=by.name,
            at=now,
            reason=decision.reason,
            expires_at=expires_at,
            block=block.id if block else None,
            is_told=decision.is_told(case),
            kept_reason=decision.kept_reason,
        )
        details, logged = (
            {"outcome": outcome, **decision.company},
            {"until": expires_at, "strike_until": strike_until},
        )
        await self.record(
            tx, case, by, EntryKind.DECIDED, Act(outcome), decision.reason, details=details, logged=logged
        )
        if case.told_at is None:
            # Before a ban: after it there is no common server, and so no direct message.
            await self.want(tx, EffectKind.NOTICE, case)
        is_bots_alone = decision.is_bots_alone(case)
        if outcome in (Outcome.TIMEOUT, Outcome.BAN) and not is_bots_alone:
            await self.want(tx, EffectKind.SANCTION, case)
        strikes = await self.records.strikes.live(case.guild_id, case.member, now)
        done = Done(
            case=case,
            earlier=None if holding == block else holding,
            is_bots_alone=is_bots_alone,
            strikes=strikes,
            strike_until=strike_until,
            plain=plain,
        )
        return done, cancelled

    async def want(
        self, tx: Transaction, kind: EffectKind, case: Case, *, due_at: float | None = None
    ) -> None:
        """Adds an effect of the case. `due_at`: None for at once."""
        await self.records.effects.add(
            tx, kind, case.guild_id, case_id=case.id, at=self.clock(), due_at=due_at
        )

    async def _propose(self, tx: Transaction, case: Case, by: Moderator, decision: Decision) -> Done:
        outcome, reason, seconds = decision.outcome, decision.reason, decision.seconds
        case = await self.records.cases.propose(
            tx,
            case.id,
            by.member,
            by.name,
            reason,
            seconds,
            outcome=outcome,
            is_helpers=by.is_helper,
            is_bot_ban=bool(decision.is_bot_ban),
        )
        act = Act.PROPOSE if by.is_helper else Act.PROPOSE_BAN
        details = {"outcome": outcome} if by.is_helper else None
        await self.record(tx, case, by, EntryKind.PROPOSED, act, reason, details=details, logged=details)
        return Done(case=case, is_proposal=True)

    async def record(
        self,
        tx: Transaction,
        case: Case,
        by: Moderator,
        kind: EntryKind,
        act: Act,
        text: str = "",
        *,
        details: Mapping[str, object] | None = None,
        logged: Mapping[str, object] | None = None,
    ) -> None:
        """Adds an entry to the case and to the audit log. `text`: the moderator's reason, answer or note.

        `details`: the entry's. `logged`: those of the audit log, where nothing is ever changed or deleted.
        """
        await self.enter(tx, case, by, kind, text, details)
        await self.takedown.note(
            tx, by, act, case.member, text, case=case.number, job=case.job, details=logged
        )

    async def enter(
        self,
        tx: Transaction,
        case: Case,
        by: Moderator,
        kind: EntryKind,
        text: str,
        details: Mapping[str, object] | None = None,
    ) -> None:
        await self.records.entries.add(
            tx,
            case.id,
            at=self.clock(),
            by=by.member,
            name=by.name,
            kind=kind,
            text=text,
            details=details,
        )
