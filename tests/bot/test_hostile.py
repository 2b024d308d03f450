"""What only a forger sends gets a sentence: never a bug's reference, never silence."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import discord
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from discord import app_commands
from discord.http import Route

from bot.attachments import fetched, is_discords
from bot.client import Atelier
from bot.commands import verify
from bot.studio.errors import FileUnreachable, PictureGone
from bot.studio.orders.order import GalleryAction
from bot.studio.pictures.verification import CHECKS_A_MINUTE
from db.errors import NotStorable
from generation.request import JobId, MemberId, Prompt
from playground.server import Playground
from tests.bot.conftest import ADA, Shop
from tests.bot.desk import flagged
from tests.bot.forger import BUG, Faults, Forger, faults
from tests.bot.painter import png
from tests.bot.ways_in import kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

NINES = "9" * 19
"""The largest number of a button's pattern; above 2**63."""

PRESSES = {
    f"atelier:1:case:{action}:{NINES}": "can't be used here"
    for action in ("open", "approve", "remove", "escalate", "warn", "timeout", "ban", "next")
} | {
    f"atelier:1:answer:upheld:{NINES}": "can't be used here",
    f"atelier:1:answer:overturned:{NINES}": "can't be used here",
    f"atelier:1:appeal:{NINES}": "can't be used here",
    f"atelier:1:forget:{NINES}": "another member's",
    f"atelier:1:picture-report:{NINES}:0": "can't be used here",
    f"atelier:1:picture-strong:{NINES}:0": "removed or deleted",
    "atelier:1:case:approve:0": "no such case",
    f"atelier:1:case:approve:{2**63 - 1}": "no such case",
    "atelier:1:up:aaaaaaaaaa:3": "don't know the job",
    "atelier:1:page:log:nonsense": "can't be read",
    "atelier:1:page:log:0.0.-.0": "can't be read",
    "atelier:1:page:log:0.0.-.0.0.0": "can't be read",
    f"atelier:1:page:log:{'9' * 20}.0.-.0.0": "can't be used here",
    f"atelier:1:page:log:0.0.-.0.{NINES}": "can't be used here",
    "atelier:1:page:log:0.0.-.0.٣": "can't be read",
    "atelier:1:page:log:-.-.-.-.-": "can't be read",
    "atelier:1:page:log:s.0.0.0.0.-..": "can't be read",
    "atelier:1:page:log:s.0.0.0.-.-...": "can't be read",
    "atelier:1:page:log:s.0.0.0.0.-.10..": "can't be read",
    f"atelier:1:page:log:s.{'z' * 13}.0.0.0.-...a fox": "can't be used here",
    "atelier:1:page:cases:nonsense": "can't be read",
    "atelier:1:page:cases:0.o": "can't be read",
    "atelier:1:page:cases:x.o.0": "can't be read",
    f"atelier:1:page:cases:0.o.{NINES}": "can't be used here",
    f"atelier:1:page:cases:0.o.{'9' * 70}": "can't be read",
    "atelier:1:page:history:..:..--": "No pictures yet",
    "atelier:1:up:aaaaaaaaaa:4": "can't be read",
    "atelier:1:up:AAAAAAAAAA:0": "can't be read",
    "atelier:1:dance:aaaaaaaaaa:0": "can't be read",
    "atelier:2:up:aaaaaaaaaa:0": "can't be read",
    "atelier:": "can't be read",
    f"atelier:1:case:approve:{'9' * 60}": "can't be read",
}
"""Maps a custom_id to a part of the answer to a moderator."""


@pytest.fixture
def forger(play: Playground, atelier: Atelier) -> Forger:
    return Forger(play, atelier)


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[Faults]:
    with faults() as found:
        yield found
    assert found.found == []


async def test_a_custom_id_that_makes_no_sense_gets_a_sentence(forger: Forger) -> None:
    for custom_id, said in PRESSES.items():
        text = await forger.press(forger.play.person("mia"), custom_id)
        assert said in text and BUG not in text, custom_id


async def test_a_button_of_another_bot_is_not_answered(forger: Forger) -> None:
    message = await forger.message("other:1:up")
    use = await forger.play.person("ada").click(message, custom_id="other:1:up")
    await use.wait_for_answer(10)
    assert use.failed


