"""The product without Discord, wired once: for the bot, its tests and its benchmarks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.amendments import Amendments
from bot.appeals import AppealDesk
from bot.archive import Archive
from bot.casework import Casework
from bot.derive import Derive
from bot.desk import Desk
from bot.finishing import Finishing
from bot.gatekeeper import Gatekeeper
from bot.house_policies import HousePolicies
from bot.house_rules import HouseRules
from bot.inspection import Inspection
from bot.judging import Judging
from bot.metrics import Metrics
from bot.presets import PresetBook
from bot.privacy import Privacy
from bot.provenance import Provenance
from bot.records import Records
from bot.reports import ReportDesk
from bot.settings import Settings
from bot.studio import Studio
from bot.verify import Verification
from db.verdicts import VerdictRecord
from generation.dispatch import Dispatch
from moderation.pictures import PictureCheck
from moderation.screen import Screen

log = logging.getLogger(__name__)

_MOST = 200
"""Records waiting at the most: a raid of refusals must not fill the memory; the database has them all."""


class ReviewQueue(asyncio.Queue[VerdictRecord]):
    """Refusals and flags on their way to the moderators' channel."""

    def __init__(self) -> None:
        super().__init__(_MOST)

    def note(self, record: VerdictRecord) -> None:
        """Never waits."""
        try:
            self.put_nowait(record)
        except asyncio.QueueFull:
            log.warning("too many verdicts at once: %s is in the log only", record.id)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    settings: Settings
    records: Records
    dispatch: Dispatch
    clock: Callable[[], float]  # unix seconds
    provenance: Provenance
    review_queue: ReviewQueue
    desk: Desk
    archive: Archive
    derive: Derive
    gatekeeper: Gatekeeper
    house_rules: HouseRules
    policies: HousePolicies
    judging: Judging
    inspection: Inspection
    studio: Studio
    presets: PresetBook
    verification: Verification
    casework: Casework
    amendments: Amendments
    appeals: AppealDesk
    reports: ReportDesk
    privacy: Privacy


def build_parts(
    settings: Settings,
    records: Records,
    dispatch: Dispatch,
    screen: Screen,
    pictures: PictureCheck,
    provenance: Provenance,
    *,
    metrics: Metrics | None = None,
    clock: Callable[[], float] = time.time,
) -> Parts:
    """Raises MustBroken, OSError for the owner's file of prompts that no rule may refuse."""
    moderation = settings.moderation
    review_queue = ReviewQueue()
    desk = Desk(records, dispatch, clock=clock)
    archive = Archive(records)
    gatekeeper = Gatekeeper(records, desk)
    house_rules = HouseRules(records, desk, moderation.must_file)
    policies = HousePolicies(records, desk, moderation.policy)
    judging = Judging(screen, records, house_rules, policies)
    inspection = Inspection(pictures, records, policies)
    studio = Studio(
        settings,
        records,
        dispatch,
        archive,
        gatekeeper,
        judging,
        Finishing(records, inspection, provenance, clock=clock, review=review_queue.note),
        metrics or Metrics(),
        clock=clock,
        review=review_queue.note,
    )
    casework = Casework(records, desk, moderation, clock=clock)
    amendments = Amendments(casework)
    return Parts(
        settings=settings,
        records=records,
        dispatch=dispatch,
        clock=clock,
        provenance=provenance,
        review_queue=review_queue,
        desk=desk,
        archive=archive,
        derive=Derive(settings, records),
        gatekeeper=gatekeeper,
        house_rules=house_rules,
        policies=policies,
        judging=judging,
        inspection=inspection,
        studio=studio,
        presets=PresetBook(studio),
        verification=Verification(records, provenance),
        casework=casework,
        amendments=amendments,
        appeals=AppealDesk(casework, amendments),
        reports=ReportDesk(casework, moderation.reports_an_hour),
        privacy=Privacy(records, desk, settings.retention),
    )
