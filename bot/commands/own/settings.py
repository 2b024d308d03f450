"""/settings: shows and changes the member's own defaults for orders."""

from dataclasses import fields
from typing import Any

from discord import app_commands
from discord.app_commands import Choice, Range

from bot.client import Interaction, answer
from bot.commands.imagine import models_like, schedulers_like
from bot.commands.style_choices import styles_like
from bot.permissions import actor_of
from bot.studio.orders.parameters import ASPECTS
from bot.ui import Language, command, say_to, text
from db import NO_DEFAULTS, Distance, MemberDefaults

_FIELDS = [each.name for each in fields(MemberDefaults)]
_ALL = "all"
_DISTANCES = [
    Choice(name=text("settings-choice-near"), value=Distance.NEAR.value),
    Choice(name=text("settings-choice-far"), value=Distance.FAR.value),
]


@command("command-settings")
@app_commands.choices(
    aspect=[Choice(name=name, value=name) for name in ASPECTS],
    vary=_DISTANCES,
    remix=_DISTANCES,
    forget=[
        *(Choice(name=text("settings-name", name=name), value=name) for name in _FIELDS),
        Choice(name=text("settings-choice-all"), value=_ALL),
    ],
)
async def settings(
    interaction: Interaction,
    aspect: str | None = None,
    images: Range[int, 1, 4] | None = None,
    model: str | None = None,
    scheduler: str | None = None,
    suffix: str | None = None,
    style: str | None = None,
    ping: bool | None = None,
    vary: str | None = None,
    remix: str | None = None,
    forget: str | None = None,
) -> None:
    own, actor, say = interaction.client.parts.member_settings, actor_of(interaction), say_to(interaction)
    given = MemberDefaults(
        aspect=aspect,
        images=images,
        model=model,
        scheduler=scheduler,
        suffix=suffix,
        style=style,
        pings=ping,
        vary=Distance(vary) if vary else None,
        remix=Distance(remix) if remix else None,
    )
    if given == NO_DEFAULTS and forget is None:
        await answer(interaction, told(say, await own.of(actor)))
        return
    forgotten = _FIELDS if forget == _ALL else [forget] if forget else []
    saved = await own.change(actor, given, forgotten)
    await answer(interaction, f"{told(say, saved)}\n{say('settings-saved')}")


settings.autocomplete("model")(models_like)
settings.autocomplete("scheduler")(schedulers_like)
settings.autocomplete("style")(styles_like)


def told(say: Language, defaults: MemberDefaults) -> str:
    lines = [say("settings-title")]
    for name in _FIELDS:
        value: Any = getattr(defaults, name)
        shown = value if not isinstance(value, bool) else "on" if value else "off"
        lines.append(say("settings-line", name=name, value=None if shown is None else str(shown)))
    return "\n".join(lines)
