"""/mod raid and /mod panic: the commands for emergency lockdown."""

from collections.abc import Callable

from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import moderator_of, seconds_of
from bot.ui import Language, command, say_in, say_to, text
from db import LockdownState, Mode

_DEFAULT_ACCOUNT, _DEFAULT_MEMBER = "7d", "1d"
_DEFAULT_LENGTH = "1d"
"""Both end by themselves: an emergency that lasts longer is renewed."""


@command("command-mod-raid")
@app_commands.choices(
    state=[
        app_commands.Choice(name=text("mod-choice-on"), value="on"),
        app_commands.Choice(name=text("mod-choice-off"), value="off"),
    ]
)
async def raid(
    interaction: Interaction,
    state: str,
    account_age: str | None = None,
    member_age: str | None = None,
    lasts: str | None = None,
) -> None:
    is_on = state == "on"
    lockdown = await interaction.client.parts.lockdown.raid(
        moderator_of(interaction),
        seconds_of(account_age or _DEFAULT_ACCOUNT) if is_on else None,
        seconds_of(member_age or _DEFAULT_MEMBER) if is_on else None,
        seconds_of(lasts or _DEFAULT_LENGTH),
    )
    await _tell(interaction, lockdown, raid_line)


@command("command-mod-panic")
@app_commands.choices(
    mode=[
        app_commands.Choice(name=text("mod-choice-mode-open"), value=Mode.OPEN.value),
        app_commands.Choice(name=text("mod-choice-mode-pause"), value=Mode.PAUSE.value),
        app_commands.Choice(name=text("mod-choice-mode-family"), value=Mode.FAMILY.value),
        app_commands.Choice(name=text("mod-choice-mode-known"), value=Mode.KNOWN.value),
    ]
)
async def panic(
    interaction: Interaction,
    mode: str,
    reason: app_commands.Range[str, 1, 200] = "",
    lasts: str | None = None,
) -> None:
    by, seconds = moderator_of(interaction), seconds_of(lasts or _DEFAULT_LENGTH)
    lockdown = await interaction.client.parts.lockdown.panic(by, Mode(mode), reason, seconds)
    await _tell(interaction, lockdown, panic_line)


def raid_line(say: Language, lockdown: LockdownState) -> str:
    return say(
        "mod-raid",
        is_raid=lockdown.is_raid,
        account_age=lockdown.account_age,
        member_age=lockdown.member_age,
        until=lockdown.raid_until,
    )


def panic_line(say: Language, lockdown: LockdownState) -> str:
    return say("mod-panic", mode=lockdown.mode, reason=lockdown.reason, until=lockdown.mode_until)


async def _tell(
    interaction: Interaction, lockdown: LockdownState, words: Callable[[Language, LockdownState], str]
) -> None:
    """Reports the change to the moderator who made it, and to the other moderators."""
    await answer(interaction, words(say_to(interaction), lockdown))
    say = say_in(interaction.client, lockdown.guild_id)
    told = say("mod-done-by", text=words(say, lockdown), member=interaction.user.id)
    await interaction.client.mod_channel.say(lockdown.guild_id, told)


COMMANDS = (raid, panic)
