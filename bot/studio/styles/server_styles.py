"""The named styles of a server. One is screened when it is saved, and again with every prompt that uses it. No Discord."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from bot.studio import (
    Actor,
    EmptyStyle,
    Moderator,
    NotYours,
    NotYourStyle,
    OnlyInServers,
    Order,
    PictureGone,
    PromptTooLong,
    Refusal,
    StyleTaken,
    TooManyStyles,
    UnknownLora,
    UnknownStyle,
    demand_known,
)
from bot.studio.cases.takedown import Takedown
from bot.studio.orders.parameters import draft, loras_of, one_line
from bot.studio.pictures.stored import StoredPictures
from bot.studio.pictures.supplied import SuppliedPictures
from bot.studio.screening.pictures import NOT_SEEN
from bot.studio.screening.server_policies import policy_scope_of
from bot.studio.studio import Studio
from bot.studio.styles.applied import MOST_OF_SERVER, folded
from bot.studio.styles.written import name_of, words_of
from db import LONGEST_LORAS, Act, ImageGone, Parent, StoredImage, Style, UploadId
from generation import JobId, Lora, ModelEntry
from moderation import Ruling, Scores

MOST = 25
"""Per member and server."""
SAVING = "/style save"
"""The source of verdicts on styles that were refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleInput:
    """What a member saves. None: as it was before; nothing in a new style."""

    name: str
    words: str | None = None
    loras: str | None = None
    picture: Parent | None = None  # one of the member's own


