"""/mod audit: checks the audit log of all servers, and shows its head and this server's newest acts.

A head is the number and the hash of a row, which a moderator noted outside the database.
"""

import asyncio
import re
from collections.abc import Sequence

import discord

from bot.client import Interaction, answer
from bot.permissions import demand_moderator
from bot.studio import NoHead
from bot.ui import Language, command, markdown, say_to, variant
from db import AuditEntry
from db.audit_check import Checked, Head, check_audit
from generation import MemberId

_SHOWN = 8  # acts
_SUBJECT = re.compile(
    r"(?:case (?P<case>\d+))?(?:, )?(?:job (?P<job>\w+))?(?:, )?(?:rule (?P<rule>.+))?", re.DOTALL
)
"""The subject of a row is part of its hash, so it is stored in one language."""


@command("command-mod-audit")
async def audit(
    interaction: Interaction, head: str | None = None, member: discord.User | None = None
) -> None:
    """`head`: a head noted earlier, which the log must still contain. Raises NoHead; HelpersPropose."""
    guild_id = demand_moderator(interaction)
    witness = None
    if head is not None and (witness := Head.parse(head)) is None:
        raise NoHead(head)
    # A long log takes longer than the three seconds that Discord waits.
    await interaction.response.defer(ephemeral=True)
    records, say = interaction.client.parts.records, say_to(interaction)
    checked = await asyncio.to_thread(check_audit, records.database.path, witness)
    whom = MemberId(member.id) if member else None
    entries = await records.audit.page(guild_id, member=whom, limit=_SHOWN)
    await answer(interaction, page(say, checked, witness, entries, whom))


def page(
    say: Language,
    checked: Checked,
    witness: Head | None,
    entries: Sequence[AuditEntry],
    member: MemberId | None,
) -> str:
    """Returns the state of the log, and the acts. `member`: the one whom the acts are about; None: anyone."""
    lines = [_result(say, checked, witness), *(_line(say, each) for each in entries)]
    if not entries:
        lines.append(say("mod-audit-nothing", member=member))
    return "\n".join(lines)


def _result(say: Language, checked: Checked, witness: Head | None) -> str:
    if (fault := checked.fault) is not None:
        said = say(
            "mod-audit-fault",
            kind=fault.kind,
            row=fault.row,
            before=fault.row - 1,
            last=fault.last,
            missing=fault.last - fault.row + 1,
            what=fault.what,
        )
        return say("mod-audit-broken", fault=said)
    if checked.head is None:
        return say("mod-audit-empty")
    return say(
        "mod-audit-whole",
        acts=checked.rows,
        witness=witness and witness.number,
        # 16 of 64 digits: Head.parse takes the beginning of a hash.
        head=f"{checked.head.number}:{checked.head.hash[:16]}",
    )


def _line(say: Language, each: AuditEntry) -> str:
    details = (
        say("mod-audit-detail", name=variant(name), code=_code(value), value=_value(name, value))
        for name, value in each.details.items()
    )
    parts = [
        say("mod-audit-act", number=each.number, actor=each.actor, act=each.act),
        "" if each.member is None else f"<@{each.member}>",
        _subject(say, each.subject),
        ", ".join(details),
        f"<t:{int(each.at)}:R>",
        markdown.short(markdown.plain(each.reason), 100),
    ]
    return " · ".join(part for part in parts if part)


def _subject(say: Language, subject: str) -> str:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        return markdown.plain(subject)
    return ", ".join(
        say("mod-audit-subject", kind=kind, name=name) for kind, name in found.groupdict().items() if name
    )


def _code(value: object) -> str | bool:
    return value if isinstance(value, bool) else variant(str(value))


def _value(name: str, value: object) -> str:
    """Formats a value of an act's details. Only times are floats above 1e9: unix seconds."""
    if isinstance(value, float) and value > 1e9:
        return f"<t:{int(value)}:f>"
    if name == "channel":
        return f"<#{value}>"
    if name == "role":
        return f"<@&{value}>"
    return markdown.short(markdown.plain(str(value)), 60)


COMMANDS = (audit,)
