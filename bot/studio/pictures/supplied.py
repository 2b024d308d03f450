"""Takes pictures from members: reads them, screens them and stores them with their owner. No Discord."""

import asyncio
import io
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import replace

from PIL import Image

from bot.studio.errors import FileTooLarge, MaskFault, TooManyUploads, UnusableMask
from bot.studio.orders.order import Actor, Order
from bot.studio.pictures.uploaded_picture import MAX_BYTES, UploadedPicture, read_apart
from bot.studio.screening.pictures import NOT_SEEN
from bot.studio.screening.server_policies import policy_scope_of_order
from bot.studio.studio import Studio
from db import StoredUpload
from generation import ImageSize, JobId, MemberId
from generation.files.images import fitted, to_png
from moderation import MINUTE, RateLimit, Scores

UPLOADS_A_MINUTE = 10  # per member
_AT_ONCE = 2  # orders whose pictures are in memory
_REFERENCE_PIXELS = 1.5 * 2**20
"""Width times height. Models see a million of them, and a waiting order holds up to ten pictures in memory."""
_ALIKE = 0.02
"""How far the proportions of a mask may be from its picture's. Programs round when they scale."""
_WHITE = 128  # of 255


class SuppliedPictures:
    def __init__(self, studio: Studio, *, clock: Callable[[], float]) -> None:
        self._studio = studio
        self._records = studio.records
        self._clock = clock
        # One at a time: a large picture takes a core for seconds, and memory.
        self._turn = asyncio.Lock()
        self.room = asyncio.Semaphore(_AT_ONCE)
        """Held while an order's pictures are fetched and taken: five of them have up to 125 MB."""
        self._taken: dict[MemberId, RateLimit] = {}

    def spend(self, member: MemberId, count: int) -> None:
        """Counts pictures that the member is about to send. Raises TooManyUploads."""
        for each, limit in list(self._taken.items()):
            if not limit.retry_after(UPLOADS_A_MINUTE):
                del self._taken[each]
        limit = self._taken.setdefault(
            member, RateLimit("minute", UPLOADS_A_MINUTE, MINUTE, clock=self._clock)
        )
        if seconds := limit.retry_after(count):
            raise TooManyUploads(UPLOADS_A_MINUTE, seconds)
        limit.take(count)

    async def take_picture(self, content: bytes, order: Order) -> StoredUpload:
        """Stores a picture that the channel may show. `order`: what it is for.

        Raises FileTooLarge, UnusablePicture, UploadRefused, and what `Studio.judge` raises for a text in the picture.
        """
        found = await self._read(content)
        await self._screen(found, order)
        (text,) = await self._texts_in([found], order)
        return await self._keep(found, order.actor, text)

    async def take_masked(
        self, picture: bytes, mask: bytes, order: Order
    ) -> tuple[StoredUpload, StoredUpload]:
        """Stores a picture and its mask, both or none. Raises UnusableMask too."""
        found, own = await self._read(picture), await self._read(mask)
        fitting = await asyncio.to_thread(_fitted, own, found.size)
        for each in (found, fitting):
            await self._screen(each, order)
        (text,) = await self._texts_in([found], order)  # the mask's shapes are no part of what is drawn
        return await self._keep(found, order.actor, text), await self._keep(fitting, order.actor)

    async def take_references(
        self,
        contents: AsyncIterable[bytes],
        order: Order,
        seen: Scores = NOT_SEEN,
        parent: JobId | None = None,
    ) -> tuple[StoredUpload, ...]:
        """Stores several pictures; none if one of them is refused. Raises as `take_picture`.

        `seen`: as in `judge_upload`. `parent`: whose finished picture it is.
        """
        found: list[UploadedPicture] = []
        async for content in contents:  # one at a time is in memory as it was sent
            read = await self._read(content)
            found.append(await asyncio.to_thread(_reduced, read))
        for each in found:
            await self._screen(each, order, seen)
        texts = await self._texts_in(found, order)
        pairs = zip(found, texts, strict=True)
        return tuple([await self._keep(each, order.actor, text, parent, seen) for each, text in pairs])

    async def take_blend(self, contents: Sequence[bytes], order: Order) -> StoredUpload:
        """Stores the mean of pictures, in the proportions of the first; each of them must be one that the channel may show.

        The pictures themselves are not kept. Raises as `take_picture`.
        """
        found = [await self._read(content) for content in contents]
        for each in found:
            await self._screen(each, order)
        texts = await self._texts_in(found, order)
        mean = await asyncio.to_thread(_mean, found)
        await self._screen(mean, order)
        return await self._keep(mean, order.actor, " ".join(filter(None, texts)))

    async def _read(self, content: bytes) -> UploadedPicture:
        if len(content) > MAX_BYTES:
            raise FileTooLarge(len(content), MAX_BYTES, is_picture=True)
        async with self._turn:
            return await read_apart(content)

    async def _texts_in(self, found: Sequence[UploadedPicture], order: Order) -> list[str]:
        """Returns what is written in each picture. Raises what `Studio.judge` raises for all of it beside the prompt."""
        texts = [await self._studio.picture_screening.read_text(each.content) for each in found]
        if text := " ".join(filter(None, texts)):
            await self._studio.judge(replace(order, picture_text=text), is_charged=True)
        return texts

    async def _keep(
        self,
        found: UploadedPicture,
        actor: Actor,
        text: str = "",
        parent: JobId | None = None,
        seen: Scores = NOT_SEEN,
    ) -> StoredUpload:
        return await self._records.uploads.store(
            member=actor.member,
            guild_id=actor.guild_id,
            channel_id=actor.channel_id,
            content=found.content,
            size=found.size,
            at=self._clock(),
            text=text,
            parent=parent,
            scores=seen,
        )

    async def _screen(self, found: UploadedPicture, order: Order, seen: Scores = NOT_SEEN) -> None:
        """Raises UploadRefused."""
        screened = await self._studio.picture_screening.judge_upload(
            found.content, policy_scope_of_order(order), seen
        )
        if screened.is_refused:
            await self._studio.refuse_upload(order, screened)


