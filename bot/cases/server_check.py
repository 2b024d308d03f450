"""`python main.py doctor` asks Discord about the bot's servers: what the bot may do there, and where moderators' cards go.

By HTTP alone, and it changes nothing: a running bot keeps its connection.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

import discord
from discord.http import Route

from bot.cases.greeting import INVITED
from bot.cases.log_channels import is_public, missing_in, names_of
from bot.connection import WrongToken
from bot.posted_message import UNREACHABLE, reason_of
from bot.texts import ENGLISH, language

_MOST_SERVERS = 50
"""Servers that are looked at, those of the oldest id first. Each takes three requests."""
_SECONDS = 60.0

_NAMES = language(ENGLISH)


async def examine_servers(
    api: str, token: str, default: str, chosen: Mapping[int, int], show: Callable[[str], None]
) -> list[str]:
    """Returns what is missing in the bot's servers, as sentences. Raises WrongToken.

    `default`: the name of the log channel where none is chosen. `chosen`: the chosen one's id by the server's.
    """
    Route.BASE = api
    troubles: list[str] = []
    unasked: dict[str, list[str]] = {}  # servers by the reason
    try:
        async with asyncio.timeout(_SECONDS), discord.Client(intents=discord.Intents.none()) as client:
            await client.login(token)
            found = [each async for each in client.fetch_guilds(limit=None, with_counts=False)]
            found.sort(key=lambda each: each.id)
            looked_at = f", of which {_MOST_SERVERS} are looked at" if len(found) > _MOST_SERVERS else ""
            show(f"{'servers':<14} {len(found)}{looked_at}")
            for each in found[:_MOST_SERVERS]:
                try:
                    troubles += await _troubles_of(client, each, default, chosen)
                except UNREACHABLE as error:
                    unasked.setdefault(reason_of(error), []).append(repr(each.name))
    except discord.LoginFailure as error:
        raise WrongToken from error
    except UNREACHABLE as error:
        troubles.append(f"Discord at {api} can't be asked about the bot's servers: {reason_of(error)}.")
    for reason, names in unasked.items():
        which = f"the server {names[0]}" if len(names) == 1 else f"{len(names)} servers, such as {names[0]}"
        troubles.append(f"Discord at {api} can't be asked about {which}: {reason}.")
    return troubles


async def _troubles_of(
    client: discord.Client, known: discord.Guild, default: str, chosen: Mapping[int, int]
) -> Sequence[str]:
    """Raises one of UNREACHABLE. Others: as in `examine_servers`."""
    guild = await client.fetch_guild(known.id, with_counts=False)
    me = await guild.fetch_member(client.user.id if client.user else 0)
    log = _log_channel(await guild.fetch_channels(), default, chosen.get(guild.id))
    return list(_missing(guild, me, log, is_chosen=guild.id in chosen))


def _log_channel(
    channels: Sequence[discord.abc.GuildChannel], default: str, chosen: int | None
) -> discord.TextChannel | None:
    texts = [each for each in channels if isinstance(each, discord.TextChannel)]
    return next((each for each in texts if (each.id == chosen if chosen else each.name == default)), None)


def _missing(
    guild: discord.Guild, me: discord.Member, log: discord.TextChannel | None, *, is_chosen: bool
) -> Iterator[str]:
    """`log`: the log channel, if it is there. `is_chosen`: otherwise it is the one with the default name."""
    held = me.guild_permissions
    if missing := discord.Permissions(INVITED.value & ~held.value):
        yield _of(guild, f"the bot lacks {names_of(_NAMES, missing)}")
    if not guild.default_role.permissions.use_application_commands:
        yield _of(guild, "members lack Use Application Commands")
    if log is None and is_chosen:
        yield _of(guild, "the chosen log channel is deleted, or hidden from the bot")
    elif log is None:
        yield _of(guild, "moderators have no log channel (/mod log-channel)")
    elif closed := discord.Permissions(missing_in(log, me).value & held.value):
        yield _of(guild, f"in the log channel #{log.name} the bot lacks {names_of(_NAMES, closed)}")
    elif is_public(log):
        yield _of(guild, f"everyone can read the log channel #{log.name}")


def _of(guild: discord.Guild, trouble: str) -> str:
    return f"The server {guild.name!r}: {trouble}."