class ServerStyles:
    def __init__(
        self, studio: Studio, supplied: SuppliedPictures, stored: StoredPictures, takedown: Takedown
    ) -> None:
        self._studio = studio
        self._records = studio.records
        self._styles = studio.records.styles
        self._supplied = supplied
        self._stored = stored
        self._takedown = takedown
        self._turns = WeakValueDictionary[tuple[int, str], asyncio.Lock]()

    async def named(self, actor: Actor, name: str) -> Style:
        """Returns the newest version. Raises UnknownStyle."""
        return await self._studio.styles.named(actor.guild_id, name)

    async def like(self, guild_id: int | None, typed: str) -> list[Style]:
        """Returns the styles whose name or words contain the typed text."""
        if guild_id is None:
            return []
        wanted = folded(typed)
        known = await self._styles.of_guild(guild_id, limit=MOST_OF_SERVER)
        return [each for each in known if wanted in each.name or wanted in each.words.casefold()]

    async def read_picture(self, style: Style) -> bytes:
        """Returns the reference picture as a PNG. Raises PictureGone."""
        if style.upload is None:
            raise PictureGone
        upload = await self._records.uploads.get(style.upload)
        if upload is None or upload.is_removed:
            raise PictureGone
        try:
            return await self._records.uploads.read(style.upload)
        except ImageGone as error:
            raise PictureGone from error

    async def shown_picture(self, style: Style, actor: Actor) -> tuple[bytes, bool]:
        """Returns the reference picture, and whether it is a spoiler where the member looks at it. Raises PictureGone.

        Of a style without one it is the first picture that was drawn with it in this channel: those of other channels may not be
        for this member. Since then, the policy may have changed, or moderators may have removed a picture like it.
        """
        content, seen = await self._shown(style, actor)
        screened = await self._studio.picture_screening.judge_upload(content, policy_scope_of(actor), seen)
        if screened.is_refused:
            raise PictureGone
        return content, screened.verdict.ruling is Ruling.FLAG

    async def _shown(self, style: Style, actor: Actor) -> tuple[bytes, Scores]:
        """Returns the picture that shows the style, and its scores from before it was marked. Raises PictureGone."""
        if style.upload is not None:
            with suppress(PictureGone):
                upload = await self._records.uploads.get(style.upload)
                return await self.read_picture(style), upload.scores if upload else NOT_SEEN
        drawn = await self._records.pictures.first_with_style(style.id, actor.channel_id)
        if drawn is None:
            raise PictureGone
        return await self._stored.read_picture(Parent(job=drawn.job, image=drawn.index)), drawn.scores

    async def save(
        self, actor: Actor, asked: StyleInput, supplied: AsyncIterator[bytes] | None = None
    ) -> Style:
        """Saves a style, or the next version of one's own. `supplied`: the content of a picture that the member sends.

        Raises BadStyleName, EmptyStyle, StyleTakesWords, StyleTaken, TooManyStyles, the refusals of an order with these words and
        LoRAs, and those of the picture.
        """
        if actor.guild_id is None:
            raise OnlyInServers
        # A part that is left out is taken from the version before: two at once would undo each other's parts.
        async with self._turns.setdefault((actor.guild_id, name_of(asked.name)), asyncio.Lock()):
            return await self._save(actor, actor.guild_id, asked, supplied)

    async def _save(
        self, actor: Actor, guild_id: int, asked: StyleInput, supplied: AsyncIterator[bytes] | None
    ) -> Style:
        name = name_of(asked.name)
        before = await self._demand_room(actor, guild_id, name)
        words, typed = words_of(asked.words)
        words = words if words is not None else before.words if before else ""
        typed = " ".join(filter(None, [typed, one_line(asked.loras or "")]))
        loras = typed or (before.loras if before else "")
        order, loras = self._draft(actor, words, loras)
        seen = NOT_SEEN
        contents = supplied
        if asked.picture is not None:
            own = await self._own(actor, asked.picture)
            contents, seen = self._content(asked.picture), own.scores
        upload = before.upload if before else None
        if not words and not loras and contents is None and upload is None:
            raise EmptyStyle
        # Words, names and pictures of all members' styles are listed in every channel.
        await self._studio.judge(order, is_charged=True)
        named = replace(order.drawing, prompt=replace(order.drawing.prompt, text=name))
        await self._studio.judge(replace(order, drawing=named), is_charged=True)
        if contents is not None:
            parent = JobId(asked.picture.job) if asked.picture else None
            upload = await self._take(contents, order, seen, parent)
        async with self._records.database.transaction() as tx:
            await self._demand_room(actor, guild_id, name)
            return await self._styles.add(
                tx,
                guild_id=guild_id,
                name=name,
                member=actor.member,
                words=words,
                loras=loras,
                upload=upload,
                at=self._studio.clock(),
            )

    async def delete(self, actor: Actor, name: str, reason: str = "") -> Style:
        """Deletes the style with all versions, and returns it. For the owner for good; a moderator's removal can be taken back.

        A moderator's act is logged, with the reason. Raises UnknownStyle, NotYourStyle.
        """
        style = await self.named(actor, name)
        if style.member != actor.member and not isinstance(actor, Moderator):
            raise NotYourStyle(style.name)
        async with self._records.database.transaction() as tx:
            # In the meantime its owner may have deleted it, and another member saved one.
            found = await self._styles.named(style.guild_id, style.name)
            if found is None or found.member != style.member:
                raise UnknownStyle(style.name, "")
            if isinstance(actor, Moderator) and style.member != actor.member:
                await self._takedown.removed_styles.remove(tx, [style])
                details: Mapping[str, object] = {"version": style.version}
                await self._takedown.note(tx, actor, Act.STYLE_REMOVE, style.member, reason, details=details)
            else:
                await self._styles.delete(tx, style.guild_id, style.name, style.member)
        return style

    async def _demand_room(self, actor: Actor, guild_id: int, name: str) -> Style | None:
        """Returns the style's newest version, if there is one. Raises StyleTaken, TooManyStyles."""
        before = await self._styles.named(guild_id, name)
        if before is None:
            if await self._styles.count(guild_id, actor.member) >= MOST:
                raise TooManyStyles(MOST, is_own=True)
            if await self._styles.count(guild_id) >= MOST_OF_SERVER:
                raise TooManyStyles(MOST_OF_SERVER, is_own=False)
        elif before.member != actor.member:
            raise StyleTaken(name)
        return before

    def _draft(self, actor: Actor, words: str, typed: str) -> tuple[Order, str]:
        """Returns an order that the style gives by itself, and its LoRAs with their weights. Raises UnknownLora."""
        settings = self._studio.settings
        model = _model_with(typed, settings.default_model, settings.models)
        loras = loras_of(typed, model, settings.models)
        order = draft(words, actor, settings.models, model)
        shown = " ".join(map(_typed, loras))
        if len(shown) > LONGEST_LORAS:
            raise PromptTooLong(len(shown), LONGEST_LORAS, "style-loras")
        drawing = replace(order.drawing, loras=loras)
        return replace(order, source=SAVING, drawing=drawing, is_for_server=True), shown

    async def _own(self, actor: Actor, picture: Parent) -> StoredImage:
        """Returns a picture of the member's own. Raises NoSuchJob, NotYours, PictureGone."""
        job = demand_known(await self._records.jobs.get(JobId(picture.job)), picture.job, actor)
        if job.member != actor.member:
            raise NotYours(is_picture=True)
        image = await self._records.pictures.get(job.id, picture.image)
        if image is None or image.is_removed:
            raise PictureGone
        return image

    async def _content(self, picture: Parent) -> AsyncIterator[bytes]:
        """Raises PictureGone."""
        yield await self._stored.read_picture(picture)

    async def _take(
        self, contents: AsyncIterator[bytes], order: Order, seen: Scores, parent: JobId | None
    ) -> UploadId:
        self._supplied.spend(order.actor.member, 1)
        async with self._supplied.room:
            (taken,) = await self._supplied.take_references(contents, order, seen, parent)
        return taken.id


def _model_with(loras: str, default: ModelEntry, models: Sequence[ModelEntry]) -> ModelEntry:
    """Returns the first model that has these LoRAs; the default one first, and if none has."""
    for model in (default, *models):
        try:
            loras_of(loras, model, models)
            return model
        except UnknownLora:
            continue
        except Refusal:
            break
    return default


def _typed(lora: Lora) -> str:
    return f"{lora.name}:{lora.weight:.3f}".rstrip("0").rstrip(".")
