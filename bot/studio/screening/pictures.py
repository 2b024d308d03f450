"""Checks pictures against the server's policy and its list of removed pictures. No Discord.

Decoding and computing run on a few threads beside the event loop, so that neither the loop nor the worker waits.
"""

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from itertools import repeat
from typing import TypeVar

from PIL import Image

from bot.studio import NotShownHere
from bot.studio.screening.server_policies import PolicyScope, ServerPolicies
from db import (
    BannedPicture,
    Case,
    EntryKind,
    Job,
    Mode,
    Origin,
    Parent,
    Repositories,
    StoredImage,
    Transaction,
    Upload,
    VerdictRecord,
)
from db.verdicts import PICTURE
from generation.files import images
from generation.files.images import PictureError
from moderation import ALLOWED, FAMILY, Policy, Ruling, Scores, Verdict, presets, stricter
from moderation.pictures.check import PictureCheck, highest, verdict_of
from moderation.pictures.perceptual_hash import Fingerprint, fingerprint, nearest

BANNED = "removed before"
"""The rule of verdicts on pictures that look like a removed one. Rows hold it as a code; cards show a sentence of it."""

NOT_SEEN: Scores = {}
"""Of a picture that was never marked."""

_THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""A picture of 1024 px takes a sixth of a second of one thread: four keep up with a GPU that draws 24 pictures a second."""

_LONGEST_TEXT = 2000
"""Characters of one picture that are judged: more than people write into a picture, and few enough for the filter."""

_REMEMBERED = 1000
"""Pictures whose scores and hashes are kept in memory: a list of styles shows five at each look."""

T = TypeVar("T")

_Look = tuple[Fingerprint | None, Scores]
"""What does not depend on policies and removed pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedPicture:
    """One checked picture."""

    verdict: Verdict
    fingerprint: Fingerprint | None
    scores: Scores
    blurred: bytes | None = None  # JPEG, for the moderators; None when the picture is allowed

    @property
    def is_refused(self) -> bool:
        return self.verdict.ruling is Ruling.REFUSE


