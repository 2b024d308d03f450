"""/preset: what a member keeps to put behind a prompt."""

from __future__ import annotations

from discord import app_commands

from bot.client import Interaction, say
from bot.permissions import actor_of
from bot.studio.presets import MOST
from bot.texts import markdown
from db.presets import LONGEST_TEXT

_ROOM = 3600
"""Characters for all texts in a list: Discord takes 4,000 a message."""


class PresetGroup(app_commands.Group):
    def __init__(self) -> None:
        super().__init__(name="preset", description="Words and parameters that you want again and again")

    @app_commands.command(description="Keep something to put behind a prompt, under a name")
    @app_commands.describe(
        name="One word; a preset that has it already is replaced",
        text="As you would type it behind a prompt: golden hour, film grain --ar 3:2 --no people",
    )
    async def save(self, interaction: Interaction, name: str, text: str) -> None:
        is_new = await interaction.client.parts.presets.save(actor_of(interaction), name, text)
        key = markdown.code(name.strip().casefold())
        await say(
            interaction,
            f"{'Saved' if is_new else 'Replaced'}. `--preset {key}` in a prompt, or the option `preset` of `/imagine`, adds it.",
        )

    @app_commands.command(name="list", description="Your presets, which only you see")
    async def show(self, interaction: Interaction) -> None:
        known = await interaction.client.parts.presets.of(actor_of(interaction))
        if not known:
            await say(interaction, "You have no presets. `/preset save` makes one.")
            return
        room = min(LONGEST_TEXT, _ROOM // len(known) - 50)
        lines = [f"### Your presets · {len(known)} of {MOST}"]
        lines += [f"- `{name}` · `{markdown.code(text, room)}`" for name, text in known.items()]
        await say(interaction, "\n".join(lines))

    @app_commands.command(description="Delete a preset")
    @app_commands.describe(name="Its name")
    async def delete(self, interaction: Interaction, name: str) -> None:
        await interaction.client.parts.presets.delete(actor_of(interaction), name)
        await say(interaction, f"The preset `{markdown.code(name)}` is gone.")

    @save.autocomplete("name")
    @delete.autocomplete("name")
    async def names_like(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return await presets_like(interaction, current)


async def presets_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """The member's own, by a part of their names or texts."""
    typed = current.strip().casefold()
    known = await interaction.client.parts.presets.of(actor_of(interaction))
    return [
        app_commands.Choice(name=markdown.short(f"{name} · {text}", 100), value=name)
        for name, text in known.items()
        if typed in name or typed in text.casefold()
    ][:MOST]
