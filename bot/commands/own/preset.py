"""/preset: the member's named texts to put behind a prompt."""

from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import actor_of
from bot.ui import command, markdown, say_to, text
from db import LONGEST_TEXT

_ROOM = 3600
"""Characters for all texts in a list: Discord allows 4,000 a message."""


async def presets_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Returns the member's presets whose name or text contains the typed text."""
    typed = current.strip().casefold()
    presets = interaction.client.parts.presets
    known = await presets.of(actor_of(interaction))
    return [
        app_commands.Choice(name=markdown.short(f"{name} · {text}", 100), value=name)
        for name, text in known.items()
        if typed in name or typed in text.casefold()
    ][: presets.most]


class PresetGroup(app_commands.Group):
    def __init__(self) -> None:
        super().__init__(name="preset", description=text("command-preset"))

    @command("command-preset-save")
    async def save(self, interaction: Interaction, name: str, text: str) -> None:
        is_new = await interaction.client.parts.presets.save(actor_of(interaction), name, text)
        saved = say_to(interaction)("preset-saved", is_new=is_new, name=name.strip().casefold())
        await answer(interaction, saved)

    @command("command-preset-list", "list")
    async def show(self, interaction: Interaction) -> None:
        say, presets = say_to(interaction), interaction.client.parts.presets
        known = await presets.of(actor_of(interaction))
        if not known:
            await answer(interaction, say("preset-none"))
            return
        room = min(LONGEST_TEXT, _ROOM // len(known) - 50)
        lines = [say("preset-title", count=len(known), most=presets.most)]
        lines += [f"- `{name}` · `{markdown.code(text, room)}`" for name, text in known.items()]
        await answer(interaction, "\n".join(lines))

    @command("command-preset-delete")
    async def delete(self, interaction: Interaction, name: str) -> None:
        await interaction.client.parts.presets.delete(actor_of(interaction), name)
        await answer(interaction, say_to(interaction)("preset-deleted", name=name))

    save.autocomplete("name")(presets_like)
    delete.autocomplete("name")(presets_like)
