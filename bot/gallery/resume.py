"""Takes up jobs from the database: at start those of the last run, later those whose delivery failed."""

import asyncio
import logging

import discord

from bot.gallery.delivery import Delivery
from bot.studio.parts import Parts
from db import StorageError, Swept
from moderation import DAY

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 10.0
_YOUNG_SECONDS = 30.0
"""Seconds. The interaction that ordered a job this young may still be answering."""


async def sort_files(parts: Parts) -> None:
    """Puts every picture file where its rows say, once after a start. Orders do not wait for it."""
    try:
        swept = await parts.records.pictures.sweep(parts.clock())
    except (StorageError, OSError) as error:
        log.warning("picture files were not put in order: %s", error)
        return
    if swept != Swept():
        log.info(
            "picture files: %d back from the trash, %d without a row moved there, %d of removed pictures deleted",
            swept.restored,
            swept.trashed,
            swept.deleted,
        )


async def resume(client: discord.Client, parts: Parts, delivery: Delivery) -> None:
    """Takes up jobs that no task has, for ever. The database says which are left."""
    records, clock = parts.records, parts.clock
    began = clock()
    await client.wait_until_ready()
    while True:
        try:
            jobs = [*await records.jobs.unfinished(), *await records.jobs.undelivered()]
            to_ping = await records.jobs.to_ping(clock() - DAY)
        except StorageError as error:
            # The database is busy or the disk is full; the next sweep tries again.
            log.warning("jobs that nobody carries were not looked for: %s", error)
            jobs, to_ping = [], []
        now = clock()
        old = [
            job
            for job in jobs
            # A job from later than now was ordered while the clock was ahead.
            if not (began <= job.created_at <= now <= job.created_at + _YOUNG_SECONDS)
            and delivery.take_up(job)
        ]
        if old:
            log.info("%d jobs that nobody carried go on", len(old))
        for job in to_ping:
            delivery.ping_late(job)
        await asyncio.sleep(_SWEEP_SECONDS)
