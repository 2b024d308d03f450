"""Carries out what follows from decisions in Discord: deletes messages, tells members, sets and lifts Discord's own sanctions.

The effects are rows, written in the decision's transaction. A press or command tries its own at once; the worker tries those that
failed or were interrupted, with growing pauses, also after a restart. What is given up is noted in the case.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass

import discord

from bot.cases import discord_sanctions
from bot.cases.direct_messages import DirectMessages
from bot.cases.discord_sanctions import Obstacle
from bot.cases.mod_channel import ModChannel
from bot.posted_message import UNREACHABLE, PostedMessage, is_final, link_of, pause_after
from bot.studio import Moderator
from bot.studio.parts import Parts
from bot.ui import Language, say_in
from db import Act, Case, Effect, EffectKind, EntryKind, StorageError, Transaction
from generation import JobId, MemberId

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 15.0
_TRY_SECONDS = 60.0
"""Seconds after which a try counts as failed, so that one channel holds up no other effect for longer."""
_MOST_FAILURES = 100
"""Failures after which an effect is given up: with these pauses, after about a day."""
_AWAY_PAUSE = 15 * 60.0
"""Seconds until an effect in a server that is in an outage, or that the bot has left, is looked at again."""
_NOT_NOTED = {Obstacle.NONE_TO_LIFT, Obstacle.NOT_OURS, Obstacle.IN_FORCE}
"""Obstacles that leave things as they should be."""
_NOTICES = {EffectKind.NOTICE, EffectKind.ANSWER}
_SANCTIONS = {EffectKind.SANCTION, EffectKind.LIFT, EffectKind.END}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one try."""

    effect: Effect
    obstacle: Obstacle | None = None  # None: done
    case: Case | None = None
    by: Moderator | None = None  # for sanctions; None: unknown
    power: str = ""  # for sanctions: "timeout" or "ban"
    holder: int = 0  # number of the case that keeps a sanction in force
    link: str = ""  # to a message that stays

    @property
    def is_tried_again(self) -> bool:
        return self.obstacle is Obstacle.NO_ANSWER and self.effect.failures < _MOST_FAILURES


