"""Puts a style of the server into an order. Every order passes here before it is screened, so that its words are screened too."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.studio import EmptyPrompt, Order, Refusal, UnknownStyle
from bot.studio.orders.inline import take_inline
from bot.studio.orders.parameters import (
    PromptInput,
    demand_few,
    demand_weights,
    find_model,
    is_blank,
    listed,
    loras_of,
    triggered,
)
from bot.studio.styles.reference import STYLED, in_style_of, role_in
from db import Note, NoteKind, Repositories, Style, Upload
from generation import Abilities, ModelEntry, ModelName, Role

MOST_OF_SERVER = 200
FOREIGN = {"raw", "cute", "scenic", "original", "expressive", "4a", "4b", "4c"}
"""Midjourney's values of `--style`. They mean nothing here, unless a server has a style of that name."""


class AppliedStyles:
    def __init__(
        self,
        models: Sequence[ModelEntry],
        records: Repositories,
        demand_known: Callable[[Order], None],
        abilities_of: Callable[[ModelName], Abilities | None],
    ) -> None:
        """`demand_known`: raises a Refusal if the order's model does not know its words."""
        self._abilities_of = abilities_of
        self._uploads = records.uploads
        self._models = models
        self._styles = records.styles
        self._demand_known = demand_known

    async def applied(self, order: Order) -> Order:
        """Returns the order with its style's words, LoRAs and version. A default that can't be used is left out with a note.

        Raises UnknownStyle, UnknownLora, PromptTooLong, BadParameter, UnusableWeights, EmptyPrompt.
        """
        if not order.style:
            return order
        named, order = order.style, replace(order, style="")
        try:
            style = await self.named(order.actor.guild_id, named)
            if not order.is_style_usual:
                return await self._pictured(styled(order, style, self._models), style)
            found = styled(order, style, self._models)
            self._demand_known(found)
            return await self._pictured(found, style)
        except Refusal as refused:
            if order.is_style_usual:
                return _noted(order, NoteKind.DEFAULTS)
            if isinstance(refused, UnknownStyle) and named.casefold() in FOREIGN:
                if is_blank(order.drawing.prompt.unweighted):
                    raise EmptyPrompt from refused
                return _noted(order, NoteKind.IGNORED)
            raise

    async def _pictured(self, order: Order, style: Style) -> Order:
        """Returns the order with the style's picture, or with a note if it can't be used. One that the member sent stays."""
        if order.source == STYLED:
            return order
        upload = await self._uploads.get(style.upload) if style.upload else None
        if upload is None or upload.is_removed:
            return order
        model = find_model(order.drawing.model, self._models)
        role = role_in(model, self._abilities_of(model.name), len(order.drawing.references))
        # Pipelines that take pictures to refer to take none to start from beside them.
        is_started = order.drawing.picture(Role.START) is not None
        if role is None or (role is Role.REFERENCE and is_started):
            return replace(order, notes=(*order.notes, Note(kind=NoteKind.STYLE_PICTURE)))
        return in_style_of(order, Upload(id=upload.id), role)

    async def without_words(self, guild_id: int | None, prompt: str, options: str) -> str:
        """Returns a prompt without the words of the style that its options name. The edited prompt gets them again.

        `options`: inline parameters, as in `PromptRefused`.
        """
        name = take_inline(options).values.get("style")
        style = await self._styles.named(guild_id, folded(name)) if name and guild_id is not None else None
        if style is None or not has_words(prompt, style):
            return prompt
        return prompt[: len(prompt) - len(style.words)].rstrip(", ")

    async def named(self, guild_id: int | None, name: str) -> Style:
        """Returns the newest version. Raises UnknownStyle."""
        found = None if guild_id is None else await self._styles.named(guild_id, folded(name))
        if guild_id is not None and found is not None:
            return found
        known = [] if guild_id is None else await self._styles.of_guild(guild_id, limit=MOST_OF_SERVER)
        names = [each.name for each in known]
        raise UnknownStyle(name, next(iter(difflib.get_close_matches(folded(name), names, 1, 0.0)), ""))


def folded(name: str) -> str:
    return name.strip().casefold()


def styled(order: Order, style: Style, models: Sequence[ModelEntry]) -> Order:
    """Puts the style's words behind the prompt, and adds its LoRAs. Those of the order win."""
    drawing = order.drawing
    model = find_model(drawing.model, models)
    of_style = {lora.name: lora for lora in loras_of(style.loras, model, models)}
    loras = tuple(sorted((of_style | {lora.name: lora for lora in drawing.loras}).values()))
    demand_few(loras, [lora.name for lora in loras])
    text = drawing.prompt.text
    if not has_words(text, style):
        text = listed(text, style.words).strip()
    prompt = replace(drawing.prompt, text=triggered(text, loras, model, "with-style"))
    demand_weights(prompt, PromptInput(prompt=text))
    if is_blank(prompt.unweighted):
        raise EmptyPrompt
    # A refused prompt that is edited gets its style again, with the picture.
    typed = " ".join(filter(None, ["--style", style.name, order.typed]))
    return replace(order, drawing=replace(drawing, prompt=prompt, loras=loras, style=style.id), typed=typed)


def has_words(prompt: str, style: Style) -> bool:
    """Returns whether the prompt ends with the style's words, as behind a prompt that was styled before."""
    text, words = prompt.casefold(), style.words.casefold()
    return bool(words) and (text == words or text.endswith(f", {words}"))


def _noted(order: Order, kind: NoteKind) -> Order:
    return replace(order, notes=(*order.notes, Note(kind=kind, names=("style",))))
