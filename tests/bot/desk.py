"""Test helpers for moderators: moderators, their decisions, and cases to decide."""

from dataclasses import replace

from bot.studio.cases.cases import Decision
from bot.studio.orders.order import Actor
from db.cases import Case, Outcome
from db.jobs import Job
from generation.request import MemberId
from tests.bot.conftest import ADA, GUILD, MIA, Shop, an_order

FLAGGED = "a bloody sword"
MAX = replace(MIA, member=MemberId(80351110224678915), name="max")
OLA = replace(MIA, member=MemberId(80351110224678916), name="ola", is_senior=True)
REMOVE, APPROVE = Decision(outcome=Outcome.REMOVE), Decision(outcome=Outcome.APPROVE)
WARN = Decision(outcome=Outcome.WARN, reason="not here")


async def case_of(shop: Shop, job: Job) -> Case:
    """Returns the job's case."""
    case = await shop.records.cases.of_job(job.id)
    assert case is not None
    return case


async def unfold(shop: Shop) -> None:
    """Lets no order join the cases that are open."""
    async with shop.records.database.transaction() as tx:
        await tx.all("UPDATE cases SET folds_until = NULL")


async def flagged(shop: Shop, actor: Actor = ADA) -> Case:
    """Returns the case of an order with a flagged prompt: one of its own."""
    await unfold(shop)
    return await case_of(shop, await shop.admit(an_order(FLAGGED, actor, images=1)))


async def actions(shop: Shop) -> list[str]:
    """Returns the acts in the audit log, oldest first."""
    return await actions_of(shop, GUILD)


async def actions_of(shop: Shop, guild_id: int) -> list[str]:
    return [each.act for each in reversed(await shop.records.audit.page(guild_id, limit=100))]


async def warned(shop: Shop, times: int = 1) -> None:
    for _ in range(times):
        await shop.casework.sanction(MIA, ADA.member, "ada", WARN)
