"""Checks whether this bot made a picture, and by which evidence. No Discord."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image

from bot.studio import NothingToVerify, TooHeavyToVerify, TooManyChecks
from bot.studio.pictures.likeness import Likeness
from bot.studio.pictures.provenance import Provenance
from db import Job, Repositories
from generation import JobId, MemberId
from generation.files import images
from generation.files.images import PictureError
from generation.provenance.content_credentials import Found
from moderation import MINUTE, RateLimit
from moderation.pictures.perceptual_hash import SAME, Fingerprint, distance, fingerprint

MAX_BYTES = 25 * 2**20
"""Maximum size of a picture to verify; more than Discord's upload limit without payment."""

CHECKS_A_MINUTE = 10  # per member

_SIDE = 2048  # pixels
_JOB = re.compile(r"\bJob: ([a-z2-7]{10})-(\d)\b")


class How(StrEnum):
    """The kinds of evidence, the strongest first."""

    CREDENTIALS = "credentials"
    MARK = "mark"
    PARAMETERS = "parameters"
    LIKENESS = "likeness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One piece of evidence that this bot made the picture."""

    how: How
    job: Job | None  # None: this bot's sign, but the job is deleted
    image: int | None  # from 0; None: the grid of all pictures
    apart: int = 0  # bits between the hashes, for a likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    evidence: tuple[Evidence, ...]  # strongest first
    was_changed: bool = False  # has credentials, but was changed after signing
    is_foreign: bool = False  # signed by another Atelier

    @property
    def best(self) -> Evidence | None:
        return self.evidence[0] if self.evidence else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    """The signs found in the picture itself."""

    credentials: Found | None
    marks: tuple[int, ...]
    parameters: tuple[JobId, int] | None
    fingerprints: tuple[Fingerprint, ...]


class Verification:
    def __init__(
        self,
        records: Repositories,
        provenance: Provenance,
        likeness: Likeness,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._records = records
        self._likeness = likeness
        self._provenance = provenance
        self._clock = clock
        # Kept in memory only: a check leaves nothing behind that a restart would forgive.
        self._checks: dict[MemberId, RateLimit] = {}
        self.turn = asyncio.Lock()
        """Held while a picture is fetched and examined: a large one takes 200 MB, and a core for a second."""

    def spend_check(self, member: MemberId) -> None:
        """Counts a check of the member's. Raises TooManyChecks."""
        for each, limit in list(self._checks.items()):
            if not limit.retry_after(CHECKS_A_MINUTE):
                del self._checks[each]
        limit = self._checks.setdefault(
            member, RateLimit("minute", CHECKS_A_MINUTE, MINUTE, clock=self._clock)
        )
        if seconds := limit.retry_after(1):
            raise TooManyChecks(CHECKS_A_MINUTE, seconds)
        limit.take(1)

    async def examine(self, content: bytes) -> Verified:
        """Examines a PNG, JPEG or WebP. Raises NothingToVerify, TooHeavyToVerify."""
        if len(content) > MAX_BYTES:
            raise TooHeavyToVerify(len(content), MAX_BYTES)
        try:
            signs = await asyncio.to_thread(self._signs, content)
        except PictureError as error:
            raise NothingToVerify from error
        found = [
            *await self._by_credentials(signs),
            *await self._by_marks(signs),
            *await self._by_parameters(signs),
            *await self._by_likeness(signs),
        ]
        claimed = signs.credentials
        return Verified(
            evidence=tuple(found),
            was_changed=claimed is not None and not claimed.is_whole,
            is_foreign=claimed is not None and claimed.is_whole and not claimed.is_own,
        )

    async def _by_credentials(self, signs: _Signs) -> list[Evidence]:
        found = signs.credentials
        if found is None or not found.is_own:
            return []
        job = await self._records.jobs.get(JobId(found.claim.job))
        return [Evidence(how=How.CREDENTIALS, job=job, image=found.claim.image)]

    async def _by_marks(self, signs: _Signs) -> list[Evidence]:
        found: list[Evidence] = []
        for mark in signs.marks:
            # Two pictures of a hundred thousand may share a number: both jobs are reported.
            for image in await self._records.pictures.of_mark(mark):
                job = await self._records.jobs.get(image.job)
                found.append(Evidence(how=How.MARK, job=job, image=image.index))
            if not found:
                found.append(Evidence(how=How.MARK, job=None, image=None))
        return found

    async def _by_parameters(self, signs: _Signs) -> list[Evidence]:
        if signs.parameters is None:
            return []
        job_id, index = signs.parameters
        # Any program can write parameters: they count only when the named picture exists and looks like this one.
        stored = await self._records.pictures.get(job_id, index)
        if stored is None or not _is_like(stored.fingerprint, signs.fingerprints):
            return []
        return [Evidence(how=How.PARAMETERS, job=await self._records.jobs.get(job_id), image=index)]

    async def _by_likeness(self, signs: _Signs) -> list[Evidence]:
        found: list[Evidence] = []
        for seen in signs.fingerprints:
            like = await self._likeness.nearest(seen)
            if like is not None:
                image, apart = like
                job = await self._records.jobs.get(image.job)
                found.append(Evidence(how=How.LIKENESS, job=job, image=image.index, apart=apart))
        return sorted(found, key=lambda each: each.apart)[:1]

    def _signs(self, content: bytes) -> _Signs:
        picture = images.open_picture(content)
        form = images.form_of(content)
        # Marks and hashes do not depend on size, and pictures from outside may have fifty million pixels.
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
        views = list(_views(picture))
        marks = [mark for view in views if (mark := self._provenance.watermark.read(view)) is not None]
        prints = [seen for view in views if (seen := fingerprint(view)) is not None]
        # The last match: text from the prompt comes before it.
        written = [*_JOB.finditer(images.read_parameters(content))][-1:] if form == "png" else []
        return _Signs(
            credentials=self._provenance.credentials.read(content, form) if form in ("png", "jpeg") else None,
            marks=tuple(dict.fromkeys(marks)),
            parameters=(JobId(written[0][1]), int(written[0][2]) - 1) if written else None,
            fingerprints=tuple(prints),
        )


def _is_like(stored: Fingerprint | None, seen: tuple[Fingerprint, ...]) -> bool:
    """Compares fingerprints. Two pictures too plain for a fingerprint count as alike."""
    if stored is None:
        return not seen
    return any(distance(stored, each) <= SAME for each in seen)


def _views(picture: Image.Image) -> Iterator[Image.Image]:
    """Yields the picture, and its cells as a grid of two, three and four, because marks and hashes belong to single pictures."""
    yield picture
    for count in (2, 3, 4):
        yield from map(images.without_number, images.cells_of(picture, count))
