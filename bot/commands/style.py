"""/style: the server's named styles."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import discord
from discord import app_commands, ui
from discord.app_commands import Range

from bot.attachments import fetched
from bot.client import Interaction, answer
from bot.commands.imagine import choices_of
from bot.commands.own.show import jobs_like
from bot.commands.style_cards import THUMBNAIL, WHOLE, style_card
from bot.commands.style_choices import styles_like
from bot.gallery.picture_orders import demand_light
from bot.permissions import actor_of
from bot.studio.orders.parameters import PromptInput
from bot.studio.pictures.uploaded_picture import MAX_BYTES
from bot.studio.styles.reference import USUAL_STRENGTH, StyleModels
from bot.studio.styles.server_styles import StyleInput
from bot.ui import Page, command, pager, say_to, text
from db import LONGEST_WORDS, REMOVED_STYLES_STAY, Parent, Style
from generation import JobId

PAGE = 5
"""Styles of a page, each with a thumbnail."""
FIRST = "-"
"""No style has this name."""
_FETCH_SECONDS = 20.0
LEAST = 0.1  # strength
_REASON = 200  # characters


async def stylers_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    able = await interaction.client.picture_orders.models(StyleModels, interaction.guild_id)
    return choices_of(interaction, current, able.known)


class StyleGroup(app_commands.Group):
    def __init__(self) -> None:
        super().__init__(name="style", description=text("command-style"))

    @command("command-style-reference")
    async def reference(
        self,
        interaction: Interaction,
        picture: discord.Attachment,
        prompt: str,
        strength: Range[float, LEAST, 1.0] = USUAL_STRENGTH,
        model: str | None = None,
        images: Range[int, 1, 4] | None = None,
    ) -> None:
        demand_light(picture.size)
        wish = PromptInput(prompt=prompt, model=model, images=images)
        await interaction.client.picture_orders.style(interaction, picture.url, wish, strength)

    @command("command-style-save")
    async def save(
        self,
        interaction: Interaction,
        name: str,
        words: str | None = None,
        lora: str | None = None,
        picture: discord.Attachment | None = None,
        job: str | None = None,
        image: Range[int, 1, 4] = 1,
    ) -> None:
        if picture is not None:
            demand_light(picture.size)
        own = None if job is None or picture is not None else Parent(job=_job(job), image=image - 1)
        asked = StyleInput(name=name, words=words, loras=lora, picture=own)
        # Fetching, reading and screening may take longer than the three seconds that Discord waits.
        await interaction.response.defer(ephemeral=True, thinking=True)
        supplied = _content(picture.url) if picture else None
        saved = await interaction.client.parts.styles.save(actor_of(interaction), asked, supplied)
        await answer(interaction, say_to(interaction)("style-saved", version=saved.version, name=saved.name))

    @command("command-style-show")
    async def show(self, interaction: Interaction, name: str) -> None:
        style = await interaction.client.parts.styles.named(actor_of(interaction), name)
        # Screening its picture may take longer than the three seconds that Discord waits.
        await interaction.response.defer(ephemeral=True, thinking=True)
        say, read = say_to(interaction), _reader(interaction)
        view, files = await style_card(say, [style], read, WHOLE, longest=LONGEST_WORDS)
        await interaction.edit_original_response(view=view, attachments=files)

    @command("command-style-list", "list")
    async def listed(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        view, files = _empty(interaction), list[discord.File]()
        if found := await _found(interaction, FIRST):
            view, files = await _page(interaction, FIRST, found)
        await interaction.edit_original_response(view=view, attachments=files)

    @command("command-style-delete")
    async def delete(
        self, interaction: Interaction, name: str, reason: Range[str, 0, _REASON] | None = None
    ) -> None:
        styles, actor = interaction.client.parts.styles, actor_of(interaction)
        deleted = await styles.delete(actor, name, reason or "")
        said = say_to(interaction)(
            "style-deleted",
            name=deleted.name,
            is_own=deleted.member == actor.member,
            kept=REMOVED_STYLES_STAY,
        )
        await answer(interaction, said)

    reference.autocomplete("model")(stylers_like)
    save.autocomplete("job")(jobs_like)
    show.autocomplete("name")(styles_like)
    delete.autocomplete("name")(styles_like)


async def turn(interaction: Interaction, cursor: str) -> None:
    found = await _found(interaction, cursor)
    if not found:
        await interaction.response.edit_message(view=_empty(interaction), attachments=[])
        return
    await interaction.response.defer()  # as in `show`: a page has five pictures
    view, files = await _page(interaction, cursor, found)
    await interaction.edit_original_response(view=view, attachments=files)


async def _found(interaction: Interaction, cursor: str) -> list[Style]:
    """Returns the styles of a page, and the next one. `cursor`: the name of the style before it, or FIRST."""
    styles, after = interaction.client.parts.records.styles, "" if cursor == FIRST else cursor
    return await styles.of_guild(interaction.guild_id or 0, after=after, limit=PAGE + 1)


def _empty(interaction: Interaction) -> ui.LayoutView:
    return ui.LayoutView(timeout=None).add_item(ui.TextDisplay(say_to(interaction)("style-none")))


async def _page(
    interaction: Interaction, cursor: str, found: Sequence[Style]
) -> tuple[ui.LayoutView, list[discord.File]]:
    """Builds a page. `found`: as from `_found`, not empty."""
    say = say_to(interaction)
    view, files = await style_card(say, found[:PAGE], _reader(interaction), THUMBNAIL, say("style-title"))
    last, has_more = found[:PAGE][-1].name, len(found) > PAGE
    view.add_item(pager(say, Page.STYLES, FIRST, last, is_newest=cursor == FIRST, has_more=has_more))
    return view, files


def _reader(interaction: Interaction) -> Callable[[Style], Awaitable[tuple[bytes, bool]]]:
    shown, actor = interaction.client.parts.styles.shown_picture, actor_of(interaction)
    return lambda style: shown(style, actor)


def _job(written: str) -> JobId:
    return JobId(written.strip(" `").casefold())


async def _content(address: str) -> AsyncIterator[bytes]:
    """Raises FileUnreachable, FileTooLarge, PictureGone."""
    yield await fetched(address, MAX_BYTES, _FETCH_SECONDS)
