"""The interaction payload, as the gateway sends it."""

from __future__ import annotations

from playground.files import FILE_LIMIT
from playground.guild import DM, Channel, User
from playground.messages import Message
from playground.values import Json
from playground.world import World


def payload_of(
    world: World,
    id: int,
    token: str,
    type: int,
    user: User,
    channel: Channel,
    data: Json,
    source: Message | None,
) -> Json:
    """The interaction as the gateway sends it, with everything that Discord puts in."""
    is_dm = channel.type == DM
    may = world.permissions(user.id, channel)
    place = channel.json(world.guild.id) | {"permissions": str(may)}
    payload: Json = {
        "id": str(id),
        "application_id": str(world.application_id),
        "type": type,
        "token": token,
        "version": 1,
        "data": data,
        "channel_id": str(channel.id),
        "channel": place,
        "locale": user.locale,
        "app_permissions": str(world.permissions(world.bot.id, channel)),
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": {"0": "0" if is_dm else str(world.guild.id)},
        "context": 1 if is_dm else 0,
        "attachment_size_limit": FILE_LIMIT,
    }
    if is_dm:
        payload["user"] = user.json
    else:
        member = world.guild.members[user.id].json | {"permissions": str(may)}
        guild = {"id": str(world.guild.id), "locale": world.guild.locale, "features": []}
        payload |= {
            "guild_id": str(world.guild.id),
            "guild_locale": world.guild.locale,
            "guild": guild,
            "member": member,
        }
    if source is not None:
        payload["message"] = source.json
    return payload
