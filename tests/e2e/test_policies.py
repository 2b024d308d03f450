"""/server policy, seen by members who may manage the server, and its effect on their members."""

import asyncio
from typing import Any

import pytest

from playground.world.errors import Refused
from tests.e2e.stage import Stage
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

SUGGESTIVE = "a woman in a seductive pose"


async def test_a_server_lets_its_age_restricted_channels_go_further_and_takes_it_back(stage: Stage) -> None:
    ada, where = stage.guest(), "age-restricted"
    refused = await ada.slash("after-dark", "imagine", prompt="a nude statue", images=1)
    assert "can't be drawn here" in await stage.private(refused)
    use = await stage.mia.slash("gallery", "server policy preset", preset="mature", where=where)
    said = await stage.private(use)
    assert said == "In age-restricted channels the policy is *mature* from now on."
    told = await stage.play.wait_for_message(lambda m: said in m.texts, "mod-log", stage.mia, timeout=60)
    assert f"by <@{stage.mia.id}>" in told.texts
    await stage.gallery(await ada.slash("after-dark", "imagine", prompt="a nude statue", images=1))
    refused = await ada.slash("gallery", "imagine", prompt="a nude statue", images=1)
    assert "can't be drawn here" in await stage.private(refused)
    use = await stage.mia.slash("gallery", "server policy reset", where=where)
    assert "is taken back" in await stage.private(use)
    refused = await ada.slash("after-dark", "imagine", prompt="a nude statue", images=1)
    assert "can't be drawn here" in await stage.private(refused)


async def test_where_access_is_paid_for_a_licence_that_forbids_it_hides_its_model(stage: Stage) -> None:
    async def offered() -> list[str]:
        choices = await stage.ada.autocomplete("gallery", "imagine", prompt="x", focused="model", model="")
        return [each["name"] for each in choices]

    assert any(name.startswith("emoji · not for commercial use") for name in await offered())
    use = await stage.mia.slash("gallery", "server paid", is_paid=True)
    assert "so they are not offered: emoji" in await stage.private(use)
    assert not any(name.startswith("emoji") for name in await offered())
    refused = await stage.ada.slash("gallery", "imagine", prompt="a fox --model emoji", images=1)
    assert "forbids paid access" in await stage.private(refused)
    use = await stage.mia.slash("gallery", "server paid", is_paid=False)
    assert "All models are offered" in await stage.private(use)


async def test_the_card_says_what_holds_where_and_what_nobody_can_change(stage: Stage) -> None:
    channel = stage.play.channel("after-dark")
    changes: list[tuple[str, dict[str, Any]]] = [
        ("preset", {"preset": "family", "channel": channel}),
        ("category", {"category": "gore", "action": "flag", "refuse": 1.0, "where": "server"}),
    ]
    for name, options in changes:
        use = await stage.mia.slash("gallery", f"server policy {name}", **options)
        await use.wait_for_message()
    card = (await (await stage.mia.slash("after-dark", "server policy show")).wait_for_message()).texts
    assert "**This server** · *standard*, the bot owner's default, changed: gore" in card
    assert "gore: flagged where found, by score from 0.79" in card
    assert "**Age-restricted channels** · as the server" in card
    assert f"**<#{channel.id}>** · *family*" in card
    assert "sexual, nudity, self-harm: refused where found, by score from 0.40" in card
    assert "minors with sexual or suggestive content" in card
    back: list[dict[str, Any]] = [{"channel": channel}, {"category": "gore"}]
    for options in back:
        await (await stage.mia.slash("gallery", "server policy reset", **options)).wait_for_message()
    card = (await (await stage.mia.slash("gallery", "server policy show")).wait_for_message()).texts
    assert "changed" not in card


async def test_a_change_that_goes_too_far_for_an_ordinary_channel_says_so(stage: Stage) -> None:
    use = await stage.mia.slash(
        "gallery", "server policy category", category="nudity", action="allow", where="channel"
    )
    assert "content that *standard* refuses is always refused" in await stage.private(use)
    refused = await stage.guest().slash("gallery", "imagine", prompt="a nude statue")
    assert "can't be drawn here" in await stage.private(refused)
    use = await stage.mia.slash("gallery", "server policy reset", where="channel")
    assert "is taken back" in await stage.private(use)
    use = await stage.mia.slash("gallery", "server policy reset", where="channel")
    assert "There is no choice to take back there" in await stage.private(use)


async def test_a_thread_follows_its_channel(stage: Stage) -> None:
    ada = stage.guest()
    world = stage.play.world
    thread = world.open_thread(stage.play.channel("gallery"), "Lakes", ada.id)
    use = await stage.mia.slash("gallery", "server policy preset", preset="family", where="channel")
    await use.wait_for_message()
    refused = await ada.slash(thread, "imagine", prompt=SUGGESTIVE)
    assert "can't be drawn here" in await stage.private(refused)
    use = await stage.mia.slash(thread, "server policy reset", where="channel")
    assert "is taken back" in await stage.private(use)


async def test_members_and_mere_moderators_choose_nothing(stage: Stage) -> None:
    commands: list[tuple[str, dict[str, Any]]] = [
        ("show", {}),
        ("preset", {"preset": "mature"}),
        ("category", {"category": "gore", "action": "allow"}),
        ("reset", {}),
    ]
    for name, options in commands:
        with pytest.raises(Refused):
            await stage.ada.slash("gallery", f"server policy {name}", **options)
        # as if the server's admins had allowed the command for every member
        use = await stage.ada.slash("gallery", f"server policy {name}", force=True, **options)
        assert await stage.private(use) == "That needs the Manage Server permission."
    assert (
        stage.rows(
            "SELECT * FROM policies UNION ALL SELECT guild_id, scope, channel_id, category, 1, 1 FROM stances"
        )
        == []
    )


async def test_many_changes_at_once_leave_one_of_them(stage: Stage) -> None:
    presets = ["family", "standard", "mature"] * 3
    uses = await asyncio.gather(
        *(stage.mia.slash("gallery", "server policy preset", preset=each) for each in presets)
    )
    for use in uses:
        await use.wait_for_message()
    row = stage.row("SELECT preset FROM policies")
    assert row["preset"] in presets
    await (await stage.mia.slash("gallery", "server policy reset")).wait_for_message()


@needs_openapi
async def test_all_of_it_is_by_discords_description(stage: Stage) -> None:
    await stage.private(await stage.mia.slash("gallery", "server policy show"))
    stage.verify()
