"""/mod export answers a moderator alone, with a file."""

from dataclasses import replace

import pytest

from bot.client import Atelier
from generation.request import MemberId
from playground.server import Playground
from tests.bot.conftest import ADA, MIA, Shop
from tests.bot.desk import WARN
from tests.bot.test_old_messages import answered, posted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_a_moderator_gets_the_file_and_a_sentence_for_nothing(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, mia, guild = play.person("ada"), play.person("mia"), play.world.guild
    use = await mia.slash("gallery", "mod export", what="cases")
    assert "Nothing matches" in await answered(use)
    await shop.casework.sanction(replace(MIA, guild_id=guild.id), MemberId(ada.id), "ada", WARN)
    shop.clock.now += 60
    use = await mia.slash("gallery", "mod export", what="cases", since="2026-01-01", file_type="json")
    message = await use.wait_for_message()
    assert message.is_ephemeral
    assert "1 row from" in message.content
    [file] = message.json["attachments"]
    assert file["filename"].startswith("atelier-cases-2026-01-01-") and file["filename"].endswith(".json")
    use = await mia.slash("gallery", "mod export", what="log", since="soon")
    assert "neither a date" in await answered(use)
    use = await ada.slash("gallery", "mod export", force=True, what="log")
    assert "Only moderators" in await answered(use)


async def test_the_history_of_another_servers_case_is_not_shown(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    await shop.casework.sanction(replace(MIA, guild_id=1), ADA.member, "ada", WARN)
    for custom_id in ("atelier:1:case:history:1", "atelier:1:page:case:1.0"):
        message = await posted(atelier, play, custom_id)
        said = await answered(await play.person("mia").click(message, custom_id=custom_id))
        assert "no such case in this server" in said