def _reduced(found: UploadedPicture) -> UploadedPicture:
    scale = (_REFERENCE_PIXELS / (found.size.width * found.size.height)) ** 0.5
    if scale >= 1:
        return found
    size = ImageSize(
        width=max(1, round(found.size.width * scale)), height=max(1, round(found.size.height * scale))
    )
    picture = Image.open(io.BytesIO(found.content)).resize(
        (size.width, size.height), Image.Resampling.LANCZOS
    )
    return UploadedPicture(content=to_png(picture), size=size)


def _mean(found: Sequence[UploadedPicture]) -> UploadedPicture:
    """Returns the mean of the pictures, each cut to the proportions of the first."""
    size = found[0].size
    mean = Image.new("RGB", (size.width, size.height))
    for number, each in enumerate(found, start=1):
        picture = fitted(Image.open(io.BytesIO(each.content)), size)
        mean = Image.blend(mean, picture, 1 / number)
    return UploadedPicture(content=to_png(mean), size=size)


def _fitted(found: UploadedPicture, size: ImageSize) -> UploadedPicture:
    """Returns the mask in grey, as large as its picture. Raises UnusableMask."""
    own = found.size
    if abs(own.width * size.height / (own.height * size.width) - 1) > _ALIKE:
        raise UnusableMask(MaskFault.SHAPE)
    mask = Image.open(io.BytesIO(found.content)).convert("L").resize((size.width, size.height))
    if mask.getextrema()[1] < _WHITE:  # pyright: ignore[reportOperatorIssue]  # one band: two numbers
        raise UnusableMask(MaskFault.EMPTY)
    return UploadedPicture(content=to_png(mask), size=size)
