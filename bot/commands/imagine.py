"""/imagine: turns options and inline parameters into an Order."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.attachments import fetch
from bot.client import Interaction
from bot.commands.own.preset import presets_like
from bot.commands.style_choices import styles_like
from bot.permissions import actor_of
from bot.studio.orders.defaults import with_options
from bot.studio.orders.inline import SEED_LIMIT
from bot.studio.orders.parameters import ASPECTS, PromptInput, compose, read, with_file
from bot.studio.orders.prompt_file import prompt_in_file
from bot.ui import command, say_to
from generation import ModelEntry

CHOICE_LIMIT = 100
"""Characters of a suggestion; Discord's limit."""


@command("command-imagine")
@app_commands.choices(aspect=[app_commands.Choice(name=name, value=name) for name in ASPECTS])
async def imagine(
    interaction: Interaction,
    prompt: str,
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
    style: str | None = None,
    file: discord.Attachment | None = None,
    image: discord.Attachment | None = None,
    mask: discord.Attachment | None = None,
) -> None:
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
        style=style,
    )
    if image is not None or mask is not None:
        wish = await _with_file(interaction, wish, file, is_shaped=image is not None)
        await interaction.client.picture_orders.imagine(
            interaction, wish, image, mask, has_file=file is not None
        )
        return
    if file is None:
        await interaction.client.typed_orders.order(interaction, wish)
        return
    settings, actor = interaction.client.parts.settings, actor_of(interaction)
    wish = await _with_file(interaction, wish, file)
    default = await interaction.client.parts.studio.offered.default(actor.guild_id)
    order = compose(wish, actor, settings.models, default)
    await interaction.client.delivery.deliver(interaction, order)


async def _with_file(
    interaction: Interaction, wish: PromptInput, file: discord.Attachment | None, *, is_shaped: bool = False
) -> PromptInput:
    """Returns the wish with what the file holds. `is_shaped`: a picture gives the proportions, and none of the member's own.

    Raises refusals of the text, of the preset and of the file.
    """
    if file is None:
        return wish
    settings, actor = interaction.client.parts.settings, actor_of(interaction)
    presets = await interaction.client.parts.presets.of(actor)
    default = await interaction.client.parts.studio.offered.default(actor.guild_id)
    usual = await interaction.client.parts.member_settings.usual(actor)
    if is_shaped:
        usual = replace(usual, member=replace(usual.member, aspect=None))
    wish = read(wish)  # errors in the typed text are reported before the download
    content = await fetch(file, interaction.filesize_limit)
    held = await asyncio.to_thread(prompt_in_file, content, wish, settings.models, default)
    # The file is the whole request: the member's suffix would change it.
    return with_options(with_file(wish, held, presets), settings.models, default, usual)


imagine.autocomplete("preset")(presets_like)
imagine.autocomplete("style")(styles_like)


@imagine.autocomplete("prompt")
async def prompts_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Offers the typed text first, so that Enter sends it; then texts that begin with it."""
    typed, model = current.strip(), await _chosen_model(interaction)
    found: list[str] = []
    # Behind a parameter a word may be its value.
    if model and "--" not in typed:
        language = interaction.locale.value.split("-")[0]
        found = interaction.client.parts.studio.captions.suggestions(current.lstrip(), model.name, language)
    texts = [typed, *found] if typed else found
    return [app_commands.Choice(name=text, value=text) for text in texts if len(text) <= CHOICE_LIMIT][:25]


@imagine.autocomplete("model")
async def models_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    abilities_of = interaction.client.parts.dispatch.abilities_of
    offered = await interaction.client.parts.studio.offered.of(interaction.guild_id)
    able = [
        entry for entry in offered if (abilities := abilities_of(entry.name)) is None or abilities.draws_text
    ]
    return choices_of(interaction, current, able)


def choices_of(
    interaction: Interaction, current: str, models: Iterable[ModelEntry]
) -> list[app_commands.Choice[str]]:
    """Returns the choices among these models. `current`: the typed text."""
    typed, say = current.casefold(), say_to(interaction)

    def told(entry: ModelEntry) -> str:
        asked = say("licence-class", kind=entry.licence_class or None)
        return " · ".join(filter(None, [entry.name, asked, entry.description or entry.licence]))

    return [
        app_commands.Choice(name=told(entry)[:100], value=entry.name)
        for entry in models
        if typed in entry.name.casefold() or typed in entry.description.casefold()
    ][:25]


async def _chosen_model(interaction: Interaction) -> ModelEntry | None:
    """Returns the model of a command that is being typed. None: there is none of that name."""
    parts, name = (
        interaction.client.parts,
        str(getattr(interaction.namespace, "model", None) or "").casefold(),
    )
    if not name:
        return await parts.studio.offered.default(interaction.guild_id)
    return next((entry for entry in parts.settings.models if entry.name.casefold() == name), None)


@imagine.autocomplete("scheduler")
async def schedulers_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    model, typed = await _chosen_model(interaction), current.casefold()
    names = model.schedulers if model else ()
    return [app_commands.Choice(name=name, value=name) for name in names if typed in name.casefold()][:25]


@imagine.autocomplete("lora")
async def loras_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Completes the last LoRA name; the text before it is kept."""
    model = await _chosen_model(interaction)
    kept, _, last = current.rpartition(" ")
    name, colon, weight = last.partition(":")
    typed = name.casefold()
    return [
        app_commands.Choice(name=f"{value} · {lora.description or lora.licence}"[:100], value=value[:100])
        for lora in (model.loras if model else ())
        if typed in lora.name.casefold() or typed in lora.description.casefold()
        for value in [f"{kept} {lora.name}{colon}{weight}".strip()]
    ][:25]
