"""How many rows one transaction changes, so that other writers wait for a short time only."""

_FIRST, _FEWEST = 25, 5
_HOLD_SECONDS = 0.02


class Pace:
    """The number of rows for the next transaction of a long deletion. It follows the time that the last one took."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = min(_FIRST, most)

    def took(self, seconds: float) -> None:
        """Called with the time that the last transaction needed for its rows."""
        if seconds > _HOLD_SECONDS:
            self.rows = max(min(_FEWEST, self._most), self.rows // 2)
        elif seconds < _HOLD_SECONDS / 3:
            self.rows = min(self._most, 2 * self.rows)
