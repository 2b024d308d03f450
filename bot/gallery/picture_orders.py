"""Orders with pictures that a member sends: fetched, read, screened and stored before the order is admitted."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import discord

from bot.attachments import fetched
from bot.gallery.delivery import Delivery
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE
from bot.studio import FileTooLarge, MaskFault, OfferedModels, Order, UnusableMask
from bot.studio.orders.control.sketches import Sketchers, SketchOrder, compose_sketch, follows
from bot.studio.orders.defaults import Wanted, composed_with_pictures
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import (
    EditOrder,
    Editors,
    Level,
    PictureOrder,
    compose_blend,
    compose_edit,
    compose_from_picture,
    compose_variation,
)
from bot.studio.parts import Parts
from bot.studio.pictures.uploaded_picture import MAX_BYTES
from bot.studio.styles.reference import USUAL_STRENGTH, StyleModels, StyleOrder, compose_style, role_in
from db import StoredImage, StoredUpload
from generation import Abilities, Control, ModelEntry

Interaction = discord.Interaction[Any]

_Models = TypeVar("_Models", bound=OfferedModels)

_FETCH_SECONDS = 20.0


class PictureOrders:
    def __init__(self, parts: Parts, delivery: Delivery) -> None:
        self._parts = parts
        self._delivery = delivery

    async def imagine(
        self,
        interaction: Interaction,
        wish: PromptInput,
        picture: discord.Attachment | None,
        mask: discord.Attachment | None,
        *,
        has_file: bool = False,
    ) -> None:
        """Orders an /imagine with a picture. `has_file`: the words come from a file. Raises refusals."""
        if picture is None:
            raise UnusableMask(MaskFault.ALONE)

        def build(wish: PromptInput, *asked: Any) -> PictureOrder:
            return compose_from_picture(wish, *asked, has_mask=mask is not None)

        able = _fills_in if mask is not None else _starts
        wanted = await self._usual(interaction, wish, build, able, has_words=not has_file)
        files = [picture] if mask is None else [picture, mask]
        for each in files:
            demand_light(each.size)
        await self._deliver(interaction, wanted, [each.url for each in files])

    async def remix(self, interaction: Interaction, address: str, wish: PromptInput) -> None:
        """Orders an /imagine from a picture of a message. Raises refusals."""
        wanted = await self._usual(interaction, wish, compose_from_picture, _starts)
        await self._deliver(interaction, wanted, [address])

    async def vary(self, interaction: Interaction, address: str, level: Level, wish: PromptInput) -> None:
        """Orders variations of the picture with this address. Raises refusals."""

        def build(wish: PromptInput, *asked: Any) -> PictureOrder:
            return compose_variation(wish, level, *asked)

        wanted = await self._usual(interaction, wish, build, _starts)
        await self._deliver(interaction, wanted, [address])

    async def blend(self, interaction: Interaction, addresses: Sequence[str], wish: PromptInput) -> None:
        """Orders pictures from the mean of several. Raises refusals."""

        def build(wish: PromptInput, *asked: Any) -> PictureOrder:
            return compose_blend(wish, *asked, count=len(addresses))

        wanted = await self._usual(interaction, wish, build, _starts)
        await self._deliver(interaction, wanted, addresses)

    async def _usual(
        self,
        interaction: Interaction,
        wish: PromptInput,
        build: Callable[..., Wanted],
        is_able: Callable[[ModelEntry, Abilities | None], bool],
        *,
        default: Any = None,
        has_words: bool = True,
        has_style: bool = False,
    ) -> Wanted:
        """Composes an order with the member's defaults. Raises refusals.

        `build`: gets the wish, who orders, the models, the default one, and the member's presets. `is_able`: whether a model can
        draw it. `default`: what `build` gets instead of the default model. `has_words`, `has_style`: as in
        `composed_with_pictures`.
        """
        parts, actor = self._parts, actor_of(interaction)
        models, presets = parts.settings.models, await parts.presets.of(actor)
        default = default or await parts.studio.offered.default(actor.guild_id)
        return composed_with_pictures(
            wish,
            models,
            await parts.member_settings.usual(actor, is_able),
            lambda wish: build(wish, actor, models, default, presets),
            presets,
            has_words=has_words,
            has_style=has_style,
        )

    async def models(self, kind: type[_Models], guild_id: int | None) -> _Models:
        """Returns the models of a server, of which `kind` chooses."""
        offered, abilities_of = self._parts.studio.offered, self._parts.dispatch.abilities_of
        return kind(
            offered=await offered.of(guild_id),
            default=await offered.default(guild_id),
            abilities_of=abilities_of,
        )

    async def edit(
        self,
        interaction: Interaction,
        addresses: Sequence[str],
        wish: PromptInput,
        first: StoredImage | None = None,
    ) -> None:
        """Orders an edit; the prompt of `wish` is the instruction. Raises refusals.

        `first`: a gallery's picture, which comes before the supplied ones.
        """
        editors = await self.models(Editors, interaction.guild_id)

        def build(wish: PromptInput, *asked: Any) -> EditOrder:
            return compose_edit(wish, *asked, supplied=len(addresses), first=first)

        count = len(addresses) + (first is not None)
        wanted = await self._usual(
            interaction,
            wish,
            build,
            lambda entry, _: editors.takes(entry, count),
            default=editors,
            has_words=False,  # an instruction is about one picture
        )
        await self._deliver(interaction, wanted, addresses)

    async def sketch(
        self, interaction: Interaction, address: str, control: Control, strength: float, wish: PromptInput
    ) -> None:
        """Orders pictures that follow a control picture. Raises refusals."""
        sketchers = await self.models(Sketchers, interaction.guild_id)

        def build(wish: PromptInput, *asked: Any) -> SketchOrder:
            return compose_sketch(wish, control, strength, *asked)

        def can_follow(entry: ModelEntry, can: Abilities | None) -> bool:
            return follows(entry, can, control)

        wanted = await self._usual(interaction, wish, build, can_follow, default=sketchers)
        await self._deliver(interaction, wanted, [address])

    async def style(
        self,
        interaction: Interaction,
        picture: str | StoredImage,
        wish: PromptInput,
        strength: float = USUAL_STRENGTH,
    ) -> None:
        """Orders pictures in the style of another: its address, or a gallery's picture. Raises refusals."""
        able = await self.models(StyleModels, interaction.guild_id)
        first = None if isinstance(picture, str) else picture

        def build(wish: PromptInput, *asked: Any) -> StyleOrder:
            return compose_style(wish, *asked, strength=strength, first=first)

        def has_role(entry: ModelEntry, can: Abilities | None) -> bool:
            return role_in(entry, can) is not None

        wanted = await self._usual(interaction, wish, build, has_role, default=able, has_style=True)
        await self._deliver(interaction, wanted, [picture] if isinstance(picture, str) else [])

    async def _deliver(
        self,
        interaction: Interaction,
        wanted: PictureOrder | EditOrder | SketchOrder | StyleOrder,
        addresses: Sequence[str],
    ) -> None:
        """`addresses`: of the picture and its mask, if there is one; or of all pictures of a blend or an edit."""
        order = wanted.preliminary
        if addresses:
            order = await self._with_pictures(interaction, wanted, addresses)
        await self._delivery.deliver(interaction, order)

    async def _with_pictures(
        self,
        interaction: Interaction,
        wanted: PictureOrder | EditOrder | SketchOrder | StyleOrder,
        addresses: Sequence[str],
    ) -> Order:
        studio, supplied = self._parts.studio, self._parts.supplied
        order = await studio.fit(wanted.preliminary)
        studio.captions.demand_known(order)
        studio.dispatch.check_room()
        supplied.spend(order.actor.member, len(addresses))
        # Fetching, reading and screening may take longer than the three seconds that Discord waits.
        await interaction.response.defer(ephemeral=True, thinking=True)
        # First the words, which cost less to look at than a picture.
        await studio.judge(studio.captions.adapted(order), is_charged=True)
        async with supplied.room:
            if not isinstance(wanted, PictureOrder):
                order = wanted.with_uploads(await supplied.take_references(_contents(addresses), order))
            else:
                order = wanted.with_uploads(*await self._take(wanted, order, addresses))
        with contextlib.suppress(*UNREACHABLE):
            # The card is a message of its own: an answer after a private "is thinking" would be private too.
            await interaction.delete_original_response()
        return order

    async def _take(
        self, wanted: PictureOrder, order: Order, addresses: Sequence[str]
    ) -> tuple[StoredUpload, StoredUpload | None]:
        """Returns the stored picture and mask."""
        supplied = self._parts.supplied
        contents = [await _fetched(each) for each in addresses]
        if wanted.has_mask:
            return await supplied.take_masked(contents[0], contents[1], order)
        if len(contents) > 1:
            return await supplied.take_blend(contents, order), None
        return await supplied.take_picture(contents[0], order), None


def _starts(_: ModelEntry, can: Abilities | None) -> bool:
    return can is None or can.starts


def _fills_in(_: ModelEntry, can: Abilities | None) -> bool:
    return can is None or can.masks


def demand_light(size: int) -> None:
    """`size`: of the file, in bytes. Raises FileTooLarge."""
    if size > MAX_BYTES:
        raise FileTooLarge(size, MAX_BYTES, is_picture=True)


async def _contents(addresses: Sequence[str]) -> AsyncIterator[bytes]:
    """Raises as `_fetched`."""
    for each in addresses:
        yield await _fetched(each)


async def _fetched(address: str) -> bytes:
    """Raises FileUnreachable, FileTooLarge, PictureGone."""
    return await fetched(address, MAX_BYTES, _FETCH_SECONDS)
