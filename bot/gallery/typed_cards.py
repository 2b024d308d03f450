"""Messages about typed prompts that only their member sees: a refusal with ✏️, its form, the question before several orders.

What is asked again is read from the bot's own message, so that a button works after a restart.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import discord
from discord import ui

from bot.gallery.cards import GalleryButton
from bot.gallery.remix_form import entries_in, paragraph_of
from bot.studio import GalleryAction, PromptRefused, UnreadablePress
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.permutations import escaped
from bot.ui import (
    BLUE,
    FORM_SECONDS,
    LONGEST_TEXTS,
    NUMBER,
    Button,
    Language,
    View,
    custom_id,
    markdown,
    pattern,
    row,
)
from db import VerdictRecord

_PROMPT, _NEGATIVE = "prompt", "negative"
_EDITED = "edited"
_CUSTOM_ID = re.compile(pattern([_EDITED], NUMBER))
_BLOCK = re.compile(r"```\n(.*)\n```", re.DOTALL)
LONGEST = 3000
"""Characters of the texts of a message's blocks. Discord takes 4,000 a message."""
_MARK = "`\u200b"
"""A backtick of the member's in a block of code. Three of them would end the block."""


class TypedPress(StrEnum):
    EDIT = "edit"  # the number is the refusal's record
    DRAW = "draw"  # the number is the member
    DISMISS = "dismiss"  # the number is the member


class TypedButton(Button, actions=TypedPress, of=NUMBER):
    """`edit:<verdict>`, `draw:<member>` and `dismiss:<member>`."""


class EditForm(ui.Modal):
    """`edited:<verdict>`. Like the remix form, it has a route, and needs only the data that Discord sends."""


def refusal(say: Language, text: str, refused: PromptRefused) -> View:
    """Builds the answer to a refused prompt. Its member can edit the prompt and send it again.

    Words that are too long to be read back from the message are left out, with the button that needs them. The text is cut off
    where Discord's limit for all texts of a message ends.
    """
    if refused.remixed is not None:
        words, hint = refused.texts, ""
        button: Button = GalleryButton(
            GalleryAction.REMIX, *refused.remixed, label=say("edit-button"), emoji="✏️"
        )
    else:
        words, hint = [refused.options] if refused.options else [], say("edit-options")
        button = TypedButton(TypedPress.EDIT, refused.verdict, label=say("edit-button"), emoji="✏️")
    blocks = [block(each) for each in words]
    texts = [hint, *blocks] if blocks and hint else blocks
    is_whole = sum(map(len, blocks)) <= LONGEST
    most = LONGEST_TEXTS - (sum(map(len, texts)) if is_whole else 0)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(markdown.short(text, most)))
    if is_whole:
        for each in texts:
            view.add_item(ui.TextDisplay(each))
        view.add_item(row(button))
    return view


def form_of(say: Language, refused: VerdictRecord, options: str) -> EditForm:
    """Builds the form with the refused text. `options`: its inline parameters."""
    form = EditForm(title=say("edit-title"), timeout=FORM_SECONDS, custom_id=custom_id(_EDITED, refused.id))
    text = f"{escaped(refused.prompt)} {options}".strip()
    form.add_item(
        ui.Label(
            text=say("remix-prompt"),
            description=say("remix-prompt.hint"),
            component=paragraph_of(_PROMPT, text, is_required=True),
        )
    )
    form.add_item(
        ui.Label(
            text=say("remix-negative"),
            component=paragraph_of(_NEGATIVE, refused.negative, is_required=False),
        )
    )
    return form


def typed_in(sent: Mapping[str, Any]) -> PromptInput | None:
    """Reads the form. `sent`: the submitted data from Discord. Returns None for another form. Raises UnreadablePress."""
    if _CUSTOM_ID.fullmatch(str(sent.get("custom_id", ""))) is None:
        return None
    entries = entries_in(sent.get("components"))
    return PromptInput(prompt=entries.get(_PROMPT, ""), negative=entries.get(_NEGATIVE) or None)


def question(say: Language, lines: list[str], text: str, member: int) -> View:
    """Builds the question before several orders. `text`: what was typed."""
    draw = TypedButton(TypedPress.DRAW, member, label=say("several-draw"), style=discord.ButtonStyle.primary)
    dismiss = TypedButton(TypedPress.DISMISS, member, label=say("several-cancel"))
    view = ui.LayoutView(timeout=None)
    view.add_item(
        ui.Container(
            ui.TextDisplay("\n".join(lines)),
            ui.TextDisplay(block(text)),
            row(draw, dismiss),
            accent_colour=BLUE,
        )
    )
    return view


def block(text: str) -> str:
    return f"```\n{text.replace('`', _MARK)}\n```"


def blocks_in(message: discord.Message | None) -> list[str]:
    """Returns the texts of a message's blocks, as they were."""
    if message is None:
        return []
    items = ui.LayoutView.from_message(message).walk_children()
    contents = [each.content.strip() for each in items if isinstance(each, ui.TextDisplay)]
    return [found[1].replace(_MARK, "`") for each in contents if (found := _BLOCK.fullmatch(each))]


def demand_block(message: discord.Message | None) -> str:
    """Returns the text of the message's block. Raises UnreadablePress."""
    texts = blocks_in(message)
    if not texts:
        raise UnreadablePress
    return texts[0]
