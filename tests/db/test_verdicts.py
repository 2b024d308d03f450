import itertools
import random

import pytest

from db import verdicts as table
from db.database import Database
from db.ids import new_job_id
from db.verdicts import PICTURE, VerdictFilter, VerdictRecord, Verdicts
from generation.request import JobId, MemberId
from moderation.duration import DAY
from moderation.verdict import ALLOWED, Category, Ruling, Verdict
from tests.db.rows import ALICE, BOB, CHANNEL, GUILD, NOW

REFUSED = Verdict(
    ruling=Ruling.REFUSE,
    category=Category.GORE,
    rule="lexicon",
    words=("gore", "Blütenmörder"),
    score=0.97,
    field="negative",
    normal_form="gore",
    likeness="2345abcdef",
)
FLAGGED = Verdict(ruling=Ruling.FLAG, category=Category.REAL_PERSON, score=0.5)


@pytest.fixture
def verdicts(db: Database) -> Verdicts:
    return Verdicts(db)


async def add(
    db: Database,
    verdict: Verdict = ALLOWED,
    *,
    member: MemberId = ALICE,
    guild_id: int | None = GUILD,
    channel_id: int = CHANNEL,
    job: JobId | None = None,
    at: float = NOW,
    source: str = "/imagine",
) -> VerdictRecord:
    async with db.transaction() as tx:
        return await Verdicts(db).add(
            tx,
            at=at,
            guild_id=guild_id,
            channel_id=channel_id,
            member=member,
            member_name="alice",
            source=source,
            prompt="a fox",
            negative="blurry",
            verdict=verdict,
            job=job,
        )


@pytest.mark.parametrize("verdict", [ALLOWED, FLAGGED, REFUSED], ids=lambda verdict: verdict.ruling.word)
async def test_a_verdict_comes_back_as_it_was_given(
    db: Database, verdicts: Verdicts, verdict: Verdict
) -> None:
    record = await add(db, verdict)
    assert record.verdict == verdict
    assert await verdicts.page(GUILD) == [record]
    assert await verdicts.get(record.id) == record
    assert await verdicts.get(record.id + 1) is None


@pytest.mark.parametrize("text", ["12", "1e3", "null", "true", ""])
async def test_text_that_looks_like_another_type_stays_text(
    db: Database, verdicts: Verdicts, text: str
) -> None:
    verdict = Verdict(ruling=Ruling.FLAG, rule=text, words=(text,), normal_form=text, likeness=text)
    record = await add(db, verdict, job=JobId(text))
    assert (record.job, record.verdict) == (text, verdict)
    assert await verdicts.get(record.id) == record


async def test_linking_leads_from_the_verdict_to_the_message(db: Database, verdicts: Verdicts) -> None:
    job = new_job_id()
    await add(db, job=job)
    other = await add(db, job=new_job_id())
    async with db.transaction() as tx:
        assert await verdicts.link(tx, job, 42)
        assert not await verdicts.link(tx, new_job_id(), 43)
    assert [record.message_id for record in await verdicts.page(GUILD)] == [None, 42]
    assert await verdicts.get(other.id) == other


async def test_pages_are_newest_first_and_meet_without_gap_or_overlap(
    db: Database, verdicts: Verdicts
) -> None:
    added = [await add(db) for _ in range(7)]
    await add(db, guild_id=GUILD + 1)
    seen: list[VerdictRecord] = []
    before: int | None = None
    while page := await verdicts.page(GUILD, before_id=before, limit=3):
        assert len(page) <= 3
        seen += page
        before = page[-1].id
    assert seen == added[::-1]
    assert await verdicts.count(GUILD) == 7


async def test_every_filter_narrows_pages_and_count_alike(db: Database, verdicts: Verdicts) -> None:
    bobs = await add(db, member=BOB)
    elsewhere = await add(db, channel_id=CHANNEL + 1)
    flagged = await add(db, FLAGGED)
    refused = await add(db, REFUSED)
    late = await add(db, at=NOW + 100)
    assert await verdicts.page(GUILD, member=BOB) == [bobs]
    assert await verdicts.count(GUILD, member=BOB) == 1
    assert await verdicts.page(GUILD, channel=CHANNEL + 1) == [elsewhere]
    assert await verdicts.count(GUILD, channel=CHANNEL + 1) == 1
    assert await verdicts.page(GUILD, ruling=Ruling.FLAG) == [flagged]
    assert await verdicts.page(GUILD, ruling=Ruling.REFUSE) == [refused]
    assert await verdicts.count(GUILD, ruling=Ruling.ALLOW) == 3
    assert await verdicts.page(GUILD, since=NOW + 100) == [late]
    assert await verdicts.count(GUILD, since=NOW + 100) == 1
    assert await verdicts.page(GUILD, member=BOB, ruling=Ruling.FLAG) == []


