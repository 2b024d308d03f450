"""The roles that a server's managers have chosen for moderators' levels, beside Discord's own permissions."""

from collections.abc import Mapping
from enum import IntEnum

from db.database import Repository, Transaction


class Level(IntEnum):
    """What a member may do about other members; a higher level includes the lower ones."""

    NONE = 0
    HELPER = 1  # sees, and proposes
    MODERATOR = 2  # decides
    HEAD = 3  # bans, and changes the server's rules

    @property
    def word(self) -> str:
        return self.name.lower()


OF_SERVER = "SELECT role_id, level FROM mod_roles WHERE guild_id = ? ORDER BY role_id"
SET = """
INSERT INTO mod_roles (guild_id, role_id, level) VALUES (?, ?, ?)
ON CONFLICT (guild_id, role_id) DO UPDATE SET level = excluded.level
"""
DROP = "DELETE FROM mod_roles WHERE guild_id = ? AND role_id = ?"


class ModRoles(Repository):
    async def of_server(self, guild_id: int) -> Mapping[int, Level]:
        """Returns each chosen role's level, by the role's id."""
        rows = await self._db.reader.all(OF_SERVER, (guild_id,))
        return {row["role_id"]: Level[row["level"].upper()] for row in rows}

    async def set(self, tx: Transaction, guild_id: int, role_id: int, level: Level) -> None:
        """Chooses a role for a level; NONE takes the choice back."""
        if level is Level.NONE:
            await tx.all(DROP, (guild_id, role_id))
        else:
            await tx.all(SET, (guild_id, role_id, level.word))
