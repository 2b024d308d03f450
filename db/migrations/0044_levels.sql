-- Roles that a server's managers have chosen for a level of moderators, beside Discord's own permissions.
CREATE TABLE mod_roles (
    guild_id  INTEGER NOT NULL,
    role_id   INTEGER NOT NULL,
    level     TEXT NOT NULL CHECK (level IN ('helper', 'moderator', 'head')),
    PRIMARY KEY (guild_id, role_id)
) STRICT, WITHOUT ROWID;

-- Helpers propose any outcome; before, only bans were proposed.
ALTER TABLE cases ADD COLUMN proposed_outcome TEXT CHECK (
    proposed_outcome IN ('approve', 'remove', 'warn', 'timeout', 'ban', 'block')
);
ALTER TABLE cases ADD COLUMN is_helpers_proposal INTEGER NOT NULL DEFAULT 0 CHECK (is_helpers_proposal IN (0, 1));
ALTER TABLE cases ADD COLUMN is_bot_ban_proposed INTEGER NOT NULL DEFAULT 0 CHECK (is_bot_ban_proposed IN (0, 1));
UPDATE cases SET proposed_outcome = 'ban' WHERE proposed_by IS NOT NULL;
