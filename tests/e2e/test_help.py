"""/help: each person is shown what they may use."""

import pytest

from bot.texts import ENGLISH, language
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_a_member_is_shown_the_commands_for_members(stage: Stage) -> None:
    text = await stage.private(await stage.guest().slash("gallery", "help"))
    for name in ("/imagine", "/preset save", "/history", "/privacy delete", "/help"):
        assert f"`{name}` · " in text
    assert "/mod" not in text and "/server" not in text


async def test_a_moderator_is_shown_where_their_commands_are_and_what_they_do(stage: Stage) -> None:
    max_ = stage.play.add_member("max", is_moderator=True)
    assert "`/help about:mod`" in await stage.private(await max_.slash("gallery", "help"))
    text = await stage.private(await max_.slash("gallery", "help", about="mod"))
    assert "`/mod rule add` · " in text and "/imagine" not in text


async def test_a_command_is_shown_with_its_options(stage: Stage) -> None:
    text = await stage.private(await stage.guest().slash("gallery", "help", about="/Imagine"))
    assert "`/imagine` · " in text and "- `seed`: " in text


async def test_a_command_is_shown_in_use(stage: Stage) -> None:
    use = await stage.guest().slash("gallery", "help", about="preset save")
    assert "`/preset save` · " in await stage.private(use)
    assert use.message is not None
    [picture] = use.message.held
    shown = language(ENGLISH).picture("preset-save")
    assert shown is not None
    assert (picture["filename"], picture["size"]) == ("preset-save.webp", shown.stat().st_size)


@pytest.mark.parametrize("about", ["dance", "mod ban", "imag", "{", "`"])
async def test_a_command_that_is_not_there_for_them_is_no_command(stage: Stage, about: str) -> None:
    text = await stage.private(await stage.guest().slash("gallery", "help", about=about))
    assert text.startswith("There is no command") and "`/help`" in text