class Effects:
    def __init__(
        self,
        client: discord.Client,
        parts: Parts,
        mod_channel: ModChannel,
        direct_messages: DirectMessages,
    ) -> None:
        self._client = client
        self._parts = parts
        self._records = parts.records
        self._mod_channel = mod_channel
        self._direct_messages = direct_messages
        self._under_way: set[int] = set()  # ids

    async def run(self) -> None:
        await self._client.wait_until_ready()
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                log.warning("effects of decisions are carried out later: %s", error)
            except Exception:
                # A bug here must not stop the bot.
                log.exception("effects of decisions are carried out later")
            await asyncio.sleep(_SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Tries the effects that are due. A slow server holds up no other."""
        by_server: dict[int, list[Effect]] = {}
        for effect in await self._records.effects.due(self._parts.clock()):
            by_server.setdefault(effect.guild_id, []).append(effect)
        async with asyncio.TaskGroup() as tasks:
            for effects in by_server.values():
                tasks.create_task(self._sweep_server(effects))

    async def after(
        self, answer: Awaitable[object], *, cases: Iterable[int] = (), jobs: Iterable[JobId] = ()
    ) -> list[Result]:
        """Waits for the answer to a press or command, then tries the cases' or the jobs' effects, even when the answer failed.

        Raises the answer's error, and StorageError.
        """
        try:
            await answer
        finally:
            results = await self._carry_out(
                await self._records.effects.just_wanted(cases, jobs, self._parts.clock())
            )
        return results

    async def told(self, say: Language, results: Iterable[Result]) -> list[str]:
        """Returns the results for the moderator who decided, one sentence each."""
        return [text for each in results if (text := await self._told(say, each))]

    async def _told(self, say: Language, result: Result) -> str:
        kind, power, obstacle = result.effect.kind, result.power, result.obstacle
        if result.is_tried_again:
            return say("case-tried-again", effect=kind, power=power, link=result.link)
        if kind is EffectKind.MESSAGE:
            return say("case-message-stays", link=result.link) if result.link else ""
        if kind in _NOTICES:
            assert result.case is not None, "a notice is about a case"
            return await self._direct_messages.told(say, result.case, is_told=obstacle is None)
        if kind is not EffectKind.SANCTION:
            return say("case-power-lifted", power=power, obstacle=obstacle, case=result.holder)
        if result.case is None or not result.case.power:
            return say("case-power-set", power=power, obstacle=obstacle, case=result.holder)
        # Its end was changed.
        return say("case-timeout-keeps-end", power=power, obstacle=obstacle, case=0) if obstacle else ""

    async def _sweep_server(self, effects: Sequence[Effect]) -> None:
        """Tries a server's effects. No moderator waits for the results: their channel is told what is left to them."""
        try:
            results = await self._carry_out(effects)
        except StorageError as error:
            log.warning("effects of decisions are carried out later: %s", error)
            return
        for each in results:
            if each.obstacle in (None, Obstacle.NONE_TO_LIFT, Obstacle.IN_FORCE) or each.is_tried_again:
                continue
            guild_id, text = each.effect.guild_id, ""
            say = say_in(self._client, guild_id)
            if each.effect.kind is EffectKind.END and each.case is not None:
                text = say(
                    "case-ban-stays",
                    number=each.case.number,
                    member=each.case.member,
                    power="ban",
                    obstacle=each.obstacle,
                    case=each.holder,
                )
            elif each.case is None and each.link:
                text = say("case-message-stays", link=each.link)
            if text:
                await self._mod_channel.say(guild_id, text)

    # ---- one try

    async def _carry_out(self, effects: Iterable[Effect]) -> list[Result]:
        """Tries each effect. An error of one stops no other. Raises StorageError."""
        results = list[Result]()
        for effect in effects:
            if effect.id in self._under_way:
                continue
            self._under_way.add(effect.id)
            try:
                # Read again: a press or the worker may have done it since.
                if await self._records.effects.get(effect.id) is None:
                    continue
                if (result := await self._result_of(effect)) is not None:
                    await self._settle(result)
                    results.append(result)
            finally:
                self._under_way.discard(effect.id)
        for case_id in dict.fromkeys(each.effect.case_id for each in results if _changes_card(each)):
            if case_id is not None:
                await self._mod_channel.refresh_case(case_id)
        return results

    async def _result_of(self, effect: Effect) -> Result | None:
        """Returns None for an effect that can't be tried now."""
        case = await self._records.cases.get(effect.case_id) if effect.case_id is not None else None
        guild = self._client.get_guild(effect.guild_id)
        try:
            async with asyncio.timeout(_TRY_SECONDS):
                if effect.kind is EffectKind.MESSAGE:
                    return await self._delete(effect, case)
                assert case is not None, "other effects are deleted with their case"
                if effect.kind in _NOTICES:
                    obstacle = None if await self._tell(effect, case) else Obstacle.REFUSED
                    return Result(effect=effect, obstacle=obstacle, case=case)
                if guild is None or guild.unavailable:
                    async with self._records.database.transaction() as tx:
                        until = self._parts.clock() + _AWAY_PAUSE
                        await self._records.effects.put_off(tx, effect, until, is_failure=False)
                    return None
                return await self._sanction(effect, guild, case)
        except StorageError:
            raise
        except UNREACHABLE as error:
            log.warning("%s of case %s is not done yet: %s", effect.kind, case and case.id, error)
        except Exception:
            if self._client.is_closed():
                # discord.py raises RuntimeError then. The next start tries it.
                return None
            # A bug in one effect must stop neither the others nor the bot.
            log.exception("%s of case %s failed", effect.kind, case and case.id)
        power = "" if case is None or effect.kind not in _SANCTIONS else _power_of(effect, case)
        return Result(effect=effect, obstacle=Obstacle.NO_ANSWER, case=case, power=power)

    async def _delete(self, effect: Effect, case: Case | None) -> Result:
        job = await self._records.jobs.get(effect.job) if effect.job is not None else None
        if job is None:
            return Result(effect=effect, case=case)
        try:
            await PostedMessage(self._client, job.place).delete()
        except UNREACHABLE as error:
            log.warning("the message of job %s was not deleted: %s", job.id, error)
            obstacle = Obstacle.REFUSED if is_final(error) else Obstacle.NO_ANSWER
            return Result(effect=effect, obstacle=obstacle, case=case, link=link_of(job.place))
        return Result(effect=effect, case=case)

    async def _tell(self, effect: Effect, case: Case) -> bool:
        if effect.kind is EffectKind.NOTICE:
            return await self._direct_messages.tell(case, effect.id)
        appeal = await self._records.appeals.of_case(case.id)
        return appeal is None or await self._direct_messages.tell_answer(appeal, case, effect.id)

    async def _sanction(self, effect: Effect, guild: discord.Guild, case: Case) -> Result:
        say, power = say_in(self._client, guild.id), _power_of(effect, case)
        in_force = await self._parts.takedown.in_force(guild.id, case.member)
        holding = [each for each in in_force if each.power == power]
        by = await self._moderator(effect, guild, case)
        if effect.kind is EffectKind.SANCTION:
            if all(each.id != case.id for each in in_force):
                obstacle = None if case.power else Obstacle.NONE_TO_LIFT
            elif by is None:
                obstacle = Obstacle.YOU_LACK_IT
            else:
                said = {"has_reason": bool(case.reason), "reason": case.reason}
                reason = say("case-audit-reason", number=case.number, name=case.acted_name, **said)
                obstacle = await discord_sanctions.apply(guild, by, case, holding, reason)
        elif effect.kind is EffectKind.LIFT and by is None:
            obstacle = Obstacle.YOU_LACK_IT
        elif effect.kind is EffectKind.END and not await self._is_ours(guild, case):
            obstacle = Obstacle.NOT_OURS
        else:
            reason = await self._why_lifted(say, effect, case)
            obstacle = await discord_sanctions.lift(guild, by, case.member, power, holding, reason)
        user = by or self._client.user
        assert user is not None, "the bot is logged in"
        actor = Moderator(member=MemberId(user.id), name=user.display_name, guild_id=guild.id, channel_id=0)
        holder = holding[0].number if holding else 0
        return Result(effect=effect, obstacle=obstacle, case=case, by=actor, power=power, holder=holder)

    async def _moderator(self, effect: Effect, guild: discord.Guild, case: Case) -> discord.Member | None:
        """Returns the moderator whose act it is; None when they have left, and for an end: that is the bot's."""
        block = await self._records.blocks.get(case.block)
        if block is None or effect.kind is EffectKind.END:
            return None
        member = block.by if effect.kind is EffectKind.SANCTION else block.lifted_by
        try:
            return await guild.fetch_member(member or 0)
        except discord.NotFound:
            return None

    async def _is_ours(self, guild: discord.Guild, case: Case) -> bool:
        """Whether the member's ban is one that the bot set. One that a moderator has set anew by hand is theirs to lift."""
        try:
            ban = await guild.fetch_ban(discord.Object(case.member))
        except (discord.NotFound, discord.Forbidden):
            return True  # said by the lifting itself
        say, reason = say_in(self._client, guild.id), ban.reason or ""
        numbers = await self._records.cases.numbers_of_bans(guild.id, case.member)
        return any(reason.startswith(say("case-audit-mark", number=each)) for each in numbers)

    async def _why_lifted(self, say: Language, effect: Effect, case: Case) -> str:
        """Returns the reason for Discord's own audit log."""
        if effect.kind is EffectKind.END:
            return say("case-audit-ended", number=case.number)
        for entry in reversed(await self._records.entries.of_case(case.id)):
            if entry.kind is EntryKind.LIFTED:
                return entry.text
            if entry.kind is EntryKind.PARDONED:
                return say("case-audit-pardoned", number=case.number)
            if entry.kind is EntryKind.ANSWERED:
                return say("case-audit-overturned", number=case.number)
        return ""

    # ---- rows

    async def _settle(self, result: Result) -> None:
        """Records a result: all of it, or none."""
        effect, now = result.effect, self._parts.clock()
        async with self._records.database.transaction() as tx:
            if result.is_tried_again:
                again_at = now + pause_after(effect.failures)
                await self._records.effects.put_off(tx, effect, again_at, is_failure=True)
                return
            await self._records.effects.over(tx, effect)
            if result.case is None:
                return
            if _is_noted(result):
                details = {"effect": effect.kind, "power": result.power, "obstacle": result.obstacle}
                kind = EntryKind.NOT_DONE
                await self._records.entries.add(
                    tx, result.case.id, at=now, by=None, name="", kind=kind, details=details
                )
            elif effect.kind in _SANCTIONS and result.obstacle is None and result.by is not None:
                await self._record_sanction(tx, result, result.case, result.by)

    async def _record_sanction(self, tx: Transaction, result: Result, case: Case, by: Moderator) -> None:
        if result.effect.kind is EffectKind.SANCTION:
            act = Act.DISCORD_SANCTION
            await self._records.cases.set_power(tx, case.id, result.power)
            if result.power == "ban" and case.expires_at is not None:
                await self._parts.casework.want(tx, EffectKind.END, case, due_at=case.expires_at)
        else:
            act = Act.DISCORD_LIFTED
            if result.power == "ban":
                await self._records.effects.drop_ends(tx, case.guild_id, case.member)
        await self._parts.takedown.note(
            tx, by, act, case.member, case=case.number, details={"power": result.power}
        )


def _power_of(effect: Effect, case: Case) -> str:
    """Returns "timeout" or "ban". The case has it once Discord has set it."""
    return str(case.outcome) if effect.kind is EffectKind.SANCTION else case.power


def _is_noted(result: Result) -> bool:
    """Whether the case says that it was not done. Who can't be told is told at their next use."""
    is_undone = result.obstacle is not None and result.obstacle not in _NOT_NOTED
    return is_undone and not result.is_tried_again and result.effect.kind not in _NOTICES


def _changes_card(result: Result) -> bool:
    return _is_noted(result) or (result.effect.kind in _SANCTIONS and result.obstacle is None)
