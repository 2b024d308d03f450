"""Raid mode and the lockdown: who may order, that both survive a restart, and that both are logged."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.studio.errors import KnownOnly, Paused, PromptRefused, RaidHolds
from bot.studio.orders.order import Actor
from bot.studio.settings import Settings
from bot.texts import language
from db.lockdowns import Mode
from tests.bot.conftest import ADA, ADULTS, BEN, GUILD, MIA, Shop, an_order, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

DAY = 86_400.0


def aged(shop: Shop, account: float, member: float) -> Actor:
    """Returns Ada with an account and a membership of this age in days."""
    now = shop.clock.now
    return replace(ADA, account_at=now - account * DAY, joined_at=now - member * DAY)


@pytest.mark.parametrize(
    ("account", "member", "is_let_in"),
    [(7, 1, True), (6.99, 1, False), (7, 0.99, False), (400, 400, True), (0, 0, False)],
)
async def test_raid_mode_holds_young_accounts_and_new_members(
    shop: Shop, account: float, member: float, is_let_in: bool
) -> None:
    await shop.lockdown.raid(MIA, 7 * DAY, DAY)
    actor = aged(shop, account, member)
    if is_let_in:
        await shop.admit(an_order(actor=actor))
        return
    with pytest.raises(RaidHolds) as held:
        await shop.admit(an_order(actor=actor))
    assert language("en").sentence(held.value) == (
        "This server is in raid mode: for now only accounts older than 1 week that have been members for more than 1 day "
        "can make pictures. Nothing was charged."
    )
    assert await shop.spent() == 0


async def test_raid_mode_lets_moderators_in_and_ends(shop: Shop) -> None:
    await shop.lockdown.raid(MIA, 7 * DAY, None)
    await shop.admit(an_order(actor=MIA))
    with pytest.raises(RaidHolds):
        await shop.admit(an_order())  # unknown account age counts as young
    await shop.lockdown.raid(MIA, None, None)
    await shop.admit(an_order())
    assert [each.act for each in await shop.records.audit.page(GUILD)] == ["raid-off", "raid-on"]


async def test_a_pause_is_for_everybody_and_says_why(shop: Shop) -> None:
    await shop.lockdown.panic(MIA, Mode.PAUSE, "spam wave")
    for actor in (ADA, MIA):
        with pytest.raises(Paused) as paused:
            await shop.admit(an_order(actor=actor))
        assert "Reason: spam wave" in (language("en").sentence(paused.value) or "")
    await shop.admit(an_order(actor=replace(ADA, guild_id=GUILD + 1)))
    await shop.lockdown.panic(MIA, Mode.OPEN, "")
    await shop.admit(an_order())
    assert [each.act for each in await shop.records.audit.page(GUILD)] == ["panic-open", "panic-pause"]


async def test_family_only_refuses_what_would_be_flagged_and_knows_no_adults(shop: Shop) -> None:
    adults = replace(ADA, is_age_restricted=True)
    await shop.policies.choose(MIA, ADULTS, "mature")
    await shop.admit(an_order("a bloody sword"))
    await shop.admit(an_order("a nude woman", adults))
    await shop.lockdown.panic(MIA, Mode.FAMILY, "")
    await shop.admit(an_order("a fox"))
    for order in (
        an_order("a bloody sword", BEN),
        an_order("a nude woman", replace(adults, member=BEN.member)),
    ):
        with pytest.raises(PromptRefused):
            await shop.admit(order)


async def test_known_members_are_those_who_drew_before(busy: Shop) -> None:
    for _ in range(3):
        await busy.draw(actor=BEN, images=1)
    busy.clock.now += 2 * DAY
    for _ in range(3):
        await busy.draw(images=1)  # use on the day of the raid does not count
    await busy.lockdown.panic(MIA, Mode.KNOWN, "")
    await busy.admit(an_order(actor=BEN, images=1))
    with pytest.raises(KnownOnly):
        await busy.admit(an_order(images=1))


async def test_both_hold_after_a_restart(
    shop: Shop, open_shop: Callable[[Settings], Shop], settings: Settings
) -> None:
    await shop.lockdown.raid(MIA, 7 * DAY, DAY)
    with pytest.raises(RaidHolds):
        await open_shop(settings).admit(an_order())
    await shop.lockdown.panic(MIA, Mode.PAUSE, "")
    reopened = open_shop(settings)
    with pytest.raises(Paused):
        await reopened.admit(an_order())
    gate = await reopened.lockdown.state(GUILD)
    assert gate.is_raid and gate.mode is Mode.PAUSE


async def test_an_order_that_was_screened_before_the_pause_is_not_taken_after_it(shop: Shop) -> None:
    database = shop.records.database
    async with database.transaction() as tx:
        order = asyncio.create_task(shop.admit(an_order()))
        # It is screened, and waits for its turn to write.
        await until(lambda: bool(database._lock._waiters))  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
        state = replace(await shop.lockdown.state(GUILD), mode=Mode.PAUSE, reason="a raid")
        await shop.records.lockdowns.set(tx, state, MIA.member)
    with pytest.raises(Paused):
        await order
    assert await shop.spent() == 0


async def test_raid_mode_and_panic_end_by_themselves_also_after_a_restart(
    shop: Shop, open_shop: Callable[[Settings], Shop], settings: Settings
) -> None:
    await shop.lockdown.raid(MIA, 7 * DAY, DAY, 2 * DAY)
    await shop.lockdown.panic(MIA, Mode.PAUSE, "spam wave", DAY)
    shop.clock.now += DAY - 1
    assert await shop.lockdown.servers_due() == []
    reopened = open_shop(settings)
    with pytest.raises(Paused) as paused:
        await reopened.admit(an_order())
    said = language("en").sentence(paused.value)
    assert said is not None and f"That ends <t:{int(shop.clock.now + 1)}:f>. Reason: spam wave" in said
    shop.clock.now += 1
    with pytest.raises(RaidHolds):
        await reopened.admit(an_order())
    bot = replace(MIA, member=BEN.member)
    assert await reopened.lockdown.servers_due() == [GUILD]
    ended = await reopened.lockdown.end(bot)
    assert (ended.is_raid, ended.is_panic, await reopened.lockdown.servers_due()) == (False, True, [])
    shop.clock.now += DAY
    await reopened.admit(an_order())
    ended = await reopened.lockdown.end(bot)
    assert (ended.is_raid, ended.is_panic) == (True, False)
    ended = await reopened.lockdown.end(bot)
    assert (ended.is_raid, ended.is_panic) == (False, False)
    acts = [(each.act, each.actor) for each in await shop.records.audit.page(GUILD, limit=2)]
    assert acts == [("raid-off", BEN.member), ("panic-open", BEN.member)]


async def test_family_ends_for_pictures_too(shop: Shop) -> None:
    await shop.lockdown.panic(MIA, Mode.FAMILY, "", DAY)
    job = await shop.admit(an_order())
    strict = await shop.picture_screening.policy_of(job)
    shop.clock.now += DAY
    assert await shop.picture_screening.policy_of(job) != strict


async def test_a_new_panic_replaces_the_end_and_open_has_none(shop: Shop) -> None:
    await shop.lockdown.panic(MIA, Mode.KNOWN, "", DAY)
    await shop.lockdown.panic(MIA, Mode.PAUSE, "")
    assert (await shop.lockdown.state(GUILD)).mode_until is None
    await shop.lockdown.panic(MIA, Mode.OPEN, "", DAY)
    assert (await shop.lockdown.state(GUILD)).mode_until is None
