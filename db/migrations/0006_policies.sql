-- What a server chose to do about what is found in prompts: for all of it, for its age-restricted channels, for one channel.

CREATE TABLE policies (
    guild_id    INTEGER NOT NULL,
    scope       TEXT NOT NULL CHECK (scope IN ('server', 'age-restricted', 'channel')),
    channel_id  INTEGER NOT NULL DEFAULT 0,
    preset      TEXT NOT NULL CHECK (preset IN ('family', 'standard', 'mature')),
    set_by      INTEGER NOT NULL,
    set_at      REAL NOT NULL,
    PRIMARY KEY (guild_id, scope, channel_id),
    CHECK ((scope = 'channel') = (channel_id <> 0))
) STRICT, WITHOUT ROWID;

-- What differs from the preset, or from what would apply where no preset was chosen; NULL leaves that part of it.
CREATE TABLE stances (
    guild_id    INTEGER NOT NULL,
    scope       TEXT NOT NULL CHECK (scope IN ('server', 'age-restricted', 'channel')),
    channel_id  INTEGER NOT NULL DEFAULT 0,
    category    TEXT NOT NULL CHECK (category NOT IN ('none', 'minors')),  -- minors are nobody's option
    action      TEXT CHECK (action IN ('as found', 'allow', 'flag', 'refuse')),
    flag        REAL CHECK (flag > 0 AND flag <= 2),
    refuse      REAL CHECK (refuse > 0 AND refuse <= 2),
    set_by      INTEGER NOT NULL,
    set_at      REAL NOT NULL,
    PRIMARY KEY (guild_id, scope, channel_id, category),
    CHECK ((scope = 'channel') = (channel_id <> 0)),
    CHECK (action IS NOT NULL OR flag IS NOT NULL OR refuse IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- How often a member asked for the same thing lately.
CREATE INDEX verdicts_of_member_at ON verdicts (member, at);
