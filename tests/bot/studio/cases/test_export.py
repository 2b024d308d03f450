"""A moderator's export holds the server's rows between two moments, and nothing of another server."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from bot.commands.mod.export import moment_of
from bot.studio.cases.cases import Decision
from bot.studio.cases.export import Format, What
from bot.studio.errors import BadDate, PromptRefused
from db.cases import Outcome
from moderation.duration import DAY
from tests.bot.conftest import ADA, GUILD, MIA, Shop, an_order
from tests.bot.desk import WARN, actions, flagged

LIMIT = 2**20


async def rows_of(shop: Shop, what: What, since: float, until: float) -> list[dict[str, Any]]:
    made = await shop.mod_export.make(MIA, what, since, until, Format.JSON, LIMIT)
    rows = json.loads(made.content)
    assert len(rows) == made.rows
    return rows


async def test_cases_between_two_moments_with_all_that_happened_in_them(shop: Shop) -> None:
    begin = shop.clock.now
    first = await flagged(shop)
    await shop.casework.decide(first.id, MIA, WARN)
    shop.clock.now += DAY
    await shop.casework.sanction(replace(MIA, guild_id=1), ADA.member, "ada", WARN)
    await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.BLOCK, reason="=1+1"))
    [row] = await rows_of(shop, What.CASES, begin, begin + 1)
    assert (row["number"], row["member"], row["outcome"]) == (1, str(ADA.member), "warn")
    assert row["prompt"] == first.prompt and row["opened_at"].endswith("+00:00")
    assert [(each["kind"], each["text"]) for each in row["entries"]] == [("decided", "not here")]
    numbers = [each["number"] for each in await rows_of(shop, What.CASES, 0, shop.clock.now + 1)]
    assert numbers == [2, 1], "and none of the other server"
    assert await rows_of(shop, What.CASES, begin + 2, begin + 3) == []
    assert (await actions(shop))[-1] == "export"
    newest = (await shop.records.audit.page(GUILD, limit=1))[0]
    assert newest.details == {"what": "cases", "rows": 0, "since": begin + 2, "until": begin + 3}


async def test_the_log_with_what_was_refused_and_why(shop: Shop) -> None:
    begin = shop.clock.now
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    shop.clock.now += DAY
    await shop.admit(an_order("a fox", replace(ADA, guild_id=1)))
    await shop.admit(an_order("a quiet hill"))
    [row] = await rows_of(shop, What.LOG, begin, begin + 1)
    assert (row["prompt"], row["ruling"], row["category"]) == ("a nude woman", "refuse", "nudity")
    assert row["words"] == ["nude"]
    assert len(await rows_of(shop, What.LOG, begin, shop.clock.now + 1)) == 2


async def test_only_rows_between_the_moments_are_read_and_none_after_the_file_is_full(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.studio.cases.export._PAGE", 2)
    read = list[int]()
    original = shop.records.entries.of_case

    async def of_case(case: int) -> Any:
        read.append(case)
        return await original(case)

    monkeypatch.setattr(shop.records.entries, "of_case", of_case)
    begin = shop.clock.now
    for _ in range(5):
        await shop.casework.sanction(MIA, ADA.member, "ada", WARN)
        shop.clock.now += DAY
    numbers = [each["number"] for each in await rows_of(shop, What.CASES, begin + DAY, begin + 4 * DAY)]
    assert numbers == [4, 3, 2] and len(read) == 3
    read.clear()
    made = await shop.mod_export.make(MIA, What.CASES, 0, shop.clock.now, Format.JSON, 10)
    assert (made.rows, made.has_more, len(read)) == (0, True, 2)


@pytest.mark.parametrize("form", Format)
async def test_a_file_has_a_highest_number_of_rows(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    monkeypatch.setattr("bot.studio.cases.export.MOST", 3)
    for number in range(4):
        await shop.casework.sanction(MIA, ADA.member, "ada", WARN)
        made = await shop.mod_export.make(MIA, What.CASES, 0, shop.clock.now + 1, form, LIMIT)
        assert (made.rows, made.has_more) == (min(number + 1, 3), number == 3)


async def test_a_spreadsheet_takes_no_members_text_for_a_formula(shop: Shop) -> None:
    await shop.casework.sanction(MIA, ADA.member, "@ada", Decision(outcome=Outcome.WARN, reason="=1+1"))
    made = await shop.mod_export.make(MIA, What.CASES, 0, shop.clock.now + 1, Format.CSV, LIMIT)
    [row] = csv.DictReader(io.StringIO(made.content.decode("utf-8-sig")))
    assert (row["reason"], row["member_name"]) == ("'=1+1", "'@ada")
    assert "entries" not in row


@pytest.mark.parametrize(
    ("reason", "cell"),
    [
        ('hi;=HYPERLINK("x")', 'hi;\'=HYPERLINK("x")'),
        ('hi; "=1+1"', 'hi;\' "=1+1"'),
        ("hi\n-1", "hi\n'-1"),
        ("\n=1", "'\n'=1"),
        ("＝1+1", "'＝1+1"),
        (" +1", "' +1"),
        ("a-b = c", "a-b = c"),
    ],
)
async def test_nor_what_follows_a_sign_that_ends_a_cell_elsewhere(shop: Shop, reason: str, cell: str) -> None:
    await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.WARN, reason=reason))
    made = await shop.mod_export.make(MIA, What.CASES, 0, shop.clock.now + 1, Format.CSV, LIMIT)
    text = made.content.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["reason"] == cell
    assert text.startswith('"number","origin"'), "each cell is between quotation marks"


async def test_a_file_that_would_be_too_large_holds_the_newest(shop: Shop) -> None:
    for _ in range(6):
        await shop.casework.sanction(MIA, ADA.member, "ada", WARN)
    whole = await shop.mod_export.make(MIA, What.CASES, 0, shop.clock.now + 1, Format.JSON, LIMIT)
    limit = len(whole.content) // 2
    part = await shop.mod_export.make(MIA, What.CASES, 0, shop.clock.now + 1, Format.JSON, limit)
    assert not whole.has_more and part.has_more and len(part.content) <= limit
    assert [each["number"] for each in json.loads(part.content)] == [6, 5, 4][: part.rows]


def test_a_date_is_a_day_in_utc_and_a_span_is_a_time_ago() -> None:
    now = 1_790_000_000.0
    day = moment_of("2026-09-21", now)
    assert moment_of("2026-09-21", now, is_end=True) == day + DAY
    assert moment_of("7d", now) == moment_of("7d", now, is_end=True) == now - 7 * DAY
    assert day % DAY == 0 and day <= now < day + DAY
    for text in ("2026-13-01", "yesterday", "2026-02-30", "20260921", "9999-12-31", "1969-12-31"):
        with pytest.raises(BadDate):
            moment_of(text, now)
