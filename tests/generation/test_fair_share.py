"""Due times under equal shares, and room in a step of drafts. `tests/generation/queue/` tests whole queues."""

import pytest

from generation.fair_share import DIGITS, Claim, FairShare, room_beside
from generation.request import GuildId, MemberId

HERE, THERE = GuildId(1), GuildId(2)
ADA, BEA, CLEO = MemberId(1), MemberId(2), MemberId(3)


def claim(
    order: str,
    member: MemberId = ADA,
    total: float = 10.0,
    *,
    had: float = 0.0,
    is_draft: bool = False,
    guild: GuildId = HERE,
) -> Claim[str]:
    return Claim(order=order, guild=guild, member=member, is_draft=is_draft, total=total, had=had)


def test_who_received_more_than_an_equal_share_is_ahead() -> None:
    shares = FairShare()
    shares.ranked([claim("a"), claim("b", BEA)])
    assert not shares.is_ahead(HERE, ADA)
    shares.charge(HERE, ADA, 0.5, is_draft=False)
    assert (shares.is_ahead(HERE, ADA), shares.is_ahead(HERE, BEA)) == (True, False)
    shares.charge(HERE, BEA, 0.5, is_draft=False)
    assert (shares.is_ahead(HERE, ADA), shares.is_ahead(HERE, BEA)) == (False, False)


def test_a_member_alone_is_never_ahead() -> None:
    shares = FairShare()
    shares.ranked([claim("a")])
    shares.charge(HERE, ADA, 30.0, is_draft=False)
    assert not shares.is_ahead(HERE, ADA)


def test_seconds_that_were_charged_too_much_are_given_back() -> None:
    shares = FairShare()
    claims = [claim("a"), claim("b", BEA)]
    shares.ranked(claims)
    shares.charge(HERE, ADA, 6.0, is_draft=False)
    assert shares.ranked(claims) == ["b", "a"]
    shares.charge(HERE, ADA, -6.0, is_draft=False)
    assert not shares.is_ahead(HERE, ADA)
    assert shares.is_ahead(HERE, BEA) is False
    assert shares.ranked(claims) == ["a", "b"]


def test_who_is_ahead_and_goes_away_is_still_ahead_when_they_come_back() -> None:
    shares = FairShare()
    both = [claim("a"), claim("b", BEA)]
    shares.ranked(both)
    shares.charge(HERE, ADA, 20.0, is_draft=False)
    shares.ranked([claim("b", BEA)])
    shares.ranked(both)
    assert shares.is_ahead(HERE, ADA)


def test_who_was_away_while_others_were_served_is_not_behind() -> None:
    shares = FairShare()
    shares.ranked([claim("b", BEA), claim("c", CLEO)])
    shares.charge(HERE, BEA, 20.0, is_draft=False)
    shares.charge(HERE, CLEO, 20.0, is_draft=False)
    assert shares.ranked([claim("b", BEA), claim("a"), claim("c", CLEO)]) == ["b", "a", "c"]


def test_who_went_away_and_is_not_ahead_takes_no_part_of_the_time() -> None:
    shares = FairShare()
    shares.ranked([claim("a")])
    shares.charge(HERE, ADA, 10.0, is_draft=False)
    shares.ranked([claim("b", BEA)])
    shares.charge(HERE, BEA, 10.0, is_draft=False)
    assert not shares.is_ahead(HERE, BEA), "she was alone"


def test_time_does_not_go_back_when_seconds_are_given_back() -> None:
    shares = FairShare()
    claims = [claim("a"), claim("b", BEA)]
    shares.ranked(claims)
    shares.charge(HERE, ADA, 0.9, is_draft=False)
    shares.charge(HERE, ADA, -0.9, is_draft=False)
    assert shares.ranked([*claims, claim("new", CLEO, total=9.8)]) == ["a", "b", "new"]


def test_a_server_that_was_away_has_saved_up_nothing() -> None:
    shares = FairShare()
    shares.ranked([claim("a")])
    shares.charge(HERE, ADA, 20.0, is_draft=False)
    assert shares.ranked([claim("a"), claim("b", BEA, total=11.0, guild=THERE)]) == ["a", "b"]


def test_serving_a_servers_job_does_not_change_its_turn() -> None:
    shares = FairShare()
    claims = [claim("a", total=4.0), claim("b", BEA, total=4.5, guild=THERE)]
    assert shares.ranked(claims) == ["a", "b"]
    shares.charge(HERE, ADA, 3.0, is_draft=False)
    claims[0].had = 3.0
    assert shares.ranked(claims) == ["a", "b"]


def test_of_jobs_of_two_servers_due_at_once_the_one_whose_member_waits_less_goes_first() -> None:
    claims = [
        claim("c", CLEO, total=8.0, guild=THERE),
        claim("a", total=4.0),
        claim("b", BEA, total=4.0),
    ]
    assert FairShare().ranked(claims) == ["a", "b", "c"]


def test_who_has_no_drafts_saves_up_no_drafts() -> None:
    shares = FairShare()
    job, draft = claim("a", total=100.0), claim("b", BEA, total=2.0, is_draft=True)
    shares.ranked([job, draft])
    shares.charge(HERE, BEA, 20.0, is_draft=True)
    late = [claim("of a newcomer", CLEO, total=2.0, is_draft=True), claim("own", total=2.0, is_draft=True)]
    assert shares.ranked([job, *late]) == ["of a newcomer", "own", "a"]