class PictureScreening:
    def __init__(self, check: PictureCheck, records: Repositories, policies: ServerPolicies) -> None:
        self.check = check
        self.reader = check.reader
        """Reads what is written in pictures. May be replaced while the bot runs; None: nothing is read."""
        self._policies = policies
        self._records = records
        self._found: OrderedDict[tuple[PictureCheck, bytes], _Look] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="inspection")
        # A page of text takes seconds; the threads that check finished pictures must not wait for it.
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="texts")

    async def judge(
        self, pictures: Sequence[bytes], job: Job, seen: Sequence[Scores] = ()
    ) -> list[ScreenedPicture]:
        """Checks stored or submitted pictures (PNG, JPEG or WebP). Raises PictureError.

        `seen`: each picture's scores before it was marked; the higher score counts.
        """
        policy = await self.policy_of(job)
        banned = await self.banned_for(job)
        pairs = zip(pictures, seen or repeat({}), strict=False)
        return await self.beside_the_loop(
            lambda: [self._judge(content, policy, banned, scores) for content, scores in pairs]
        )

    async def judge_drawn(
        self, pictures: Sequence[Image.Image], job: Job, seen: Sequence[Scores] = ()
    ) -> list[ScreenedPicture]:
        """Checks pictures that were drawn just now, as `judge` does. Nothing is remembered: no other order shows them yet."""
        policy = await self.policy_of(job)
        banned = await self.banned_for(job)
        pairs = zip(pictures, seen or repeat({}), strict=False)
        return await self.beside_the_loop(
            lambda: [
                _ruled(picture, self._look_at(picture), policy, banned, scores) for picture, scores in pairs
            ]
        )

    async def seen_in_parents(self, job: Job) -> list[Scores]:
        """Returns the scores that each source picture of the job had before it was marked."""
        found: list[Scores] = []
        for each in job.drawing.pictures:
            stored = None
            if isinstance(each.source, Parent):
                stored = await self._records.pictures.get(each.source.job, each.source.image)
            elif isinstance(each.source, Upload):
                stored = await self._records.uploads.get(each.source.id)
            found.append(stored.scores if stored else NOT_SEEN)
        return found

    async def banned_for(self, job: Job) -> Sequence[BannedPicture]:
        """Returns the list of removed pictures of the job's server."""
        return await self._banned_in(job.place.guild_id)

    async def _banned_in(self, guild: int | None) -> Sequence[BannedPicture]:
        return [] if guild is None else await self._records.banned.of_guild(guild)

    async def judge_upload(
        self, picture: bytes, spot: PolicyScope, seen: Scores = NOT_SEEN
    ) -> ScreenedPicture:
        """Checks a picture (PNG) that a member supplies in a place, before there is a job. Raises PictureError.

        `seen`: its scores before it was marked, if it is a gallery's; the higher score counts.
        """
        policy = await self._policy_in(spot)
        banned = await self._banned_in(spot.guild_id)
        return await self.beside_the_loop(lambda: self._judge(picture, policy, banned, seen))

    async def read_text(self, picture: bytes) -> str:
        """Returns what is written in the picture; empty if nothing is, or nothing is read. Raises PictureError.

        The text is a member's: it must not be logged.
        """
        reader = self.reader
        if reader is None:
            return ""
        loop = asyncio.get_running_loop()
        text = await loop.run_in_executor(self._reading, lambda: reader.read(images.open_picture(picture)))
        return text[:_LONGEST_TEXT]

    async def demand_shown(self, pictures: Iterable[StoredImage], spot: PolicyScope) -> bool:
        """Checks finished pictures against the policy of another place than theirs, by the scores that they had.

        Returns whether that policy flags one of them. Raises NotShownHere when it refuses one.
        """
        policy = await self._policy_in(spot)
        worst = reduce(stricter, (verdict_of(each.scores, policy) for each in pictures), ALLOWED)
        if worst.ruling is Ruling.REFUSE:
            raise NotShownHere(is_direct=spot.guild_id is None)
        return worst.ruling is Ruling.FLAG

    async def policy_of(self, job: Job) -> Policy:
        """Returns the policy for the job's channel, the same as for its prompt."""
        guild = job.place.guild_id
        channel = job.policy_channel_id or job.place.channel_id
        spot = PolicyScope(guild_id=guild, channel_id=channel, is_age_restricted=job.is_age_restricted)
        return await self._policy_in(spot)

    async def _policy_in(self, spot: PolicyScope) -> Policy:
        policy, guild = await self._policies.of(spot), spot.guild_id
        if guild is not None and (await self._records.lockdowns.get(guild)).mode is Mode.FAMILY:
            return policy.with_(presets()[FAMILY])
        return policy

    async def note(
        self,
        tx: Transaction,
        job: Job,
        judged: Sequence[ScreenedPicture],
        now: float,
        *,
        is_input: bool = False,
    ) -> VerdictRecord | None:
        """Records the strictest verdict, and opens a case with the blurred picture. Returns None when all pictures are allowed.

        When the prompt has already opened a case, that case gets the picture and an entry. `is_input`: the pictures are the job's
        sources. They may be shown elsewhere, so their hashes are not kept.
        """
        worst = reduce(stricter, (each.verdict for each in judged))
        if worst.ruling is Ruling.ALLOW:
            return None
        which = tuple(
            f"{'picture' if each.verdict.ruling is worst.ruling else 'flagged'}:{number}"
            for number, each in enumerate(judged, start=1)
            if each.verdict.ruling is not Ruling.ALLOW
        )
        verdict = replace(worst, words=(*worst.words, *which), field=PICTURE)
        record = await self._records.verdicts.add(
            tx,
            at=now,
            guild_id=job.place.guild_id,
            channel_id=job.place.channel_id,
            member=job.member,
            member_name=job.member_name,
            source=PICTURE,
            prompt=job.drawing.prompt.text,
            negative=job.drawing.prompt.negative,
            verdict=verdict,
            job=job.id,
            message_id=job.place.message_id,
        )
        if record.guild_id is not None:
            case = await self._open_case(tx, job, record)
            blurred = next(each.blurred for each in judged if each.verdict is worst)
            if blurred is not None:
                await self._records.cases.set_picture(tx, case.id, blurred)
            if all(each.is_refused for each in judged):
                await self._records.cases.set_withheld(tx, case.id)
            for index, each in enumerate(judged):
                if each.is_refused and not is_input:
                    await self._records.banned.withhold(tx, case.id, index, each.fingerprint)
        return record

    async def _open_case(self, tx: Transaction, job: Job, record: VerdictRecord) -> Case:
        assert record.guild_id is not None, "cases belong to a server"
        case = await self._records.cases.of_job(job.id)
        if case is None or not case.is_open:
            return await self._records.cases.open(
                tx,
                guild_id=record.guild_id,
                origin=Origin.PICTURE,
                at=record.at,
                member=record.member,
                member_name=record.member_name,
                channel_id=record.channel_id,
                job=job.id,
                prompt=record.prompt,
                negative=record.negative,
                verdict=record.verdict,
                verdict_id=record.id,
            )
        verdict = record.verdict
        found = {
            "ruling": verdict.ruling.word,
            "category": verdict.category,
            "rule": verdict.rule,
            "words": verdict.words,
        }
        await self._records.entries.add(
            tx, case.id, at=record.at, by=None, name="", kind=EntryKind.CHECKED, details=found
        )
        return case

    async def beside_the_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _judge(
        self, content: bytes, policy: Policy, banned: Sequence[BannedPicture], seen: Scores
    ) -> ScreenedPicture:
        return _ruled(content, self._measured(content), policy, banned, seen)

    def _measured(self, content: bytes) -> _Look:
        """Looks at the picture, unless it did so lately. What it finds does not depend on policies and removed pictures.

        Raises PictureError.
        """
        key = (self.check, hashlib.sha256(content).digest())
        with self._lock:
            if (found := self._found.get(key)) is not None:
                self._found.move_to_end(key)
                return found
        found = self._look_at(images.open_picture(content))
        with self._lock:
            self._found[key] = found
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found

    def _look_at(self, picture: Image.Image) -> _Look:
        # Scored even when the policy has no thresholds: the picture may be used elsewhere later.
        return fingerprint(picture), self.check.scores(picture)

    def judge_preview(self, cell: Image.Image, policy: Policy, banned: Sequence[BannedPicture]) -> Verdict:
        """Checks one cell of a preview grid. Call it in a thread."""
        return _return_of(fingerprint(cell), banned) or self.check.judge(cell, policy)


