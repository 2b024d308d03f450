"""/mod audit: whether the log of what moderators did is whole, its head, and what was done last."""

from __future__ import annotations

import asyncio

import discord
from discord import app_commands

from bot.client import Interaction, say
from bot.studio.errors import NoHead
from bot.texts import markdown
from bot.texts import moderators as mod_texts
from db.audit import AuditEntry
from db.audit_check import Checked, Head, check_audit
from generation.request import MemberId

_SHOWN = 8  # acts


@app_commands.command(description="Whether the log of what moderators did is whole, and what was done last")
@app_commands.describe(
    head="A head from an earlier /mod audit, which the log must still hold", member="Only about this member"
)
async def audit(
    interaction: Interaction, head: str | None = None, member: discord.User | None = None
) -> None:
    witness = None
    if head is not None and (witness := Head.parse(head)) is None:
        raise NoHead(head)
    # A long log takes longer than the three seconds that Discord waits.
    await interaction.response.defer(ephemeral=True)
    records = interaction.client.parts.records
    checked = await asyncio.to_thread(check_audit, records.database.path, witness)
    whom = MemberId(member.id) if member else None
    entries = await records.audit.page(interaction.guild_id or 0, member=whom, limit=_SHOWN)
    lines = [_verdict(checked, witness), *(_line(each) for each in entries)]
    if not entries:
        lines.append("Nothing was done here yet." if member is None else "Nothing was done about them.")
    await say(interaction, "\n".join(lines))


def _verdict(checked: Checked, witness: Head | None) -> str:
    if checked.fault:
        return f"### ⚠️ The audit log is broken\n{checked.fault} Tell the owner of this bot."
    if checked.head is None:
        return "### The audit log is empty"
    holds = f" It holds the head of row {witness.number}." if witness else ""
    return (
        f"### The audit log is whole\n{mod_texts.count(checked.rows, 'act')} in all servers.{holds} "
        f"Its head is `{checked.head.number}:{checked.head.hash[:16]}`. Keep it: `/mod audit head:` tells later whether the "
        "log still holds it."
    )


def _line(each: AuditEntry) -> str:
    actor = "somebody forgotten" if each.actor is None else f"<@{each.actor}>"
    parts = [
        f"**{each.number}** · {actor} · {each.act}",
        "" if each.member is None else f"<@{each.member}>",
        markdown.plain(each.subject),
        ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in each.details.items()),
        f"<t:{int(each.at)}:R>",
        markdown.short(markdown.plain(each.reason), 100),
    ]
    return " · ".join(part for part in parts if part)


def _value(value: object) -> str:
    """Of the audit's details: only times are so large."""
    if isinstance(value, float) and value > 1e9:
        return f"<t:{int(value)}:f>"
    return markdown.short(markdown.plain(str(value)), 60)


COMMANDS = (audit,)
