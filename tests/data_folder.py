"""The folder of data that some tests compare with. It is not part of the project; without a file, the tests that need it are
skipped."""

import os
from pathlib import Path

DATA_FOLDER = Path(os.environ.get("ATELIER_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
"""Contains `discord/` and `safety/`; CONTRIBUTING.md says what is in them."""
