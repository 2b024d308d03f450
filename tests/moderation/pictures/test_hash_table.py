"""The table finds what comparing every hash finds."""

import random

from moderation.pictures.hash_table import HashTable
from moderation.pictures.perceptual_hash import SAME, distance
from moderation.verdict import Fingerprint


def changed(print: Fingerprint, bits: int, chance: random.Random) -> Fingerprint:
    number = int.from_bytes(print, "big")
    for bit in chance.sample(range(256), bits):
        number ^= 1 << bit
    return Fingerprint(number.to_bytes(32, "big"))


def test_the_table_finds_what_comparing_every_hash_finds_while_it_grows() -> None:
    chance = random.Random(1)
    table, known = HashTable(), dict[tuple[str, int], Fingerprint]()
    base = Fingerprint(chance.randbytes(32))
    for number in range(300):
        key, hashes = f"{number:010d}", list[Fingerprint]()
        for index in range(10):
            bits = chance.choice((0, 1, SAME - 1, SAME, SAME + 1, 60))
            near = (
                changed(base, bits, chance) if chance.random() < 0.05 else Fingerprint(chance.randbytes(32))
            )
            known[key, index] = near
            hashes.append(near)
        table.extend([key] * 10, range(10), hashes)
    expected = sorted(
        (distance(base, each), *key) for key, each in known.items() if distance(base, each) <= SAME
    )
    assert len(expected) > 20
    assert [(apart, key, index) for key, index, apart in table.near(base)] == expected


def test_hashes_that_differ_in_every_bit_or_in_the_second_half_are_not_near() -> None:
    table, seen = HashTable(), Fingerprint(bytes(32))
    table.extend(
        ["a" * 10, "b" * 10], [0, 0], [Fingerprint(b"\xff" * 32), Fingerprint(bytes(16) + b"\xff" * 16)]
    )
    assert table.near(seen) == []


def test_an_empty_table_finds_nothing() -> None:
    assert HashTable().near(Fingerprint(bytes(32))) == []
