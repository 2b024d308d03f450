"""The prompts that the playground invites to."""

from bot.studio.settings import BUNDLED_MODEL
from generation.captions.vocabulary import vocabulary_of
from playground.world.invitation import PROMPTS


def test_the_playground_invites_to_prompts_that_the_bundled_model_draws_well() -> None:
    tables = vocabulary_of(str(BUNDLED_MODEL))
    assert tables is not None
    assert set(PROMPTS) <= set(tables.tries)
