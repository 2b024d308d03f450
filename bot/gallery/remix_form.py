"""The remix form behind ✏️: shows a picture's prompt for editing, and reads the answer. Its state is in its custom_id."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput
from bot.studio.orders.variations import Change, Remixable
from bot.ui import FORM_SECONDS, PICTURE, Language, custom_id, entries_in, menu_of, pattern
from generation import JobId

_PROMPT, _NEGATIVE, _IMAGE, _CHANGE, _SCHEDULER = "prompt", "negative", "image", "change", "scheduler"
_REMIXED = "remixed"
_CUSTOM_ID = re.compile(pattern([_REMIXED], PICTURE))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemixInput:
    """The request in a submitted form."""

    job: JobId
    image: int  # from 0
    words: PromptInput
    change: Change


class RemixForm(ui.Modal):
    """`remixed:<job>:<image>`. discord.py forgets forms at a restart, so this form has a route.

    The route needs only the data that Discord sends, so text typed during a restart is not lost.
    """


def form_of(say: Language, remixable: Remixable, image: int = 0, texts: Sequence[str] = ()) -> RemixForm:
    """Builds the form. `image`: chosen at first, if it is still there.

    `texts`: in place of the job's own prompt and negative prompt; the second may be missing.
    """
    job = remixable.job
    first = image if image in remixable.images else remixable.images[0]
    prompt, negative = job.drawing.prompt.text, job.drawing.prompt.negative
    if texts:
        prompt, negative = texts[0], "".join(texts[1:2])
    form = RemixForm(
        title=say("remix-title"), timeout=FORM_SECONDS, custom_id=custom_id(_REMIXED, job.id, first)
    )
    form.add_item(
        ui.Label(
            text=say("remix-prompt"),
            description=say("remix-prompt.hint"),
            component=paragraph_of(_PROMPT, prompt, is_required=True),
        )
    )
    if remixable.takes_negative or negative:
        left_out = paragraph_of(_NEGATIVE, negative, is_required=False)
        form.add_item(ui.Label(text=say("remix-negative"), component=left_out))
    if len(remixable.images) > 1:
        pictures = {str(image): say("remix-picture", picture=image + 1) for image in remixable.images}
        form.add_item(ui.Label(text=say("remix-start"), component=menu_of(_IMAGE, pictures, str(first))))
    changes = {change.value: say("remix-choice", change=change) for change in Change}
    form.add_item(ui.Label(text=say("remix-change"), component=menu_of(_CHANGE, changes, remixable.change)))
    if len(remixable.schedulers) > 1:  # the fifth item, the most that a form has
        names = {name: name for name in remixable.schedulers[:25]}
        own = job.drawing.scheduler if job.drawing.scheduler in names else remixable.schedulers[0]
        form.add_item(ui.Label(text=say("remix-scheduler"), component=menu_of(_SCHEDULER, names, own)))
    return form


def paragraph_of(name: str, text: str, *, is_required: bool) -> ui.TextInput[Any]:
    """Builds an input that holds `text`, and room for the longest prompt."""
    # Clients count in UTF-16: a prompt of emoji is longer there than here, and must still fit.
    most = max(PROMPT_LIMIT, len(text.encode("utf-16-le")) // 2)
    return ui.TextInput(
        custom_id=name,
        style=discord.TextStyle.paragraph,
        max_length=most,
        default=text or None,
        required=is_required,
    )


def remix_input_in(sent: Mapping[str, Any]) -> RemixInput | None:
    """Reads a remix form. `sent`: the submitted data from Discord. Returns None for another form. Raises UnreadablePress."""
    match = _CUSTOM_ID.fullmatch(str(sent.get("custom_id", "")))
    if match is None:
        return None
    entries = entries_in(sent.get("components"))
    image, change = entries.get(_IMAGE, match[3]), entries.get(_CHANGE, Change.MUCH)
    return RemixInput(
        job=JobId(match[2]),
        # The menus send only what they offer. A forged form starts as the form itself does.
        image=int(image if re.fullmatch("[0-3]", image) else match[3]),
        words=PromptInput(
            prompt=entries.get(_PROMPT, ""),
            negative=entries.get(_NEGATIVE) or None,
            scheduler=entries.get(_SCHEDULER) or None,
        ),
        change=Change(change) if change in set(Change) else Change.MUCH,
    )