TEXT, NUMBER, BOOLEAN, USER, CHANNEL, FLOAT, FILE = 3, 4, 5, 6, 7, 10, 11
COMMANDS: list[tuple[str, dict[str, tuple[int, Any]], str]] = [
    ("imagine", {"prompt": (TEXT, "a fox"), "file": (FILE, "7")}, "`file` can't be read"),
    ("imagine", {"prompt": (NUMBER, 7)}, "`prompt` can't be read"),
    ("imagine", {"prompt": (TEXT, "a fox"), "seed": (NUMBER, 2**70)}, "`seed` can't be read"),
    ("imagine", {"prompt": (TEXT, "a fox"), "images": (NUMBER, True)}, "`images` can't be read"),
    ("imagine", {"prompt": (TEXT, "a fox"), "guidance": (FLOAT, "")}, "`guidance` can't be read"),
    ("imagine", {"prompt": (TEXT, "a fox"), "aspect": (TEXT, "0:0")}, "`aspect` can't be read"),
    ("imagine", {}, "That command has changed"),
    ("verify", {"picture": (FILE, "7")}, "`picture` can't be read"),
    ("mod warn", {"member": (USER, "7"), "reason": (TEXT, "x")}, "`member` can't be read"),
    ("mod log", {"member": (USER, "x")}, "That command can't be read"),
    ("mod log", {"ruling": (TEXT, "dance")}, "`ruling` can't be read"),
    ("mod log-channel", {"channel": (CHANNEL, "7")}, "`channel` can't be read"),
    ("mod rule list", {"version": (NUMBER, 2**53)}, "no version 9007199254740992"),
    ("mod rule list", {"version": (NUMBER, 2**64)}, "no version 18446744073709551616"),
    ("mod rule list", {"version": (NUMBER, 1)}, "no version 1"),
    ("mod case", {"number": (NUMBER, 2**70)}, "`number` can't be read"),
    ("mod case", {"number": (NUMBER, 1), "note": (TEXT, "x" * 6000)}, "`note` can't be read"),
    ("show", {"job": (TEXT, f"https://discord.com/channels/1/2/{'9' * 5000}")}, "don't know the job"),
    ("show", {"job": (TEXT, f"https://discord.com/channels/1/2/{NINES}")}, "can't be used here"),
    ("mod remove", {"picture": (TEXT, f"https://discord.com/channels/1/2/{NINES}0")}, "can't be used here"),
]


async def test_an_option_that_makes_no_sense_gets_a_sentence(forger: Forger) -> None:
    for path, options, said in COMMANDS:
        sent = [{"name": name, "type": kind, "value": value} for name, (kind, value) in options.items()]
        text = await forger.command(forger.play.person("mia"), path, sent)
        assert said in text and BUG not in text, (path, options)


async def test_a_menu_without_its_message_gets_a_sentence(forger: Forger) -> None:
    assert "can't be read" in await forger.menu(forger.play.person("ada"), "Picture…", "7")


async def test_suggestions_for_what_is_no_text_break_nothing(forger: Forger) -> None:
    ada = forger.play.person("ada")
    assert await forger.suggestions(ada, "imagine", "sm", "model")
    assert await forger.suggestions(ada, "imagine", 7, "model") is None


async def test_a_command_in_a_direct_message_is_refused_with_a_sentence(forger: Forger) -> None:
    ada = forger.play.person("ada")
    commands = [
        each.qualified_name
        for each in forger.atelier.tree.walk_commands()
        if not isinstance(each, app_commands.Group)
    ]
    assert len(commands) > 40
    for path in commands:
        assert "in a server only" in await forger.command(ada, path, [], ada.dm()), path
    menus = forger.atelier.tree.get_commands(type=discord.AppCommandType.message)
    assert menus
    for menu in menus:
        assert "in a server only" in await forger.menu(ada, menu.name, "7", ada.dm()), menu.name


async def test_a_planted_button_of_another_servers_picture_does_nothing(shop: Shop, forger: Forger) -> None:
    await kept(shop, Prompt(text="a secret"), id=JobId("aaaaabbbbb"))  # ADA is a member of another server
    for action in GalleryAction:
        for name in ("ada", "mia"):
            text = await forger.press(forger.play.person(name), f"atelier:1:{action}:aaaaabbbbb:0")
            assert "don't know the job" in text, (action, name)
    assert not (await shop.records.pictures.of_job(JobId("aaaaabbbbb")))[0].is_removed


