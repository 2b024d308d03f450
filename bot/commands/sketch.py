"""/sketch: pictures that follow the lines, depths or pose of a picture that the member sends."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.client import Interaction
from bot.commands.imagine import choices_of, loras_like, schedulers_like
from bot.commands.own.preset import presets_like
from bot.gallery.picture_orders import demand_light
from bot.studio.orders.control.sketches import LEAST_STRENGTH, USUAL_STRENGTH, Sketchers
from bot.studio.orders.inline import SEED_LIMIT
from bot.studio.orders.parameters import ASPECTS, PromptInput
from bot.ui import command, text
from generation import Control, ControlKind


@command("command-sketch")
@app_commands.choices(
    kind=[Choice(name=text("sketch-choice", kind=each.value), value=each.value) for each in ControlKind],
    aspect=[Choice(name=name, value=name) for name in ASPECTS],
)
async def sketch(
    interaction: Interaction,
    picture: discord.Attachment,
    prompt: str,
    kind: str = ControlKind.SCRIBBLE.value,
    strength: Range[float, LEAST_STRENGTH, 1.0] = USUAL_STRENGTH,
    prepared: bool = False,
    negative: str | None = None,
    aspect: str | None = None,
    seed: Range[int, 0, SEED_LIMIT] | None = None,
    steps: Range[int, 1, 150] | None = None,
    guidance: Range[float, 1, 30] | None = None,
    images: Range[int, 1, 4] | None = None,
    model: str | None = None,
    scheduler: str | None = None,
    lora: str | None = None,
    preset: str | None = None,
) -> None:
    demand_light(picture.size)
    wish = PromptInput(
        prompt=prompt,
        negative=negative,
        aspect=aspect,
        seed=seed,
        steps=steps,
        guidance=guidance,
        images=images,
        model=model,
        scheduler=scheduler,
        lora=lora,
        preset=preset,
    )
    control = Control(kind=ControlKind(kind), is_prepared=prepared)
    await interaction.client.picture_orders.sketch(interaction, picture.url, control, strength, wish)


@sketch.autocomplete("model")
async def sketchers_like(interaction: Interaction, current: str) -> list[Choice[str]]:
    sketchers = await interaction.client.picture_orders.models(Sketchers, interaction.guild_id)
    typed = str(getattr(interaction.namespace, "kind", None) or "")
    kind = ControlKind(typed) if typed in list(ControlKind) else None
    return choices_of(interaction, current, sketchers.able(kind))


sketch.autocomplete("scheduler")(schedulers_like)
sketch.autocomplete("lora")(loras_like)
sketch.autocomplete("preset")(presets_like)