def _ruled(
    picture: Image.Image | bytes, look: _Look, policy: Policy, banned: Sequence[BannedPicture], seen: Scores
) -> ScreenedPicture:
    print, own = look
    scores = highest(own, seen)
    verdict = _return_of(print, banned) or verdict_of(scores, policy)
    blurred = None
    if verdict.ruling is not Ruling.ALLOW:
        blurred = images.blurred(images.open_picture(picture) if isinstance(picture, bytes) else picture)
    return ScreenedPicture(verdict=verdict, fingerprint=print, scores=scores, blurred=blurred)


def _return_of(seen: Fingerprint | None, banned: Sequence[BannedPicture]) -> Verdict | None:
    """Returns a refusal for a picture that looks like a removed one; None for others."""
    known = nearest(seen, ((each, each.fingerprint) for each in banned))
    if known is None:
        return None
    like, apart = known
    words = (f"job:{like.job}:{apart}",)
    return Verdict(ruling=Ruling.REFUSE, rule=BANNED, words=words, score=1.0, likeness=like.job)


class PreviewScreening:
    """Screens one job's previews.

    A detector sees less in an unfinished picture, so flagged previews are blurred like refused ones. After the first such preview
    all
    later ones are blurred. When the filter flags the prompt, all previews are blurred.
    """

    def __init__(self, picture_screening: PictureScreening, job: Job, *, is_flagged: bool) -> None:
        self._picture_screening = picture_screening
        self._job = job
        self._is_blurred = is_flagged and not job.is_age_restricted
        self._banned: Sequence[BannedPicture] | None = None  # the server's list, once it was read

    async def shown(self, preview: bytes) -> bytes | None:
        """Returns the preview, blurred if needed; None when it can't be read. `preview`: JPEG of the job's grid."""
        policy = await self._picture_screening.policy_of(self._job)
        if self._banned is None:
            self._banned = await self._picture_screening.banned_for(self._job)
        return await self._picture_screening.beside_the_loop(lambda: self._shown(preview, policy))

    def _shown(self, preview: bytes, policy: Policy) -> bytes | None:
        try:
            return self._looked_at(preview, policy)
        except PictureError:
            return None

    def _looked_at(self, preview: bytes, policy: Policy) -> bytes:
        if not self._is_blurred:
            cells = images.cells_of(images.open_picture(preview), self._job.drawing.images)
            banned = self._banned or ()
            verdicts = (self._picture_screening.judge_preview(cell, policy, banned) for cell in cells)
            self._is_blurred = reduce(stricter, verdicts, ALLOWED).ruling is not Ruling.ALLOW
        return images.blurred(images.open_picture(preview)) if self._is_blurred else preview