async def test_direct_messages_have_a_log_of_their_own(db: Database, verdicts: Verdicts) -> None:
    await add(db)
    direct = await add(db, guild_id=None)
    assert await verdicts.page(None) == [direct]


async def test_counts_are_those_of_the_records_whatever_is_added_deleted_or_corrected(
    db: Database, verdicts: Verdicts
) -> None:
    chance = random.Random(1)
    whens = [NOW + chance.uniform(-3, 3) * DAY for _ in range(60)]
    for at in whens:
        await add(
            db,
            at=at,
            guild_id=chance.choice((GUILD, GUILD + 1, None)),
            channel_id=chance.choice((CHANNEL, CHANNEL + 1)),
            member=chance.choice((ALICE, BOB)),
            source=chance.choice(("/imagine", PICTURE)),
            verdict=Verdict(ruling=chance.choice(list(Ruling))),
        )
    async with db.transaction() as tx:
        await tx.all("DELETE FROM verdicts WHERE id % 5 = 0")
        await tx.all("UPDATE verdicts SET at = min(at, ?)", (NOW,))
    for guild_id in (GUILD, GUILD + 1, None):
        records = await verdicts.page(guild_id, limit=100)
        for member, channel, ruling, since in itertools.product(
            (None, ALICE), (None, CHANNEL), (None, *Ruling), (None, NOW - 1.3 * DAY, NOW, NOW + DAY)
        ):
            fits = [
                each
                for each in records
                if (member is None or each.member == member)
                and (channel is None or each.channel_id == channel)
                and (ruling is None or each.verdict.ruling is ruling)
                and (since is None or each.at >= since)
            ]
            which = VerdictFilter(member=member, channel=channel, ruling=ruling, since=since)
            assert await verdicts.count(guild_id, **which) == len(fits), which
            assert await verdicts.page(guild_id, limit=100, **which) == fits, which
    async with db.transaction() as tx:
        await tx.all("DELETE FROM verdicts")
    assert await db.reader.all("SELECT * FROM verdict_counts") == []


async def test_a_search_finds_words_categories_and_rules(db: Database, verdicts: Verdicts) -> None:
    plain, flagged, refused = await add(db), await add(db, FLAGGED), await add(db, REFUSED)
    assert await verdicts.page(GUILD, words="A FOX") == [refused, flagged, plain]
    assert await verdicts.page(GUILD, words="BLUR", before_id=refused.id) == [flagged, plain]
    assert await verdicts.page(GUILD, words="GORE") == [refused], "as the filter read it"
    assert await verdicts.page(GUILD, words="wolf") == []
    assert await verdicts.page(GUILD, category=Category.REAL_PERSON) == [flagged]
    assert await verdicts.page(GUILD, rule="exico") == await verdicts.page(GUILD, rule="lex_con") == [refused]
    assert await verdicts.page(GUILD, words="fox", rule="lexicon", member=BOB) == []
    assert await verdicts.count(GUILD, words="fox") == 3
    assert await verdicts.count(GUILD, words="fox", category=Category.GORE, member=ALICE) == 1


@pytest.mark.parametrize("words", ["%", "_", "\\", "f_x", "a%x"])
async def test_a_sign_of_a_pattern_is_searched_as_it_is(db: Database, verdicts: Verdicts, words: str) -> None:
    await add(db)
    assert await verdicts.page(GUILD, words=words) == []
    async with db.transaction() as tx:
        await tx.all("UPDATE verdicts SET prompt = ?", (f"all of {words} it",))
    assert len(await verdicts.page(GUILD, words=words)) == 1


async def test_a_search_reads_the_newest_records_that_the_other_filters_leave(
    db: Database, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = table._NEWEST.replace(f"LIMIT {table.SEARCHED}", "LIMIT 3")  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(table, "_NEWEST", short)
    bobs = [await add(db, member=BOB) for _ in range(4)]
    alices = [await add(db) for _ in range(4)]
    assert await verdicts.page(GUILD, words="fox") == alices[:0:-1]
    assert await verdicts.page(GUILD, words="fox", before_id=alices[2].id) == [alices[1]]
    assert await verdicts.page(GUILD, words="fox", member=BOB) == bobs[:0:-1]
    assert await verdicts.count(GUILD, words="fox", member=BOB) == 3
