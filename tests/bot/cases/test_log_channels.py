"""Where a server's cards go: what the bot needs there, who reads it, and the greeting when it joins."""

import pytest

from bot.client import Atelier
from playground.server import Playground
from playground.world.guild import (
    ATTACH_FILES,
    EMBED_LINKS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    USE_APPLICATION_COMMANDS,
    VIEW_CHANNEL,
    Overwrite,
)
from tests.bot.conftest import Shop, until
from tests.bot.test_old_messages import answered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def chosen(shop: Shop, play: Playground) -> int | None:
    return (await shop.records.guilds.get(play.world.guild.id)).log_channel_id


def deny(play: Playground, permission: int) -> None:
    """Denies the bot a permission in the channel after-dark, which only moderators read."""
    world = play.world
    bots = next(id for id, role in world.guild.roles.items() if role.bot_id)
    play.channel("after-dark").overwrites = (
        Overwrite(role_id=world.guild.id, deny=VIEW_CHANNEL),
        Overwrite(role_id=world.moderators, allow=VIEW_CHANNEL),
        Overwrite(role_id=bots, allow=VIEW_CHANNEL & ~permission, deny=permission),
    )
    id = world.guild.id
    play.gateway.dispatch("CHANNEL_UPDATE", play.channel("after-dark").json(id), id)


@pytest.mark.parametrize(
    ("permission", "name"),
    [
        (VIEW_CHANNEL, "View Channel"),
        (SEND_MESSAGES, "Send Messages"),
        (EMBED_LINKS, "Embed Links"),
        (ATTACH_FILES, "Attach Files"),
    ],
)
async def test_a_channel_where_the_bot_may_not_post_is_refused_with_what_is_missing(
    shop: Shop, play: Playground, atelier: Atelier, permission: int, name: str
) -> None:
    deny(play, permission)
    dark = play.channel("after-dark")
    said = await answered(await play.person("mia").slash("gallery", "mod log-channel", channel=dark))
    assert f"I lack the permission {name} in <#{dark.id}>" in said
    assert await chosen(shop, play) is None


async def test_a_channel_that_the_bot_has_never_seen_is_refused_alike(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    dark = play.channel("after-dark")
    play.gateway.dispatch("CHANNEL_DELETE", dark.json(play.world.guild.id), play.world.guild.id)
    await until(lambda: atelier.get_channel(dark.id) is None)
    said = await answered(await play.person("mia").slash("gallery", "mod log-channel", channel=dark))
    assert "I lack the permission View Channel" in said


async def test_a_channel_that_everybody_reads_needs_a_confirmation(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    mia, gallery = play.person("mia"), play.channel("gallery")
    use = await mia.slash("gallery", "mod log-channel", channel=gallery)
    warning = await use.wait_for_message()
    assert "Everyone can read" in warning.texts and await chosen(shop, play) is None
    await (await mia.click(warning, label="Use it anyway")).wait_for_answer()
    assert await chosen(shop, play) == gallery.id
    use = await mia.slash("gallery", "mod log-channel", channel=play.channel("mod-log"))
    assert "from now on" in await answered(use)
    assert await chosen(shop, play) == play.channel("mod-log").id


def rejoin(play: Playground, atelier: Atelier) -> None:
    """Removes the bot from the server and adds it again."""
    guild, bot = play.world.guild, play.world.bot
    play.gateway.dispatch("GUILD_DELETE", {"id": str(guild.id)}, guild.id)
    body = guild.json | {
        "joined_at": guild.members[bot.id].joined_at,
        "large": False,
        "member_count": len(guild.members),
        "members": [guild.members[bot.id].json],
        "channels": [each.json(guild.id) for each in play.world.channels.values() if each.type == 0],
        "threads": [],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }
    play.gateway.dispatch("GUILD_CREATE", body, guild.id)


async def test_where_nothing_is_missing_the_greeting_says_how_to_begin(
    play: Playground, atelier: Atelier
) -> None:
    rejoin(play, atelier)
    greeting = await play.wait_for_message(lambda each: "/imagine" in each.texts)
    assert "⚠️" not in greeting.texts


async def test_the_greeting_says_what_is_missing(play: Playground, atelier: Atelier) -> None:
    guild = play.world.guild
    del play.world.channels[play.channel("mod-log").id]
    for id, role in guild.roles.items():
        lost = USE_APPLICATION_COMMANDS if id == guild.id else 0
        guild.roles[id] = role.__class__(
            id=id,
            name=role.name,
            permissions=role.permissions & ~(EMBED_LINKS | READ_MESSAGE_HISTORY | lost),
            position=role.position,
            bot_id=role.bot_id,
        )
    rejoin(play, atelier)
    greeting = await play.wait_for_message(lambda each: "/imagine" in each.texts)
    for words in (
        "I lack the permissions Embed Links, Read Message History.",
        "Use Application Commands",
        "/mod log-channel",
    ):
        assert words in greeting.texts


async def test_the_greeting_says_where_the_log_channel_is_closed(play: Playground, atelier: Atelier) -> None:
    world, log = play.world, play.channel("mod-log")
    bots = next(id for id, role in world.guild.roles.items() if role.bot_id)
    log.overwrites = (*log.overwrites, Overwrite(role_id=bots, deny=SEND_MESSAGES))
    rejoin(play, atelier)
    greeting = await play.wait_for_message(lambda each: "/imagine" in each.texts)
    assert f"would go to <#{log.id}>, but there I lack Send Messages" in greeting.texts
