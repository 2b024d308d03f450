-- How many verdicts of each kind a server and each of its channels had on a day, so that counting them reads no verdict.
-- Triggers keep the counts true.
CREATE TABLE verdict_counts (
    guild_id    INTEGER NOT NULL,                            -- 0: direct messages
    channel_id  INTEGER NOT NULL,                            -- 0: the whole server
    day         INTEGER NOT NULL,                            -- since 1970, UTC
    is_picture  INTEGER NOT NULL CHECK (is_picture IN (0, 1)),
    ruling      INTEGER NOT NULL CHECK (ruling BETWEEN 0 AND 2),
    count       INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (guild_id, channel_id, day, is_picture, ruling)
) STRICT, WITHOUT ROWID;

INSERT INTO verdict_counts
SELECT coalesce(guild_id, 0), channel_id, CAST(at / 86400 AS INTEGER), source = 'picture', ruling, count(*) FROM verdicts
GROUP BY 1, 2, 3, 4, 5;

INSERT INTO verdict_counts
SELECT guild_id, 0, day, is_picture, ruling, sum(count) FROM verdict_counts GROUP BY 1, 3, 4, 5;

CREATE TRIGGER verdicts_are_counted AFTER INSERT ON verdicts
BEGIN
    INSERT INTO verdict_counts
    SELECT coalesce(NEW.guild_id, 0), value, CAST(NEW.at / 86400 AS INTEGER), NEW.source = 'picture', NEW.ruling, 1
    FROM json_each(json_array(0, NEW.channel_id)) WHERE TRUE
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER deleted_verdicts_are_not_counted AFTER DELETE ON verdicts
BEGIN
    UPDATE verdict_counts SET count = count - 1
    WHERE guild_id = coalesce(OLD.guild_id, 0) AND channel_id IN (0, OLD.channel_id)
      AND day = CAST(OLD.at / 86400 AS INTEGER) AND is_picture = (OLD.source = 'picture') AND ruling = OLD.ruling;
END;

CREATE TRIGGER counts_of_nothing_are_deleted AFTER UPDATE OF count ON verdict_counts WHEN NEW.count = 0
BEGIN
    DELETE FROM verdict_counts
    WHERE guild_id = NEW.guild_id AND channel_id = NEW.channel_id AND day = NEW.day AND is_picture = NEW.is_picture
      AND ruling = NEW.ruling;
END;

-- A time may be corrected. The other columns that are counted never change.
CREATE TRIGGER verdicts_are_counted_anew AFTER UPDATE OF at ON verdicts
WHEN CAST(NEW.at / 86400 AS INTEGER) <> CAST(OLD.at / 86400 AS INTEGER)
BEGIN
    UPDATE verdict_counts SET count = count - 1
    WHERE guild_id = coalesce(OLD.guild_id, 0) AND channel_id IN (0, OLD.channel_id)
      AND day = CAST(OLD.at / 86400 AS INTEGER) AND is_picture = (OLD.source = 'picture') AND ruling = OLD.ruling;
    INSERT INTO verdict_counts
    SELECT coalesce(NEW.guild_id, 0), value, CAST(NEW.at / 86400 AS INTEGER), NEW.source = 'picture', NEW.ruling, 1
    FROM json_each(json_array(0, NEW.channel_id)) WHERE TRUE
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- The pages of the log, for each of its filters. That of members also holds what their counts need.
DROP INDEX verdicts_of_member;
CREATE INDEX verdicts_of_member ON verdicts (member, guild_id, id, ruling, source, channel_id, at);
CREATE INDEX verdicts_of_channel ON verdicts (guild_id, channel_id, id);
CREATE INDEX verdicts_not_allowed ON verdicts (guild_id, ruling, id, channel_id) WHERE ruling <> 0;
CREATE INDEX verdicts_of_guild_at ON verdicts (guild_id, at);

-- A member's record.
CREATE INDEX jobs_of_member_in_guild ON jobs (member, guild_id);

-- The pages of the cases.
DROP INDEX cases_of_member;
CREATE INDEX cases_of_member ON cases (guild_id, member, number);
DROP INDEX cases_open;
CREATE INDEX cases_open ON cases (guild_id, number) WHERE outcome IS NULL;

-- A server's statistics.
CREATE INDEX cases_opened ON cases (guild_id, opened_at);
CREATE INDEX cases_acted ON cases (guild_id, acted_at, outcome, acted_by, opened_at, origin) WHERE acted_at IS NOT NULL;
