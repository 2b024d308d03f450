"""A server that removed the bot is forgotten in every table, and other servers are not."""

from dataclasses import replace
from pathlib import Path

from db.audit_check import check_audit
from db.database import Database
from db.departures import Departures
from db.erasure import BATCH
from db.guilds import Guilds
from db.jobs import ReplyTarget
from tests.db.forgotten import cells_with
from tests.db.rows import ALICE, CHANNEL, GUILD, MODERATOR, NOW, note, record
from tests.db.traces import leave_traces_of_a_server

OTHER = GUILD + 1
ELSEWHERE = ReplyTarget(guild_id=OTHER, channel_id=CHANNEL + 1, token="", token_at=NOW)


async def test_a_forgotten_server_is_in_no_table_but_the_audit_log(db: Database, tmp_path: Path) -> None:
    await leave_traces_of_a_server(db, tmp_path)
    other = await record(db, place=ELSEWHERE)
    tables = {table for table, _ in await cells_with(db, GUILD)}
    named = await db.reader.all(
        """SELECT tables.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND columns.name = 'guild_id'"""
    )
    assert tables == {row["name"] for row in named} - {"departures"}, "each table has a row of the server"
    async with db.transaction() as tx:
        await Departures(db).note(tx, GUILD, NOW)
    assert await Departures(db).forget(GUILD) > 10
    assert await cells_with(db, GUILD) == {("audit", "guild_id")}
    assert await cells_with(db, ALICE, MODERATOR) <= {
        ("erasures", "member"),
        ("presets", "member"),
        ("member_settings", "member"),
        ("jobs", "member"),
    }
    assert {row["id"] for row in await db.reader.all("SELECT id FROM jobs")} == {other.id}
    assert await Departures(db).due(NOW + 1) == []
    checked = check_audit(db.path)
    assert checked.fault is None and checked.rows > 0


async def test_many_rows_are_deleted_in_small_transactions(db: Database) -> None:
    async with db.transaction() as tx:
        for _ in range(2 * BATCH + 1):
            await note(db, tx)
    assert await Departures(db).forget(GUILD) == 2 * BATCH + 1


async def test_a_server_that_returns_keeps_its_data_unless_the_owner_had_it_forgotten(db: Database) -> None:
    departures = Departures(db)
    async with db.transaction() as tx:
        await departures.note(tx, GUILD, NOW + 10)
        await departures.note(tx, OTHER, NOW + 10)
        await departures.note(tx, OTHER, NOW)  # the owner
        await departures.note(tx, OTHER, NOW + 20)
    assert await departures.noted() == {GUILD, OTHER}
    async with db.transaction() as tx:
        assert await departures.returned(tx, [GUILD, OTHER], NOW) == [GUILD]
    assert await departures.due(NOW - 1) == []
    assert await departures.due(NOW + 60) == [OTHER]


async def test_servers_with_orders_or_settings_are_known(db: Database) -> None:
    departures = Departures(db)
    assert await departures.servers() == set()
    for place in (ELSEWHERE, ELSEWHERE, replace(ELSEWHERE, guild_id=None)):
        await record(db, place=place)
    async with db.transaction() as tx:
        await Guilds(db).set(tx, replace(await Guilds(db).get(GUILD), log_channel_id=CHANNEL))
    assert await departures.servers() == {GUILD, OTHER}
