"""All repositories over one database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from db.appeals import Appeals
from db.audit import Audit
from db.banned_pictures import BannedPictures
from db.blocks import Blocks
from db.case_entries import CaseEntries
from db.cases import Cases
from db.clock import WrittenAhead
from db.database import Database
from db.departures import Departures
from db.drawn_regions import DrawnRegions
from db.effects import Effects
from db.erasure import Erasures
from db.guilds import Guilds
from db.images import Pictures
from db.jobs import Jobs
from db.kept_reasons import KeptReasons
from db.key_values import KeyValues
from db.lockdowns import Lockdowns
from db.member_export import MemberExport
from db.member_notes import MemberNotes
from db.member_settings import MemberSettings
from db.member_stats import Stats
from db.mod_roles import ModRoles
from db.policies import Policies
from db.presets import Presets
from db.raids import Raids
from db.reports import Reports
from db.retention import Retention
from db.server_rules import ServerRules
from db.spending import Spending
from db.strikes import Strikes
from db.styles import Styles
from db.uploads import Uploads
from db.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Repositories:
    database: Database
    jobs: Jobs
    pictures: Pictures
    uploads: Uploads
    drawn_regions: DrawnRegions
    spending: Spending
    verdicts: Verdicts
    blocks: Blocks
    guilds: Guilds
    audit: Audit
    key_values: KeyValues
    cases: Cases
    entries: CaseEntries
    strikes: Strikes
    appeals: Appeals
    reports: Reports
    raids: Raids
    member_notes: MemberNotes
    kept_reasons: KeptReasons
    member_stats: Stats
    lockdowns: Lockdowns
    mod_roles: ModRoles
    policies: Policies
    server_rules: ServerRules
    member_export: MemberExport
    departures: Departures
    effects: Effects
    erasure: Erasures
    retention: Retention
    banned: BannedPictures
    presets: Presets
    styles: Styles
    member_settings: MemberSettings
    written_ahead: WrittenAhead

    @classmethod
    def of(cls, database: Database, data: Path) -> Repositories:
        """`data` is the folder that holds the database; the pictures are in its folder `images`."""
        pictures = Pictures(database, data / "images")
        made: dict[str, Any] = {
            "database": database,
            "pictures": pictures,
            "uploads": (uploads := Uploads(database, pictures)),
            "retention": Retention(database, pictures, uploads),
        }
        others = {name: kind(database) for name, kind in get_type_hints(cls).items() if name not in made}
        return cls(**made, **others)