async def test_a_flood_of_checks_is_limited_and_fetches_one_file_at_a_time(
    shop: Shop, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = forger.play.person("ada")
    fetch, at_once, most = verify.fetched, 0, 0

    async def counted(*of: Any) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        try:
            return await fetch(*of)
        finally:
            at_once -= 1

    monkeypatch.setattr(verify, "fetched", counted)
    picture = ada.upload("a.png", png())
    uses = [await ada.slash("gallery", "verify", picture=picture) for _ in range(CHECKS_A_MINUTE + 3)]
    told = [(await use.wait_for_message()).texts for use in uses]
    limited = [text for text in told if "pictures checked in a minute" in text]
    assert len(limited) == 3 and most == 1
    shop.clock.now += 61
    assert (
        "pictures checked"
        not in (await (await ada.slash("gallery", "verify", picture=picture)).wait_for_message()).texts
    )


@asynccontextmanager
async def served(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncGenerator[str]:
    """Yields the address of a server with this answer."""
    application = web.Application()
    application.router.add_get("/a.png", answer)
    async with TestServer(application) as server:
        address = str(server.make_url("/a.png"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Route, "BASE", address)  # files are fetched from Discord's host alone
            yield address


async def test_no_more_is_fetched_than_was_asked_for_whatever_size_was_stated() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while sent < 2**30:
                await response.write(bytes(2**16))
                sent += 2**16
        return response

    async with served(endless) as address:
        assert len(await fetched(address, 2**20, 10)) == 2**20 + 1
    assert sent < 2**26


@pytest.mark.parametrize(("status", "error"), [(404, PictureGone), (500, FileUnreachable)])
async def test_a_file_that_is_not_served_is_an_error(status: int, error: type[Exception]) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with served(answer) as address:
        with pytest.raises(error):
            await fetched(address, 100, 10)


async def test_a_redirection_is_not_followed() -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest")

    async with served(elsewhere) as address:
        with pytest.raises(FileUnreachable):
            await fetched(address, 100, 10)


@pytest.mark.parametrize(
    ("address", "is_fetched"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", True),
        ("https://media.discordapp.net/attachments/1/2/a.png", True),
        ("http://cdn.discordapp.com/attachments/1/2/a.png", False),
        ("https://cdn.discordapp.com.example.org/a.png", False),
        ("https://example.org/cdn.discordapp.com/a.png", False),
        ("https://user@127.0.0.1/a.png", False),
        ("file:///etc/passwd", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_files_are_fetched_from_discord_alone(address: str, is_fetched: bool) -> None:
    assert is_discords(address) is is_fetched


async def test_a_file_that_cannot_be_fetched_is_told(forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*of: Any) -> bytes:
        raise FileUnreachable

    monkeypatch.setattr(verify, "fetched", broken)
    ada = forger.play.person("ada")
    use = await ada.slash("gallery", "verify", picture=ada.upload("a.png", png()))
    assert "could not be fetched" in (await use.wait_for_message()).texts


FIELD = {"type": 18, "id": 1}
FORMS: list[tuple[str, list[Any], str]] = [
    ("aaaaaaaaaa:0", [], "don't know the job"),
    ("aaaaabbbbb:0", [], "There is no prompt"),
    ("aaaaabbbbb:0", [FIELD], "can't be read"),
    ("aaaaabbbbb:0", [{"type": 1, "components": []}], "can't be read"),
    (
        "aaaaabbbbb:0",
        [FIELD | {"component": {"type": 4, "id": 2, "custom_id": "prompt", "value": 7}}],
        "be read",
    ),
    ("aaaaabbbbb:0", [FIELD | {"component": {"type": 4, "id": 2, "value": "a fox"}}], "can't be read"),
    (
        "aaaaabbbbb:0",
        [FIELD | {"component": {"type": 3, "id": 2, "custom_id": "image", "values": [[]]}}],
        "be read",
    ),
    (
        "aaaaabbbbb:0",
        [FIELD | {"component": {"type": 4, "id": 2, "custom_id": "prompt", "value": "x" * 9000}}],
        "9,000 characters",
    ),
    ("aaaaabbbbb:7", [], "can't be read"),
    ("", [], "can't be read"),
]


async def test_a_form_that_makes_no_sense_gets_a_sentence(shop: Shop, forger: Forger) -> None:
    ada = forger.play.person("ada")
    await kept(shop, Prompt(text="a quiet hill"), id=JobId("aaaaabbbbb"), member=MemberId(ada.id))
    for subject, components, said in FORMS:
        text = await forger.form(ada, f"atelier:1:remixed:{subject}", components)
        assert said in text and BUG not in text, (subject, components)


async def test_a_text_longer_than_its_field_is_cut(shop: Shop, forger: Forger) -> None:
    [guild] = forger.atelier.guilds
    ada = forger.play.person("ada")
    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada.id))
    case = await flagged(shop, actor)
    message = await forger.message(f"atelier:1:case:warn:{case.id}")
    mia = forger.play.person("mia")
    form = await (await mia.click(message, label="press me")).wait_for_modal()
    entry = {"type": 4, "id": 2, "custom_id": "reason", "value": "x\0y " * 3000}
    await forger.form(mia, form.custom_id, [FIELD | {"component": entry}], message)
    await forger.play.wait_for_message(lambda each: each.is_ephemeral, seen_by=mia)
    decided = await shop.records.cases.get(case.id)
    assert decided is not None and 200 < len(decided.reason) <= 300


async def test_a_row_takes_no_number_beyond_64_bits_and_no_half_of_a_character(shop: Shop) -> None:
    for value in (2**63, -(2**63) - 1, "\ud800"):
        with pytest.raises(NotStorable):
            await shop.records.database.reader.all("SELECT ?", (value,))


async def test_a_sentence_that_repeats_a_long_word_fits_into_a_message(forger: Forger) -> None:
    mia = forger.play.person("mia")
    use = await mia.slash("gallery", "mod rule add", name="long", words="*" * 999 + "a")
    text = (await use.wait_for_message()).json["content"]
    assert len(text) <= 2000 and "bug" not in text
