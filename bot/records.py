"""The repositories, over one database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from db.actions import Actions
from db.blocks import Blocks
from db.database import Database
from db.guilds import Guilds
from db.images import Pictures
from db.jobs import Jobs
from db.notes import Notes
from db.spending import Spending
from db.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Records:
    database: Database
    jobs: Jobs
    pictures: Pictures
    spending: Spending
    verdicts: Verdicts
    blocks: Blocks
    guilds: Guilds
    actions: Actions
    notes: Notes

    @classmethod
    def of(cls, database: Database, data: Path) -> Records:
        """`data` is the folder that holds the database; the pictures lie beside it."""
        return cls(
            database=database,
            jobs=Jobs(database),
            pictures=Pictures(database, data / "images"),
            spending=Spending(database),
            verdicts=Verdicts(database),
            blocks=Blocks(database),
            guilds=Guilds(database),
            actions=Actions(database),
            notes=Notes(database),
        )
