"""The ladder of sanctions in the format of the settings."""

import pytest

from moderation.duration import seconds_in, written
from moderation.escalation import EscalationBroken, Rung, Sanction, parse_escalation, rung_for


def test_rungs_are_read_and_the_last_one_is_for_all_that_follow() -> None:
    ladder = parse_escalation(["warn", "timeout 90m", "ban 2w", "ban"])
    assert [rung_for(ladder, strikes) for strikes in (0, 1, 2, 3, 99)] == [
        Rung(sanction=Sanction.WARN),
        Rung(sanction=Sanction.TIMEOUT, seconds=5400.0),
        Rung(sanction=Sanction.BAN, seconds=1_209_600.0),
        Rung(sanction=Sanction.BAN),
        Rung(sanction=Sanction.BAN),
    ]


@pytest.mark.parametrize(
    "rungs", [[], ["wrn"], ["timeout"], ["timeout soon"], ["warn 1h"], ["ban for ever"], [""]]
)
def test_a_broken_rung_is_named(rungs: list[str]) -> None:
    with pytest.raises(EscalationBroken) as broken:
        parse_escalation(rungs)
    assert broken.value.rung == (rungs[0] if rungs else "")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), (" 12 H ", 43_200), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_spans_of_time(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["30m", "90m", "12h", "36h", "7w", "6d", "4h"])
def test_a_span_is_written_as_it_is_read(text: str) -> None:
    assert written(seconds_in(text) or 0) == text


@pytest.mark.parametrize("seconds", [0, 30, 90.5, 3601])
def test_what_is_no_whole_unit_is_not_written(seconds: float) -> None:
    assert written(seconds) == ""


@pytest.mark.parametrize("text", ["", "m", "0m", "1y", "-1h", "1.5h", "99999d", "1h30m"])
def test_what_is_no_span_of_time(text: str) -> None:
    assert seconds_in(text) is None
