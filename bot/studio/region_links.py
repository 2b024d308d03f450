"""Links to the page on which a member draws a region of one picture. No Discord, and no web server.

A link is a Fernet token (https://github.com/fernet/spec): signed and encrypted, with its time inside. It names a row of
`drawn_regions`, which says whose and which picture's it is, and which takes one region. docs/adr/0040-the-mask-page.md has the
reasons.
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.studio.errors import RegionNotDrawn
from db import DrawnRegion, Repositories
from generation import ImageSize, JobId, MemberId, Region
from generation.canvas.compose import region_mask

LINK_SECONDS = 900.0
"""How long a link can be used: as long as Discord's own answers can be changed."""
CELLS = 64
"""Along the longer side of a picture. The soft edge of a region is one wide."""
_PURPOSE = b"atelier: links to the mask page, 1"
_SHARP = 128  # of 255: a region whose mask is darker everywhere is too thin


class LinkFault(StrEnum):
    """Why a link can't be used."""

    UNKNOWN = "unknown"  # forged, of another bot, or replaced by a newer one
    EXPIRED = "expired"
    USED = "used"


class DrawingFault(StrEnum):
    """Why what was sent is no region."""

    FORM = "form"  # not as many bits as the picture has cells
    EMPTY = "empty"
    THIN = "thin"  # nothing is left of it inside its soft edge


@dataclass(eq=False)
class LinkBroken(Exception):
    fault: LinkFault


@dataclass(eq=False)
class DrawingBroken(Exception):
    fault: DrawingFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A valid link."""

    drawn: DrawnRegion
    locale: str  # of the member


class RegionLinks:
    def __init__(
        self, records: Repositories, key: bytes, address: str, *, clock: Callable[[], float]
    ) -> None:
        """`key`: a secret of the installation. `address`: of the page, for members; empty: there is no page."""
        self._records = records
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key)
        self._seal = Fernet(base64.urlsafe_b64encode(derived))
        self._address = address.rstrip("/")
        self._clock = clock

    @property
    def is_offered(self) -> bool:
        return bool(self._address)

    async def make(self, member: MemberId, job: JobId, image: int, locale: str) -> tuple[str, float]:
        """Returns the address of the page for this member and picture, and when it expires. An earlier one ends.

        `locale`: the language of the page.
        """
        now, link = self._clock(), secrets.token_urlsafe(12)
        async with self._records.database.transaction() as tx:
            await self._records.drawn_regions.open(tx, member, job, image, link, now)
        token = self._seal.encrypt_at_time(f"{link} {locale}".encode(), int(now))
        # The padding says nothing, and some clients leave it out of an address.
        return f"{self._address}/region/{token.decode().rstrip('=')}/", now + LINK_SECONDS

    async def open(self, token: str) -> Opened:
        """`token`: from the address. Raises LinkBroken."""
        try:
            sealed = self._seal.decrypt(f"{token}{'=' * (-len(token) % 4)}".encode())
            made_at = self._seal.extract_timestamp(f"{token}{'=' * (-len(token) % 4)}".encode())
        except (InvalidToken, ValueError) as forged:
            raise LinkBroken(LinkFault.UNKNOWN) from forged
        if self._clock() - made_at > LINK_SECONDS:
            raise LinkBroken(LinkFault.EXPIRED)
        link, _, locale = sealed.decode().partition(" ")
        drawn = await self._records.drawn_regions.of_link(link)
        if drawn is None:
            raise LinkBroken(LinkFault.UNKNOWN)
        if drawn.region is not None:
            raise LinkBroken(LinkFault.USED)
        return Opened(drawn=drawn, locale=locale)

    async def keep(self, opened: Opened, sent: bytes, picture: ImageSize) -> None:
        """Keeps a region. `sent`: as in `region_in`. Raises LinkBroken, DrawingBroken."""
        region = region_in(sent, picture)
        async with self._records.database.transaction() as tx:
            if not await self._records.drawn_regions.keep(tx, opened.drawn.link, region, self._clock()):
                raise LinkBroken(LinkFault.USED)

    async def drawn(self, member: MemberId, job: JobId, image: int) -> Region:
        """Returns what the member drew last over this picture. Raises RegionNotDrawn."""
        found = await self._records.drawn_regions.of(member, job, image)
        if found is None or found.region is None:
            raise RegionNotDrawn
        return found.region


def grid_of(picture: ImageSize) -> tuple[int, int]:
    """Returns rows and columns of the cells over a picture."""
    longer = max(picture.width, picture.height)
    return max(1, round(CELLS * picture.height / longer)), max(1, round(CELLS * picture.width / longer))


def region_in(sent: bytes, picture: ImageSize) -> Region:
    """Reads a region. `sent`: one bit for each cell by rows, the first in the highest bit of the first byte. Raises
    DrawingBroken.
    """
    rows, columns = grid_of(picture)
    if len(sent) != -(-rows * columns // 8):
        raise DrawingBroken(DrawingFault.FORM)
    bits = f"{int.from_bytes(sent, 'big'):0{8 * len(sent)}b}"
    cells = tuple(cell for cell in range(rows * columns) if bits[cell] == "1")
    if not cells:
        raise DrawingBroken(DrawingFault.EMPTY)
    region = Region(rows=rows, columns=columns, cells=cells)
    # Eight pixels a cell are as fine as a model's latents.
    mask = region_mask(region, ImageSize(width=8 * columns, height=8 * rows))
    if mask.getextrema()[1] < _SHARP:  # pyright: ignore[reportOperatorIssue]  # one band: two numbers
        raise DrawingBroken(DrawingFault.THIN)
    return region
