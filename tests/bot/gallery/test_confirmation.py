"""🗑️ deletes at a second press of one member within ten seconds."""

from bot.gallery.intake import SURE_SECONDS, Confirmation
from generation.request import JobId, MemberId
from tests.bot.conftest import Clock

ADA, BEN = MemberId(1), MemberId(2)
FIRST, SECOND = JobId("aaaaaaaaaa"), JobId("bbbbbbbbbb")


def test_only_the_members_own_second_press_on_the_same_job_counts() -> None:
    confirmation = Confirmation(Clock())
    assert not confirmation.is_given(ADA, FIRST)
    confirmation.ask(ADA, FIRST)
    assert not confirmation.is_given(BEN, FIRST)
    assert not confirmation.is_given(ADA, SECOND)
    assert confirmation.is_given(ADA, FIRST)
    assert not confirmation.is_given(ADA, FIRST), "a question takes one answer"


def test_a_late_second_press_is_asked_again() -> None:
    clock = Clock()
    confirmation = Confirmation(clock)
    confirmation.ask(ADA, FIRST)
    clock.now += SURE_SECONDS + 0.1
    assert not confirmation.is_given(ADA, FIRST)
    confirmation.ask(ADA, FIRST)
    clock.now += SURE_SECONDS
    assert confirmation.is_given(ADA, FIRST)


def test_old_questions_are_forgotten_when_others_are_asked() -> None:
    clock = Clock()
    confirmation = Confirmation(clock)
    for number in range(50):
        confirmation.ask(MemberId(number), FIRST)
        clock.now += 1.0
    clock.now -= 2 * SURE_SECONDS
    assert not confirmation.is_given(MemberId(25), FIRST)
