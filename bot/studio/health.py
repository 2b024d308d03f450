"""The state of the running bot, for GET /health and the metrics. No Discord."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from bot.studio.settings import Settings
from db import Backlog, Repositories, StorageError
from generation.queue.dispatcher import Dispatcher

LEAST_FREE = 500_000_000
"""Bytes of the data folder's disk. With less, new pictures may soon find no room."""
_PATIENCE = 2.0
"""Seconds that the database may take to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    gateway_seconds: float | None  # Discord's latency; None: not connected
    backlog: Backlog | None  # None: the database does not answer
    is_worker_ready: bool
    free_bytes: int  # of the data folder's disk
    picture_share: float = 0.0  # of the limit on all pictures; 0 without a limit
    oldest_seconds: float = 0.0  # age of the oldest order whose member has no result yet

    @property
    def faults(self) -> list[str]:
        """Returns the parts that don't work."""
        works = {
            "gateway": self.gateway_seconds is not None,
            "database": self.backlog is not None,
            "worker": self.is_worker_ready,
            "disk": self.free_bytes >= LEAST_FREE,
        }
        return [part for part, is_well in works.items() if not is_well]

    @property
    def json(self) -> dict[str, Any]:
        return {"faults": self.faults, **asdict(self)}


Look = Callable[[], Awaitable[Health]]


async def examine(
    records: Repositories,
    dispatch: Dispatcher,
    settings: Settings,
    latency: Callable[[], float | None],
    clock: Callable[[], float],
) -> Health:
    """`latency`: of Discord's gateway in seconds; None while not connected. `clock`: unix seconds."""
    limit, stored = settings.retention.picture_bytes, 0
    try:
        async with asyncio.timeout(_PATIENCE):
            backlog = await records.jobs.backlog()
            if limit:
                stored = (await records.pictures.stored()).bytes
    except (StorageError, TimeoutError):
        backlog = None
    oldest = backlog.oldest_at if backlog else None
    return Health(
        gateway_seconds=latency(),
        backlog=backlog,
        is_worker_ready=dispatch.state.is_ready,
        free_bytes=shutil.disk_usage(settings.data).free,
        picture_share=stored / limit if limit else 0.0,
        oldest_seconds=0.0 if oldest is None else max(0.0, clock() - oldest),
    )
