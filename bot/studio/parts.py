"""The product without Discord, wired once for the bot, its tests and its benchmarks."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.studio import Settings
from bot.studio.cases.appeals import CaseAppeals
from bot.studio.cases.cases import Casework
from bot.studio.cases.export import ModExport
from bot.studio.cases.member_notes import MemberNotebook
from bot.studio.cases.reports import MemberReports
from bot.studio.cases.review_queue import ReviewQueue
from bot.studio.cases.several import SeveralCases
from bot.studio.cases.takedown import Takedown
from bot.studio.desk.desk_settings import DeskSettings
from bot.studio.desk.kept_reasons import ReasonBook
from bot.studio.desk.levels import ModLevels
from bot.studio.member_settings import OwnSettings
from bot.studio.metrics import Metrics
from bot.studio.orders.captions import Captions
from bot.studio.orders.variations import Variations
from bot.studio.pictures.likeness import Likeness
from bot.studio.pictures.postprocess import Postprocess
from bot.studio.pictures.provenance import Provenance
from bot.studio.pictures.stored import StoredPictures
from bot.studio.pictures.supplied import SuppliedPictures
from bot.studio.pictures.verification import Verification
from bot.studio.presets import MemberPresets
from bot.studio.privacy import Privacy
from bot.studio.region_links import RegionLinks
from bot.studio.screening.lockdown import Lockdown
from bot.studio.screening.pictures import PictureScreening
from bot.studio.screening.prompts import PromptScreening
from bot.studio.screening.server_policies import ServerPolicies
from bot.studio.screening.server_rules import RuleBook
from bot.studio.studio import Studio
from bot.studio.styles.server_styles import ServerStyles
from db import Repositories
from generation.queue.dispatcher import Dispatcher
from moderation import PromptFilter
from moderation.pictures.check import PictureCheck


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    settings: Settings
    records: Repositories
    dispatch: Dispatcher
    clock: Callable[[], float]  # unix seconds
    provenance: Provenance
    review_queue: ReviewQueue
    takedown: Takedown
    stored_pictures: StoredPictures
    variations: Variations
    lockdown: Lockdown
    levels: ModLevels
    mod_export: ModExport
    rule_book: RuleBook
    policies: ServerPolicies
    prompt_screening: PromptScreening
    picture_screening: PictureScreening
    studio: Studio
    supplied: SuppliedPictures
    region_links: RegionLinks
    presets: MemberPresets
    styles: ServerStyles
    member_settings: OwnSettings
    likeness: Likeness
    verification: Verification
    casework: Casework
    desk_settings: DeskSettings
    notebook: MemberNotebook
    reason_book: ReasonBook
    several: SeveralCases
    appeals: CaseAppeals
    reports: MemberReports
    privacy: Privacy


def build_parts(
    settings: Settings,
    records: Repositories,
    dispatch: Dispatcher,
    screen: PromptFilter,
    pictures: PictureCheck,
    provenance: Provenance,
    *,
    metrics: Metrics | None = None,
    clock: Callable[[], float] = time.time,
) -> Parts:
    """Raises GoldenPromptsBroken or OSError for the owner's file of prompts that no rule may refuse."""
    moderation = settings.moderation
    review_queue = ReviewQueue()
    takedown = Takedown(records, dispatch, free_cancels=settings.limits.free_cancels_a_day, clock=clock)
    stored_pictures = StoredPictures(records)
    lockdown = Lockdown(records, takedown)
    rule_book = RuleBook(records, takedown, moderation.must_file)
    policies = ServerPolicies(records, takedown, moderation.policy)
    prompt_screening = PromptScreening(screen, records, rule_book, policies)
    picture_screening = PictureScreening(pictures, records, policies, clock=clock)
    likeness = Likeness(records)
    studio = Studio(
        settings,
        records,
        dispatch,
        stored_pictures,
        lockdown,
        prompt_screening,
        Captions(settings.resolved_models),
        Postprocess(
            records,
            picture_screening,
            prompt_screening if settings.pictures.read_text == "all" else None,
            provenance,
            likeness,
            clock=clock,
            report=review_queue.note,
        ),
        metrics or Metrics(),
        clock=clock,
        report=review_queue.note,
    )
    supplied = SuppliedPictures(studio, clock=clock)
    casework = Casework(records, takedown, moderation, clock=clock)
    return Parts(
        settings=settings,
        records=records,
        dispatch=dispatch,
        clock=clock,
        provenance=provenance,
        review_queue=review_queue,
        takedown=takedown,
        stored_pictures=stored_pictures,
        variations=Variations(settings, records, dispatch.abilities_of),
        lockdown=lockdown,
        levels=ModLevels(records, takedown),
        mod_export=ModExport(records, takedown),
        rule_book=rule_book,
        policies=policies,
        prompt_screening=prompt_screening,
        picture_screening=picture_screening,
        studio=studio,
        supplied=supplied,
        region_links=RegionLinks(records, provenance.watermark.key, settings.mask_page.address, clock=clock),
        presets=MemberPresets(studio),
        styles=ServerStyles(studio, supplied, stored_pictures, takedown),
        member_settings=OwnSettings(studio),
        likeness=likeness,
        verification=Verification(records, provenance, likeness, clock=clock),
        casework=casework,
        desk_settings=DeskSettings(records, takedown),
        notebook=MemberNotebook(records, takedown),
        reason_book=ReasonBook(records, takedown),
        several=SeveralCases(casework),
        appeals=CaseAppeals(casework),
        reports=MemberReports(casework, moderation.reports_an_hour),
        privacy=Privacy(records, takedown, settings.retention),
    )
