"""The forms of the menu "Picture…". Like the remix form, each has a route, and needs only the data that Discord sends.

Their custom_id is `<kind>:<message>:<place>`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from discord import ui

from bot.gallery.picture_orders import demand_light
from bot.gallery.remix_form import choices_in, menu_of, paragraph_of
from bot.studio import UnreadablePress
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import MAX_EDITED
from bot.ui import FORM_SECONDS, Language, custom_id, pattern

_REMIXED, _EDITED, _STYLED = "picture-remixed", "picture-edited", "picture-styled"
_PROMPT, _IMAGE, _FILES = "prompt", "image", "files"


def place_in(written: str) -> int:
    """Reads the place of a picture in its message, from 0."""
    return int(written)


OF_MESSAGE: Mapping[Callable[[str], Any], str] = {int: "[0-9]{1,19}", place_in: "[0-3]"}
"""The fields of a custom_id that names a picture of a message."""
_FORMS = {kind: re.compile(pattern([kind], OF_MESSAGE)) for kind in (_REMIXED, _EDITED, _STYLED)}

_Form = TypeVar("_Form", bound=ui.Modal)


class PictureForm(ui.Modal):
    """The form for a remix."""


class InstructionForm(ui.Modal):
    """The form for an edit."""


class StyleForm(ui.Modal):
    """The form for a picture in the style of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormInput:
    """The request in a submitted form."""

    message: int
    place: int  # of the picture in its message, or in the gallery
    words: PromptInput
    files: tuple[str, ...] = ()  # addresses of further pictures


class _File(msgspec.Struct):
    url: str
    size: int  # bytes


class _Resolved(msgspec.Struct):
    attachments: dict[str, _File] = {}


def remix_form(say: Language, message: int, place: int) -> PictureForm:
    form = PictureForm(
        title=say("remix-title"), timeout=FORM_SECONDS, custom_id=custom_id(_REMIXED, message, place)
    )
    return _asking(form, say, say("remix-prompt"), say("panel-hint"), [place], place)


def instruction_form(
    say: Language, message: int, place: int, images: Sequence[int], further: int
) -> InstructionForm:
    """Builds the form. `images`: of a gallery, to choose from. `further`: pictures that may be added."""
    first = place if place in images else images[0]
    form = InstructionForm(
        title=say("instruction-title"), timeout=FORM_SECONDS, custom_id=custom_id(_EDITED, message, first)
    )
    form = _asking(form, say, say("instruction-prompt"), say("instruction-prompt.hint"), images, first)
    if further > 0:
        upload = ui.FileUpload[Any](custom_id=_FILES, required=False, min_values=0, max_values=further)
        hint = say("instruction-files.hint")
        form.add_item(ui.Label(text=say("instruction-files"), description=hint, component=upload))
    return form


def style_form(say: Language, message: int, place: int, images: Sequence[int]) -> StyleForm:
    """Builds the form. `images`: of a gallery, to choose from."""
    first = place if place in images else images[0]
    form = StyleForm(
        title=say("style-form-title"), timeout=FORM_SECONDS, custom_id=custom_id(_STYLED, message, first)
    )
    return _asking(form, say, say("style-form-prompt"), say("style-form-prompt.hint"), images, first)


def _asking(form: _Form, say: Language, prompt: str, hint: str, images: Sequence[int], first: int) -> _Form:
    """Returns the form with a field for words and, if there are several pictures, a menu of them."""
    words = paragraph_of(_PROMPT, "", is_required=True)
    form.add_item(ui.Label(text=prompt, description=hint, component=words))
    if len(images) > 1:
        pictures = {str(image): say("remix-picture", picture=image + 1) for image in images}
        menu = menu_of(_IMAGE, pictures, str(first))
        form.add_item(ui.Label(text=say("instruction-picture"), component=menu))
    return form


def remix_in(sent: Mapping[str, Any]) -> FormInput | None:
    """Reads the form for a remix; returns None for another form. `sent`: what Discord submitted. Raises UnreadablePress."""
    return _input_in(_REMIXED, sent)


def instruction_in(sent: Mapping[str, Any]) -> FormInput | None:
    """Reads the form for an edit, as `remix_in`. Raises UnreadablePress, FileTooLarge."""
    return _input_in(_EDITED, sent)


def style_in(sent: Mapping[str, Any]) -> FormInput | None:
    """Reads the form for a picture in the style of another, as `remix_in`. Raises UnreadablePress."""
    return _input_in(_STYLED, sent)


def _input_in(kind: str, sent: Mapping[str, Any]) -> FormInput | None:
    match = _FORMS[kind].fullmatch(str(sent.get("custom_id", "")))
    if match is None:
        return None
    entries = choices_in(sent.get("components"))
    prompt, image = "".join(entries.get(_PROMPT, [])[:1]), "".join(entries.get(_IMAGE, [])[:1])
    try:
        known = msgspec.convert(sent.get("resolved") or {}, _Resolved).attachments
        files = [known[each] for each in entries.get(_FILES, [])[: MAX_EDITED - 1]]
    except (msgspec.ValidationError, KeyError) as error:
        raise UnreadablePress from error
    for each in files:
        demand_light(each.size)
    return FormInput(
        message=int(match[2]),
        # The menu sends only what it offers. A forged form takes the picture that the form began with.
        place=int(image if re.fullmatch("[0-3]", image) else match[3]),
        words=PromptInput(prompt=prompt),
        files=tuple(each.url for each in files),
    )
