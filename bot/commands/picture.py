"""The message menu "Picture…": a private panel with what a member may do with the pictures of a message.

A button names a message of the panel's own channel: a member who sees the panel sees the message.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import discord
from discord import app_commands, ui

from bot.attachments import is_discords
from bot.client import Interaction
from bot.commands import report, verify
from bot.commands.mod.group import remove_picture
from bot.commands.picture_forms import OF_MESSAGE, FormInput, instruction_form, remix_form, style_form
from bot.gallery.cards import GalleryButton
from bot.permissions import actor_of, is_moderator
from bot.posted_message import UNREACHABLE
from bot.studio import FileUnreachable, GalleryAction, NoSuchJob, NothingToVerify, PictureGone
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import MAX_EDITED, Editors, Level
from bot.studio.styles.reference import StyleModels
from bot.ui import BLUE, Button, Language, View, card, row, say_to, text
from db import Job, StoredImage

_MOST = 4
"""Pictures of one message that the panel lists."""


class PanelPress(StrEnum):
    """The action of a button of the panel."""

    SUBTLE = "picture-subtle"
    STRONG = "picture-strong"
    REMIX = "picture-remix"  # opens a form
    STYLE = "picture-style"  # opens a form; `place` as of EDIT
    EDIT = "picture-edit"  # opens a form; of a gallery, `place` is the picture that it offers first
    VERIFY = "picture-verify"  # of all pictures
    REPORT = "picture-report"  # opens a form
    REMOVE = "picture-remove"


class PanelButton(Button, actions=PanelPress, of=OF_MESSAGE):
    """`<action>:<message>:<place>`."""


@app_commands.context_menu(name=text("menu-picture"))
@app_commands.guild_only()
async def picture(interaction: Interaction, message: discord.Message) -> None:
    count = len(pictures_of(message))
    job = await _job_of(interaction, message.id)
    if not count and job is None:
        raise NothingToVerify
    view = await _panel(interaction, message, job, count)
    await interaction.response.send_message(view=view, ephemeral=True)


async def _panel(interaction: Interaction, message: discord.Message, job: Job | None, count: int) -> View:
    say, parts = say_to(interaction), interaction.client.parts
    can_edit, first = bool((await _editors(interaction)).known), 0
    can_style = bool((await _style_models(interaction)).known)
    items: list[ui.Item[Any]] = [ui.TextDisplay(say("panel-title", link=message.jump_url))]
    if job is not None:
        live = await _live(interaction, job)
        can_edit, can_style, first = can_edit and bool(live), can_style and bool(live), (*live, 0)[0]
        abilities = parts.dispatch.abilities_of(job.drawing.model)
        if live and (abilities is None or abilities.starts):
            vary = [
                GalleryButton(GalleryAction.VARY, job.id, each, label=say("gallery-vary", picture=each + 1))
                for each in live
            ]
            remix = GalleryButton(GalleryAction.REMIX, job.id, live[0], label=say("gallery-remix"), emoji="✏️")
            items.append(row(*vary, remix))
    else:
        default = await parts.studio.offered.default(interaction.guild_id)
        abilities = parts.dispatch.abilities_of(default.name)
        each_can = [PanelPress.EDIT] if can_edit else []
        each_can += [PanelPress.STYLE] if can_style else []
        if abilities is None or abilities.starts:
            each_can = [PanelPress.SUBTLE, PanelPress.STRONG, PanelPress.REMIX, *each_can]
        for place in range(min(count, _MOST) if each_can else 0):
            if count > 1:
                items.append(ui.TextDisplay(say("panel-picture", picture=place + 1)))
            items.append(_row(say, each_can, message.id, place))
    presses = [PanelPress.EDIT] if can_edit and job is not None else []
    presses += [PanelPress.STYLE] if can_style and job is not None else []
    presses += [PanelPress.VERIFY] if count else []
    if job is not None:
        presses += [PanelPress.REPORT, *([PanelPress.REMOVE] if is_moderator(interaction) else [])]
    items.append(_row(say, presses, message.id, first))
    return card(*items, colour=BLUE)


def _row(say: Language, presses: Sequence[PanelPress], message: int, place: int) -> ui.ActionRow[Any]:
    return row(
        *(
            PanelButton(
                press,
                message,
                place,
                label=say("panel-press", press=press),
                style=discord.ButtonStyle.danger
                if press is PanelPress.REMOVE
                else discord.ButtonStyle.secondary,
            )
            for press in presses
        )
    )


# ---- presses


async def vary_subtle(interaction: Interaction, message: int, place: int) -> None:
    await _vary(interaction, message, place, Level.SUBTLE)


async def vary_strong(interaction: Interaction, message: int, place: int) -> None:
    await _vary(interaction, message, place, Level.STRONG)


async def _vary(interaction: Interaction, message: int, place: int, level: Level) -> None:
    with interaction.client.delivery.intake.press(interaction) as is_new:
        if not is_new:
            await interaction.response.defer()
            return
        address = await _address(interaction, message, place)
        await interaction.client.picture_orders.vary(interaction, address, level, PromptInput(prompt=""))


async def open_form(interaction: Interaction, message: int, place: int) -> None:
    await interaction.response.send_modal(remix_form(say_to(interaction), message, place))


async def remix(interaction: Interaction, wanted: FormInput) -> None:
    """Orders a remix of a message's picture from the submitted form. Raises refusals."""
    address = await _address(interaction, wanted.message, wanted.place)
    await interaction.client.picture_orders.remix(interaction, address, wanted.words)


