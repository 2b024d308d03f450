"""Folding: further orders of a member join the open case that the member has, and a raid's cases share one card.

One decision decides all orders of a case.
"""

from bot.studio import CaseGrew
from db import Case, EntryKind, Origin, Raid, Repositories, Transaction
from generation import JobId, MemberId
from moderation import ALLOWED, DAY, HOUR, MINUTE, Verdict

FOLD_SECONDS = HOUR
"""Seconds since a case's newest order in which another one joins it."""
LONGEST_SECONDS = DAY
"""Seconds after its opening from which no order joins a case."""
MOST_JOINED = 99
"""Orders that join one case: its decision removes the pictures of all in one transaction."""
RAID_SECONDS = 120.0
RAID_LONGEST = 30 * MINUTE
"""Seconds after which a raid ends while such orders still come: a few members must not keep one silent card alive."""
RAID_MEMBERS = 8
"""With so many newcomers whose orders were flagged or refused in `RAID_SECONDS`, a raid begins."""


async def open_or_join(
    tx: Transaction,
    records: Repositories,
    *,
    guild_id: int,
    origin: Origin,
    at: float,
    member: MemberId,
    member_name: str,
    channel_id: int,
    job: JobId | None,
    prompt: str,
    negative: str,
    verdict: Verdict = ALLOWED,
    verdict_id: int | None = None,
    is_withheld: bool = False,
) -> tuple[Case, bool]:
    """Adds an order to the member's open case, or opens one. Returns the case, and whether it is new.

    `is_withheld`: none of the order's pictures will be posted.
    """
    raid = await note_raid(tx, records, guild_id, member, at) if origin is not Origin.REPORT else None
    raid_id = raid and raid.id
    case = await records.cases.foldable(
        guild_id,
        member,
        at,
        is_withheld=is_withheld,
        likeness=verdict.likeness if is_withheld else None,
        may_become_posted=origin is Origin.FLAG,
        raid=raid_id,
        most=MOST_JOINED,
    )
    until = at + FOLD_SECONDS
    if case is None:
        case = await records.cases.open(
            tx,
            guild_id=guild_id,
            origin=origin,
            at=at,
            member=member,
            member_name=member_name,
            channel_id=channel_id,
            job=job,
            prompt=prompt,
            negative=negative,
            verdict=verdict,
            verdict_id=verdict_id,
            folds_until=until,
            raid=raid_id,
        )
        return case, True
    details = {"origin": origin, "category": verdict.category, "rule": verdict.rule, "words": verdict.words}
    details |= {"ruling": verdict.ruling.word, "is_withheld": is_withheld, "was_withheld": case.is_withheld}
    kind = EntryKind.JOINED
    await records.entries.add(
        tx, case.id, at=at, by=None, name="", kind=kind, text=prompt, details=details, job=job
    )
    is_withheld = case.is_withheld and is_withheld
    case = await records.cases.fold(
        tx, case.id, until=until, longest=LONGEST_SECONDS, is_withheld=is_withheld
    )
    return case, False


async def note_raid(
    tx: Transaction, records: Repositories, guild_id: int, member: MemberId, at: float
) -> Raid | None:
    """Returns the raid that a flagged or refused order belongs to, if any."""
    return await records.raids.note(
        tx, guild_id, member, at, window=RAID_SECONDS, longest=RAID_LONGEST, members=RAID_MEMBERS
    )


async def live_raid(records: Repositories, guild_id: int, at: float) -> Raid | None:
    """Returns the raid that takes the server's flagged and refused orders at `at` (unix seconds), if any."""
    return await records.raids.live(guild_id, at, window=RAID_SECONDS, longest=RAID_LONGEST)


async def orders_of(records: Repositories, case: Case) -> list[JobId]:
    """Returns the jobs of the case: the one that opened it, and those that joined."""
    jobs = [case.job, *await records.entries.joined(case.id)]
    return list(dict.fromkeys(each for each in jobs if each is not None))


async def is_all_withheld(records: Repositories, case: Case) -> bool:
    """Returns whether the check has refused all pictures of every order of the case."""
    entries = await records.entries.of_case(case.id)
    withheld = {each.job or case.job for each in entries if each.details.get("is_withheld")}
    if case.is_withheld or any(each.details.get("was_withheld") for each in entries):
        withheld.add(case.job)
    return withheld >= set(await orders_of(records, case))


async def demand_shown(records: Repositories, case: Case, shown: int | None) -> None:
    """Checks that a moderator has seen all orders of the case. `shown`: how many their card shows; None: it does not matter.

    Raises CaseGrew.
    """
    count = 1 + len(await records.entries.joined(case.id))
    if shown is not None and count > shown:
        raise CaseGrew(case.number, count - shown)
