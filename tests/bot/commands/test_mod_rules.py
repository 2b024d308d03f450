"""/mod rule in Discord: names are suggested, rules are edited, exported and imported, and counted for the last week."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.client import Atelier
from bot.studio.errors import PromptRefused
from generation.request import MemberId
from playground.server import Playground
from tests.bot.conftest import ADA, Shop, an_order
from tests.bot.test_old_messages import answered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_rules_are_suggested_edited_counted_and_taken_along(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, mia, guild = play.person("ada"), play.person("mia"), play.world.guild
    for name, words in (("no clowns", "clown"), ("mimes", "mime")):
        await answered(await mia.slash("gallery", "mod rule add", name=name, words=words))
    rule: dict[str, Any] = {"focused": "name", "name": "CLOW"}
    offered = await mia.autocomplete("gallery", "mod rule edit", **rule)
    assert [each["value"] for each in offered] == ["no clowns"]
    offered = await ada.autocomplete("gallery", "mod rule edit", force=True, **rule)
    assert offered == [], "members see no rules"

    assert "Give at least one of" in await answered(
        await mia.slash("gallery", "mod rule edit", name="no clowns")
    )
    use = await mia.slash("gallery", "mod rule edit", name="no clowns", beside="sad", unless="clown fish")
    assert "refuses from now on" in await answered(use)
    use = await mia.slash("gallery", "mod rule edit", name="no clowns", beside="-", ruling="flag")
    assert "`no clowns` flags from now on. The rule book is at version 4" in await answered(use)
    [_, edited] = await shop.records.server_rules.live(guild.id)
    assert (edited.any_of, edited.with_any_of, edited.unless) == (("clown",), (), ("clown fish",))

    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada.id))
    await shop.admit(an_order("a clown", actor))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a mime", actor))
    said = await answered(await mia.slash("gallery", "mod rule list"))
    assert "last week: flagged 1" in said and "last week: refused 1" in said

    message = await (await mia.slash("gallery", "mod rule export")).wait_for_message()
    assert "2 rules" in message.content and message.json["attachments"][0]["filename"] == "rules.json"
    rules = [{"name": "mimes", "words": ["mime"]}, {"name": "jesters", "words": ["jester"]}]
    file = mia.upload("rules.json", json.dumps(rules).encode())
    said = await answered(await mia.slash("gallery", "mod rule import", file=file))
    assert "1 added, 0 changed, 1 the same already. The rule book is at version 5" in said
    file = mia.upload("rules.json", b"clown")
    said = await answered(await mia.slash("gallery", "mod rule import", file=file))
    assert "no list of rules" in said