async def open_instruction(interaction: Interaction, message: int, place: int) -> None:
    """Opens the form for an edit. Raises CannotEdit, PictureGone."""
    editors = await _editors(interaction)
    editors.choose(None, 1)
    images = await _to_choose_from(interaction, message, place)
    further = min(editors.most, MAX_EDITED) - 1
    form = instruction_form(say_to(interaction), message, place, images, further)
    await interaction.response.send_modal(form)


async def edit(interaction: Interaction, wanted: FormInput) -> None:
    """Orders an edit of a message's picture, or of a gallery's, from the submitted form. Raises refusals."""
    orders = interaction.client.picture_orders
    job = await _job_of(interaction, wanted.message)
    if job is None:
        address = await _address(interaction, wanted.message, wanted.place)
        await orders.edit(interaction, [address, *wanted.files], wanted.words)
        return
    picture = await _picture(interaction, job, wanted.place)
    await orders.edit(interaction, wanted.files, wanted.words, picture)


async def open_style(interaction: Interaction, message: int, place: int) -> None:
    """Opens the form for a picture in the style of this one. Raises ModelCannot, PictureGone."""
    (await _style_models(interaction)).choose(None)
    images = await _to_choose_from(interaction, message, place)
    await interaction.response.send_modal(style_form(say_to(interaction), message, place, images))


async def use_as_style(interaction: Interaction, wanted: FormInput) -> None:
    """Orders a picture in the style of a message's, or of a gallery's, from the submitted form. Raises refusals."""
    job = await _job_of(interaction, wanted.message)
    picture = (
        await _address(interaction, wanted.message, wanted.place)
        if job is None
        else await _picture(interaction, job, wanted.place)
    )
    await interaction.client.picture_orders.style(interaction, picture, wanted.words)


async def _picture(interaction: Interaction, job: Job, image: int) -> StoredImage:
    """Raises PictureGone."""
    picture = await interaction.client.parts.records.pictures.get(job.id, image)
    if picture is None or picture.is_removed:
        raise PictureGone
    return picture


async def _style_models(interaction: Interaction) -> StyleModels:
    return await interaction.client.picture_orders.models(StyleModels, interaction.guild_id)


async def _editors(interaction: Interaction) -> Editors:
    return await interaction.client.picture_orders.models(Editors, interaction.guild_id)


async def _to_choose_from(interaction: Interaction, message: int, place: int) -> list[int]:
    """Returns the places of a gallery's pictures that are there; of another message, this place. Raises PictureGone."""
    job = await _job_of(interaction, message)
    images = [place] if job is None else await _live(interaction, job)
    if not images:
        raise PictureGone
    return images


async def _live(interaction: Interaction, job: Job) -> list[int]:
    """Returns the indices of the job's pictures that are there."""
    stored = await interaction.client.parts.records.pictures.of_job(job.id)
    return [each.index for each in stored if not each.is_removed]


async def look_up(interaction: Interaction, message: int, place: int) -> None:
    """Answers Verify, for all pictures of the message."""
    await verify.verify_message(interaction, await _message(interaction, message))


async def open_report(interaction: Interaction, message: int, place: int) -> None:
    await report.open_form(interaction, message)


async def remove(interaction: Interaction, message: int, place: int) -> None:
    await remove_picture(interaction, message)


# ---- messages


def pictures_of(message: discord.Message) -> list[str]:
    """Returns the addresses of a message's pictures, as far as Discord stores them."""
    uploaded = [each.url for each in message.attachments if verify.may_be_picture(each)]
    return [each for each in [*uploaded, *verify.shown_in(message.components)] if is_discords(each)]


async def _job_of(interaction: Interaction, message: int) -> Job | None:
    try:
        return await interaction.client.parts.takedown.job_of_message(message, actor_of(interaction))
    except NoSuchJob:
        return None


async def _message(interaction: Interaction, message: int) -> discord.Message:
    """Raises PictureGone, FileUnreachable."""
    channel = interaction.client.get_partial_messageable(
        interaction.channel_id or 0, guild_id=interaction.guild_id
    )
    try:
        return await channel.fetch_message(message)
    except discord.NotFound as error:
        raise PictureGone from error
    except UNREACHABLE as error:
        raise FileUnreachable from error


async def _address(interaction: Interaction, message: int, place: int) -> str:
    """Returns where the picture is stored now: Discord's addresses expire. Raises PictureGone, FileUnreachable."""
    found = pictures_of(await _message(interaction, message))
    if place >= len(found):
        raise PictureGone
    return found[place]
