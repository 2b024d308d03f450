"""Job ids: short enough for a button's custom_id; their text order is their order in time."""

import secrets
import threading
import time

from generation import JobId

# In ASCII order, unlike RFC 4648's, so that comparing two ids compares their times.
ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
LENGTH = 10
EPOCH = 1_735_689_600_000  # milliseconds: 2025-01-01 UTC
RANDOM_BITS = 10  # the 40 bits above count milliseconds, until 2059


class JobIds:
    """Generates ids from time and random bits; within one process unique and increasing."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> JobId:
        now = (time.time_ns() // 1_000_000 - EPOCH) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
        with self._lock:
            self._last = number = max(now, self._last + 1)
        return JobId("".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH))))


new_job_id = JobIds().new
