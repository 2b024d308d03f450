-- Servers that the bot has left. Their rows are kept until `forget_at`, in case the bot is invited again.
CREATE TABLE departures (
    guild_id   INTEGER PRIMARY KEY,
    forget_at  REAL NOT NULL
) STRICT;
