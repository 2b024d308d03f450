"""A model whose licence forbids paid access is not offered where a server's managers say that access is paid for."""

from dataclasses import replace

import pytest

from bot.studio.errors import PaidAccess
from bot.studio.orders.offered_models import OfferedModels
from db import JobAction
from generation.request import ModelName
from tests.bot.conftest import ADA, GUILD, LARGE, MIA, SMALL, Shop, an_order

FORBIDDING = replace(SMALL, licence_class="non-commercial")
RESEARCH = replace(LARGE, name=ModelName("lab"), licence_class="research")
OPEN = replace(LARGE, licence_class="revenue-limit")


def offered_by(shop: Shop, *models: object) -> OfferedModels:
    settings = replace(
        shop.settings, models=models, generation=replace(shop.settings.generation, default_model=SMALL.name)
    )
    return OfferedModels(settings, shop.records)


async def test_paid_access_hides_the_models_whose_licence_forbids_it(shop: Shop) -> None:
    offered = offered_by(shop, FORBIDDING, RESEARCH, OPEN)
    order, upscale = an_order(), an_order(action=JobAction.UPSCALE)
    assert list(await offered.of(GUILD)) == [FORBIDDING, RESEARCH, OPEN]
    assert await offered.default(GUILD) == FORBIDDING
    await offered.demand(order)

    await shop.desk_settings.set_paid(MIA, True)
    assert list(await offered.of(GUILD)) == [OPEN]
    assert await offered.default(GUILD) == OPEN
    with pytest.raises(PaidAccess) as caught:
        await offered.demand(order)
    assert caught.value.model == FORBIDDING.name
    await offered.demand(upscale)
    await offered.demand(an_order(model=OPEN.name))
    await offered.demand(replace(order, actor=replace(ADA, guild_id=None)))
    assert len(await offered.of(GUILD + 1)) == len(await offered.of(None)) == 3

    assert await offered_by(shop, FORBIDDING).default(GUILD) == FORBIDDING, "its orders are refused"
    await shop.desk_settings.set_paid(MIA, False)
    await offered.demand(order)


async def test_a_refused_order_costs_nothing_and_other_settings_of_the_server_stay(shop: Shop) -> None:
    await shop.desk_settings.set_log_channel(MIA, 42)
    await shop.desk_settings.set_paid(MIA, True)
    settings = await shop.records.guilds.get(GUILD)
    assert (settings.is_paid, settings.log_channel_id) == (True, 42)
    shop.studio.offered = offered_by(shop, FORBIDDING)
    with pytest.raises(PaidAccess):
        await shop.admit(an_order())
    assert await shop.spent() == 0
    await shop.desk_settings.set_second_for_bans(MIA, True)
    assert (await shop.records.guilds.get(GUILD)).is_paid
