from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from db.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "atelier.sqlite3"


@pytest.fixture
async def db(path: Path) -> AsyncGenerator[Database, None]:
    async with Database.open(path) as database:
        yield database
