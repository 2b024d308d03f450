"""Every act of a moderator adds a row to the audit log. A command or button that is missing from the tables here fails a test."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiosqlite
import pytest
from discord import app_commands

from bot.app import build
from bot.cases.buttons import CaseAction
from bot.client import Atelier
from bot.studio.cases.cases import Decision
from bot.studio.cases.export import Format, What
from bot.studio.errors import PromptRefused
from bot.studio.styles.server_styles import StyleInput
from db.appeals import Decision as Answer
from db.audit import Act
from db.audit_check import check_audit
from db.cases import Case, Outcome
from db.lockdowns import Mode
from db.mod_roles import Level
from db.policies import Scope
from db.server_rules import Draft
from generation.request import JobId
from moderation.pictures.perceptual_hash import Fingerprint
from moderation.policy import Change
from moderation.verdict import Category
from playground.server import Playground
from tests.bot.conftest import ADA, GUILD, MIA, Shop, an_order
from tests.bot.desk import MAX, flagged
from tests.bot.test_old_messages import answered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SERVER = Scope(guild_id=GUILD)


async def decide(shop: Shop, outcome: Outcome, seconds: float | None = None) -> Case:
    case = await flagged(shop)
    decision = Decision(outcome=outcome, reason="spam", seconds=seconds)
    return (await shop.casework.decide(case.id, MIA, decision)).case


async def open_case(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    [record] = await shop.log()
    assert await shop.casework.open_refusal(record.id, MIA)


async def propose_ban(shop: Shop) -> None:
    await shop.desk_settings.set_second_for_bans(MIA, True)
    await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.BAN, reason="raids"))


async def propose(shop: Shop) -> None:
    helper = replace(MIA, is_helper=True)
    await shop.casework.decide((await flagged(shop)).id, helper, Decision(outcome=Outcome.REMOVE))


async def answer(shop: Shop, decision: Answer) -> None:
    case = await decide(shop, Outcome.WARN)
    takedown = shop.appeals
    _, appeal = await takedown.ask(case.id, ADA.member, "ada", "why?")
    await takedown.answer(appeal.id, MAX, decision, "so")


async def power(shop: Shop, act: Act) -> None:
    await shop.takedown.note_power(act, MIA, ADA.member, "ban", case=1)


async def remove(shop: Shop) -> None:
    job = await shop.admit(an_order())
    await shop.takedown.remove(job.id, MIA, "spam")


async def cancel(shop: Shop) -> JobId:
    job = await shop.admit(an_order())
    await shop.takedown.cancel(job.id, MIA)
    return job.id


async def add_rule(shop: Shop) -> None:
    await shop.rule_book.add(MIA, Draft(name="clowns", any_of=("clown",)), is_shadow=True)


async def remove_rule(shop: Shop) -> None:
    await add_rule(shop)
    await shop.rule_book.remove(MIA, "clowns")


async def edit_rule(shop: Shop) -> None:
    await add_rule(shop)
    await shop.rule_book.edit(MIA, "clowns", Draft(name="mimes", any_of=("mime",)), is_shadow=True)


async def reset_policy(shop: Shop) -> None:
    await shop.policies.choose(MIA, SERVER, "family")
    await shop.policies.reset(MIA, SERVER, None)


async def unblock(shop: Shop) -> None:
    await shop.block(ADA)
    await shop.casework.unban(MIA, ADA.member, act=Act.UNBLOCK)


async def claim(shop: Shop) -> None:
    await shop.casework.claim((await flagged(shop)).id, MIA)


async def escalate(shop: Shop) -> None:
    await shop.casework.escalate((await flagged(shop)).id, MIA)


async def note(shop: Shop) -> None:
    await shop.casework.add_note((await flagged(shop)).number, MIA, "seen before")


async def amend(shop: Shop) -> None:
    case = await decide(shop, Outcome.TIMEOUT, 60)
    await shop.casework.amend(case.number, MIA, reason="other", seconds=3600)


async def pardon(shop: Shop) -> None:
    case = await decide(shop, Outcome.WARN)
    await shop.casework.pardon(case.number, MIA, "mercy")


async def unban(shop: Shop) -> None:
    await decide(shop, Outcome.BAN)
    await shop.casework.unban(MIA, ADA.member, "sorry")


async def purge(shop: Shop) -> None:
    await shop.admit(an_order())
    await shop.takedown.purge(MIA, 0.0, "spam", member=ADA.member, most=9)


async def restore(shop: Shop) -> None:
    job = await shop.admit(an_order())
    async with shop.records.database.transaction() as tx:
        await shop.records.pictures.store(
            tx,
            job=job.id,
            index=0,
            content=b"a picture",
            size=job.drawing.size,
            seed=1,
            at=shop.clock.now,
            fingerprint=Fingerprint(bytes(32)),
        )
    await shop.takedown.remove(job.id, MIA, "spam")
    await shop.takedown.restore(MIA, "a mistake", job_id=job.id)


async def remove_style(shop: Shop) -> None:
    await shop.styles.save(ADA, StyleInput(name="ink", words="in black ink"))
    await shop.styles.delete(MIA, "ink", "spam")


async def remove_note(shop: Shop) -> None:
    note = await shop.notebook.add(MIA, ADA.member, "watch out")
    await shop.notebook.remove(MIA, ADA.member, note.id)


ACTS: dict[Act, Callable[[Shop], Awaitable[Any]]] = {
    Act.OPEN_CASE: open_case,
    Act.CLAIM: claim,
    Act.ESCALATE: escalate,
    Act.APPROVE: lambda shop: decide(shop, Outcome.APPROVE),
    Act.REMOVE: remove,
    Act.WARN: lambda shop: decide(shop, Outcome.WARN),
    Act.TIMEOUT: lambda shop: decide(shop, Outcome.TIMEOUT, 60),
    Act.BAN: lambda shop: decide(shop, Outcome.BAN),
    Act.BLOCK: lambda shop: decide(shop, Outcome.BLOCK),
    Act.PROPOSE: propose,
    Act.PROPOSE_BAN: propose_ban,
    Act.DISCORD_SANCTION: lambda shop: power(shop, Act.DISCORD_SANCTION),
    Act.DISCORD_LIFTED: lambda shop: power(shop, Act.DISCORD_LIFTED),
    Act.NOTE: note,
    Act.AMEND: amend,
    Act.PARDON: pardon,
    Act.UNBAN: unban,
    Act.UNBLOCK: unblock,
    Act.APPEAL_UPHELD: lambda shop: answer(shop, Answer.UPHELD),
    Act.APPEAL_OVERTURNED: lambda shop: answer(shop, Answer.OVERTURNED),
    Act.CANCEL: cancel,
    Act.PURGE: purge,
    Act.RESTORE: restore,
    Act.RAID_ON: lambda shop: shop.lockdown.raid(MIA, 60.0, None),
    Act.RAID_OFF: lambda shop: shop.lockdown.raid(MIA, None, None),
    Act.PANIC_OPEN: lambda shop: shop.lockdown.panic(MIA, Mode.OPEN, ""),
    Act.PANIC_PAUSE: lambda shop: shop.lockdown.panic(MIA, Mode.PAUSE, "spam wave"),
    Act.PANIC_FAMILY: lambda shop: shop.lockdown.panic(MIA, Mode.FAMILY, ""),
    Act.PANIC_KNOWN: lambda shop: shop.lockdown.panic(MIA, Mode.KNOWN, ""),
    Act.RULE_ADD: add_rule,
    Act.RULE_EDIT: edit_rule,
    Act.RULE_IMPORT: lambda shop: shop.rule_book.take(MIA, [(Draft(name="x", any_of=("clown",)), True)]),
    Act.RULE_REMOVE: remove_rule,
    Act.POLICY_PRESET: lambda shop: shop.policies.choose(MIA, SERVER, "family"),
    Act.POLICY_CATEGORY: lambda shop: shop.policies.amend(MIA, SERVER, Category.GORE, Change(refuse=0.9)),
    Act.POLICY_RESET: reset_policy,
    Act.MOD_ROLE: lambda shop: shop.levels.choose(MIA, 5, Level.HELPER),
    Act.LOG_CHANNEL: lambda shop: shop.desk_settings.set_log_channel(MIA, 42),
    Act.SECOND_FOR_BANS: lambda shop: shop.desk_settings.set_second_for_bans(MIA, True),
    Act.PAID_ACCESS: lambda shop: shop.desk_settings.set_paid(MIA, True),
    Act.MEMBER_NOTE: lambda shop: shop.notebook.add(MIA, ADA.member, "watch out"),
    Act.NOTE_REMOVE: remove_note,
    Act.KEPT_REASON: lambda shop: shop.reason_book.save(MIA, "spam", "This is spam."),
    Act.CASE_ROLE: lambda shop: shop.desk_settings.set_case_role(MIA, 5),
    Act.QUIET_HOURS: lambda shop: shop.desk_settings.set_quiet_hours(MIA, (22, 7)),
    Act.DIGEST: lambda shop: shop.desk_settings.set_digest(MIA, 9),
    Act.STYLE_REMOVE: remove_style,
    Act.EXPORT: lambda shop: shop.mod_export.make(MIA, What.LOG, 0.0, 9e9, Format.JSON, 1000),
    Act.READ_LOG: lambda shop: shop.takedown.note_reading(MIA, ADA.member),
}

COMMANDS: dict[str, tuple[Act, ...]] = {
    "mod log": (Act.READ_LOG,),
    "mod cases": (),
    "mod member": (Act.READ_LOG,),
    "mod note": (Act.MEMBER_NOTE, Act.NOTE_REMOVE, Act.READ_LOG),
    "server cards mention": (Act.CASE_ROLE,),
    "server cards quiet-hours": (Act.QUIET_HOURS,),
    "server cards digest": (Act.DIGEST,),
    "server reason save": (Act.KEPT_REASON,),
    "server reason delete": (Act.KEPT_REASON,),
    "server reason list": (),
    "mod stats": (),
    "mod export": (Act.EXPORT,),
    "mod audit": (),
    "mod rule list": (),
    "mod rule test": (),
    "mod block": (Act.BLOCK,),
    "mod unblock": (Act.UNBLOCK,),
    "mod remove": (Act.REMOVE,),
    "Remove picture": (Act.REMOVE,),
    "mod log-channel": (Act.LOG_CHANNEL,),
    "mod case": (Act.AMEND, Act.NOTE),
    "mod pardon": (Act.PARDON, Act.DISCORD_LIFTED),
    "mod desk": (Act.SECOND_FOR_BANS,),
    "mod strike": (Act.PROPOSE, Act.WARN, Act.TIMEOUT, Act.BAN, Act.DISCORD_SANCTION),
    "mod warn": (Act.WARN,),
    "mod timeout": (Act.TIMEOUT, Act.DISCORD_SANCTION),
    "mod ban": (Act.BAN, Act.PROPOSE_BAN, Act.DISCORD_SANCTION),
    "mod unban": (Act.UNBAN, Act.DISCORD_LIFTED),
    "mod purge": (Act.PURGE,),
    "mod restore": (Act.RESTORE,),
    "mod raid": (Act.RAID_ON, Act.RAID_OFF),
    "mod panic": (Act.PANIC_OPEN, Act.PANIC_PAUSE, Act.PANIC_FAMILY, Act.PANIC_KNOWN),
    "mod rule add": (Act.RULE_ADD,),
    "mod rule edit": (Act.RULE_EDIT,),
    "mod rule import": (Act.RULE_IMPORT,),
    "mod rule export": (),
    "mod rule remove": (Act.RULE_REMOVE,),
    "server policy show": (),
    "server policy preset": (Act.POLICY_PRESET,),
    "server policy category": (Act.POLICY_CATEGORY,),
    "server policy reset": (Act.POLICY_RESET,),
    "server paid": (Act.PAID_ACCESS,),
    "server level": (Act.MOD_ROLE,),
}
"""The acts of each moderator command; empty for commands that only show something."""

PRESSES: dict[CaseAction | Answer, Act] = {
    CaseAction.OPEN: Act.OPEN_CASE,
    CaseAction.APPROVE: Act.APPROVE,
    CaseAction.REMOVE: Act.REMOVE,
    CaseAction.CONFIRM: Act.REMOVE,
    CaseAction.ESCALATE: Act.ESCALATE,
    CaseAction.WARN: Act.CLAIM,
    CaseAction.TIMEOUT: Act.CLAIM,
    CaseAction.BAN: Act.CLAIM,
    Answer.UPHELD: Act.APPEAL_UPHELD,
    Answer.OVERTURNED: Act.APPEAL_OVERTURNED,
}


def test_every_act_is_tried() -> None:
    assert set(ACTS) == set(Act)


def test_every_command_and_button_of_a_moderator_has_its_act(shop: Shop) -> None:
    tree = build(shop, asyncio.create_task).tree
    named: set[str] = set()
    for group in (tree.get_command("mod"), tree.get_command("server")):
        assert isinstance(group, app_commands.Group)
        commands = group.walk_commands()
        named |= {each.qualified_name for each in commands if not isinstance(each, app_commands.Group)}
    assert named | {"Remove picture"} == set(COMMANDS)
    shows = {CaseAction.NEXT, CaseAction.HISTORY}
    assert set(PRESSES) == {*CaseAction, *Answer} - shows, "those only show a case"
    # Owners have these too: the button on a gallery's card that cancels an order, and /style delete.
    theirs = {Act.CANCEL, Act.STYLE_REMOVE}
    assert {act for acts in COMMANDS.values() for act in acts} | set(PRESSES.values()) | theirs == set(Act)


async def test_who_reads_the_log_with_its_command_is_in_the_audit_log(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia, ada = play.person("mia"), play.person("ada")
    await answered(await mia.slash("gallery", "mod log"))
    await answered(await mia.slash("gallery", "mod log", member=ada))
    read = await shop.records.audit.page(play.world.guild.id)
    assert [(each.act, each.actor, each.member) for each in read] == [
        (Act.READ_LOG, mia.id, ada.id),
        (Act.READ_LOG, mia.id, None),
    ]


@pytest.mark.parametrize("act", list(Act))
async def test_an_act_is_in_the_log_with_who_did_it(shop: Shop, act: Act) -> None:
    await ACTS[act](shop)
    newest = (await shop.records.audit.page(GUILD, limit=1))[0]
    assert (newest.act, newest.at) == (act, shop.clock.now)
    is_answer = act in (Act.APPEAL_UPHELD, Act.APPEAL_OVERTURNED)
    assert (newest.actor, newest.actor_name) == (
        (MAX if is_answer else MIA).member,
        "max" if is_answer else "mia",
    )
    assert check_audit(shop.records.database.path).fault is None


@pytest.mark.parametrize(
    "act", [each for each in Act if each not in (Act.DISCORD_LIFTED, Act.DISCORD_SANCTION)]
)
async def test_an_act_and_its_row_are_one_transaction(
    shop: Shop, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the audit row can't be written, the act is not done: nothing else in the database changes."""

    class Refused(Exception):
        pass

    original = shop.records.audit.append
    before: list[list[tuple[Any, ...]]] = []

    async def append(tx: Any, **values: Any) -> int:
        if values["act"] is act:
            before.append(await asyncio.create_task(contents(shop)))
            raise Refused
        return await original(tx, **values)

    monkeypatch.setattr(type(shop.records.audit), "append", staticmethod(append))
    with pytest.raises(Refused):
        await ACTS[act](shop)
    assert before == [await contents(shop)]


async def contents(shop: Shop) -> list[tuple[Any, ...]]:
    """Returns every committed row of every table. Uses its own connection, because the shop's reader would see the shop's
    transaction."""
    async with aiosqlite.connect(shop.records.database.path) as apart:
        names = await apart.execute_fetchall(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        )
        return [
            tuple(row) for (name,) in names for row in await apart.execute_fetchall(f"SELECT * FROM {name}")
        ]


async def test_a_member_who_cancels_or_deletes_their_own_is_no_moderator(shop: Shop) -> None:
    first, second = await shop.admit(an_order()), await shop.admit(an_order())
    await shop.takedown.cancel(first.id, ADA)
    await shop.takedown.remove(second.id, ADA, "")
    assert await shop.records.audit.page(GUILD) == []