def test_who_waits_with_drafts_keeps_their_turn() -> None:
    shares = FairShare()
    waiting = [claim(name, total=9.0, is_draft=True) for name in ("first", "second")]
    shares.ranked([*waiting, claim("b", BEA, total=2.0, is_draft=True)])
    shares.charge(HERE, BEA, 20.0, is_draft=True)
    newcomer = claim("of a newcomer", CLEO, total=2.0, is_draft=True)
    assert shares.ranked([*waiting, newcomer]) == ["first", "second", "of a newcomer"]


def test_of_equal_jobs_the_older_one_is_served_to_its_end() -> None:
    shares = FairShare()
    claims = [claim("a"), claim("b", BEA)]
    for _ in range(9):
        assert shares.ranked(claims) == ["a", "b"]
        shares.charge(HERE, ADA, 1.0, is_draft=False)
        claims[0].had += 1.0
    assert shares.ranked(claims) == ["a", "b"]


def test_due_times_that_rounding_makes_equal_keep_the_order_of_arrival() -> None:
    noise = 10.0**-DIGITS / 10
    assert FairShare().ranked([claim("a", total=10 + noise), claim("b", BEA)]) == ["a", "b"]
    assert FairShare().ranked([claim("a", total=10 + 30 * noise), claim("b", BEA)]) == ["b", "a"]


def test_begun_jobs_of_a_member_share_their_part_and_the_others_follow_one_by_one() -> None:
    shares = FairShare()
    claims = [
        claim("begun, short", total=4.0, had=1.0),
        claim("begun, long", total=12.0, had=1.0),
        claim("next", total=2.0),
        # Beside them at equal shares: the first ends at 4 + 4, both at 16, the waiting one at 18.
        claim("just after the short one", BEA, total=8.5),
        claim("just before both", CLEO, total=15.5),
        claim("just before the waiting one", MemberId(4), total=17.5),
    ]
    shares.ranked(claims)
    shares.charge(HERE, ADA, 2.0, is_draft=False)
    # What has been charged counts as worked, so that serving changes no due time.
    assert shares.ranked(claims) == [
        "begun, short",
        "just after the short one",
        "just before both",
        "begun, long",
        "just before the waiting one",
        "next",
    ]


def test_a_draft_is_due_when_it_would_start() -> None:
    drafts = [claim("long draft", total=9.0, is_draft=True), claim("job", BEA, total=1.0)]
    assert FairShare().ranked(drafts) == ["long draft", "job"]
    queued = [
        claim("first draft", total=9.0, is_draft=True),
        claim("second draft", total=9.0, is_draft=True),
        claim("job", BEA, total=8.0),
    ]
    assert FairShare().ranked(queued) == ["first draft", "job", "second draft"]


def test_other_jobs_wait_for_the_members_drafts() -> None:
    own = [claim("draft", total=5.0, is_draft=True), claim("own", total=5.0), claim("job", BEA, total=9.0)]
    assert FairShare().ranked(own) == ["draft", "job", "own"]


def test_a_draft_is_charged_to_drafts_and_to_the_member() -> None:
    shares = FairShare()
    claims = [
        claim("draft", total=2.0, is_draft=True),
        claim("other draft", BEA, total=2.0, is_draft=True),
        claim("own", total=5.0),
        claim("other", BEA, total=6.0),
    ]
    assert shares.ranked(claims) == ["draft", "other draft", "own", "other"]
    shares.charge(HERE, ADA, 3.0, is_draft=True)
    assert shares.ranked(claims) == ["other draft", "draft", "other", "own"]
    fresh = FairShare()
    fresh.ranked(claims)
    fresh.charge(HERE, ADA, 3.0, is_draft=False)
    assert fresh.ranked(claims) == ["draft", "other draft", "other", "own"]


def test_servers_share_equally_and_by_their_weight() -> None:
    claims = [
        claim("a1", total=4.0),
        claim("a2", BEA, total=4.0),
        claim("b", CLEO, total=6.0, guild=THERE),
    ]
    assert FairShare().ranked(claims) == ["a1", "b", "a2"]
    assert FairShare({THERE: 2.0}).ranked(claims) == ["b", "a1", "a2"]
    assert FairShare({THERE: 0.5}).ranked(claims) == ["a1", "a2", "b"]
    shares = FairShare({HERE: 2.0})
    assert shares.ranked(claims) == ["a1", "a2", "b"]
    shares.charge(HERE, ADA, 2.0, is_draft=False)
    claims[0].had = 2.0
    assert shares.ranked(claims) == ["a1", "a2", "b"]


@pytest.mark.parametrize(
    ("taken", "fixed", "each", "most", "room"),
    [
        (0, 10.0, 1.0, 4, 1),  # a tenth of a step without rows
        (10, 10.0, 1.0, 4, 12),  # a tenth of one with ten rows
        (10, 10.0, 1.0, 1, 11),  # not more than asked
        (10, 10.0, 1.0, 2, 12),
        (3, 10.0, 8.0, 4, 3),  # one more would make it longer
        (3, 10.0, 0.0, 4, 7),  # rows that cost nothing
        (3, 0.0, 0.0, 4, 7),
        (19, 0.0, 1.0, 4, 20),
    ],
)
def test_rows_join_drafts_while_the_step_takes_at_most_a_tenth_longer(
    taken: int, fixed: float, each: float, most: int, room: int
) -> None:
    assert room_beside(taken, fixed, each, most=most) == room
