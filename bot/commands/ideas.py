"""/ideas: prompts that the server's model draws well."""

from bot.client import Interaction
from bot.gallery.ideas import MOST, ideas_card
from bot.ui import View, command, say_to
from generation import ModelEntry


@command("command-ideas")
async def ideas(interaction: Interaction) -> None:
    await interaction.response.send_message(
        view=_card(interaction, await _model(interaction)), ephemeral=True
    )


async def more(interaction: Interaction, model: int) -> None:
    """Answers the button for other ideas. `model`: its place in the settings, where it still has one."""
    models = interaction.client.parts.settings.models
    entry = models[model] if model < len(models) else await _model(interaction)
    await interaction.response.edit_message(view=_card(interaction, entry))


async def _model(interaction: Interaction) -> ModelEntry:
    """Returns the server's default model, or the first offered one that draws a text."""
    parts = interaction.client.parts
    default = await parts.studio.offered.default(interaction.guild_id)
    offered = await parts.studio.offered.of(interaction.guild_id)
    abilities = {entry.name: parts.dispatch.abilities_of(entry.name) for entry in (default, *offered)}
    return next(
        (
            entry
            for entry in (default, *offered)
            if (known := abilities[entry.name]) is None or known.draws_text
        ),
        default,
    )


def _card(interaction: Interaction, entry: ModelEntry) -> View:
    parts = interaction.client.parts
    prompts = parts.studio.captions.ideas(entry.name, MOST)
    place = parts.settings.models.index(entry)
    return ideas_card(say_to(interaction), prompts, entry.name, place)
