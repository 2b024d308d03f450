"""The shipped rules, compiled once."""

import pytest

from moderation.rules import Rules, load_rules
from moderation.screen import Screen


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture(scope="session")
def screen(rules: Rules) -> Screen:
    return Screen(rules)
