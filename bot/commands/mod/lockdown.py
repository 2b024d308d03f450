"""/mod raid and /mod panic: one command each, for when it burns."""

from __future__ import annotations

from discord import app_commands

from bot.client import Interaction, say
from bot.permissions import actor_of
from bot.texts import markdown
from bot.texts import members as texts
from bot.texts import moderators as mod_texts
from db.lockdowns import LockdownState, Mode

_DEFAULT_ACCOUNT, _DEFAULT_MEMBER = "7d", "1d"

_MODES = {
    Mode.OPEN: "open to everybody again",
    Mode.PAUSE: "paused: nobody makes pictures. What is in line is still drawn; `/mod purge` takes it out",
    Mode.FAMILY: "family only: what would be flagged is refused, and no channel is one for adults",
    Mode.KNOWN: "for known members only: those who made pictures here before",
}


@app_commands.command(description="Raid mode: young accounts and new members can't order")
@app_commands.describe(
    state="On or off",
    account_age="How old an account must be: 12h, 7d, 2w; left out: 7d",
    member_age="How long a member must have been here; left out: 1d",
)
@app_commands.choices(state=[app_commands.Choice(name=name, value=name) for name in ("on", "off")])
async def raid(
    interaction: Interaction, state: str, account_age: str | None = None, member_age: str | None = None
) -> None:
    is_on = state == "on"
    gate = await interaction.client.parts.lockdown.raid(
        actor_of(interaction),
        mod_texts.seconds_of(account_age or _DEFAULT_ACCOUNT) if is_on else None,
        mod_texts.seconds_of(member_age or _DEFAULT_MEMBER) if is_on else None,
    )
    await _answer(interaction, _raid(gate))


@app_commands.command(description="The panic switch: pause, family only, known members only, or open again")
@app_commands.describe(mode="Who may order from now on", reason="Shown to members")
@app_commands.choices(mode=[app_commands.Choice(name=mode.value, value=mode.value) for mode in Mode])
async def panic(interaction: Interaction, mode: str, reason: app_commands.Range[str, 1, 200] = "") -> None:
    gate = await interaction.client.parts.lockdown.panic(actor_of(interaction), Mode(mode), reason)
    why = f" Reason: {markdown.plain(reason)}" if reason else ""
    await _answer(interaction, f"Picture making is {_MODES[gate.mode]}.{why}")


def _raid(gate: LockdownState) -> str:
    if not gate.is_raid:
        return "Raid mode is off."
    account, member = texts.span(gate.account_age or 0), texts.span(gate.member_age or 0)
    return (
        f"Raid mode is on: only accounts older than {account}, and members for more than {member}, can order."
    )


async def _answer(interaction: Interaction, text: str) -> None:
    """To the one who did it, and to the other moderators."""
    await say(interaction, text)
    await interaction.client.mod_channel.say(
        interaction.guild_id or 0, f"{text}\n-# by <@{interaction.user.id}>"
    )


COMMANDS = (raid, panic)
