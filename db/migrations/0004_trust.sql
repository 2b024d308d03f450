-- The audit log: what moderators did, as a chain. Who, whom and why stand in it as salted digests (db/chain.py); what they
-- stand for lies beside it and can be forgotten without breaking the chain.

CREATE TABLE audit (
    number    INTEGER PRIMARY KEY CHECK (number >= 1),
    at        REAL NOT NULL,
    guild_id  INTEGER NOT NULL,
    actor     TEXT NOT NULL CHECK (length(actor) = 64),
    action    TEXT NOT NULL CHECK (action <> ''),
    member    TEXT CHECK (length(member) = 64),              -- NULL: it was about nobody
    subject   TEXT NOT NULL,                                 -- "case 12", "job 3rnhkgjm3h", "rule clowns"
    reason    TEXT CHECK (length(reason) = 64),              -- NULL: none was given
    details   TEXT NOT NULL CHECK (json_type(details) = 'object'),
    previous  TEXT NOT NULL CHECK (length(previous) = 64),   -- the hash of the row before
    hash      TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

CREATE INDEX audit_of_guild ON audit (guild_id, number);
CREATE INDEX audit_by_time ON audit (at);

-- `person`: whose forgetting takes the row with it.
CREATE TABLE audit_openings (
    number  INTEGER NOT NULL REFERENCES audit (number),
    field   TEXT NOT NULL CHECK (field IN ('actor', 'member', 'reason')),
    person  INTEGER NOT NULL,
    text    TEXT NOT NULL,                                   -- a name, or the reason
    salt    TEXT NOT NULL CHECK (length(salt) = 32),
    PRIMARY KEY (number, field)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_openings_of_person ON audit_openings (person);

-- What was logged before goes into the chain first. audit_commitment and audit_hash are functions of db/chain.py.
CREATE TEMP TABLE moved AS
SELECT row_number() OVER (ORDER BY id) AS number, at, guild_id, moderator, moderator_name, action, member,
    CASE WHEN job IS NULL THEN '' ELSE 'job ' || job END AS subject, reason,
    lower(hex(randomblob(16))) AS actor_salt, lower(hex(randomblob(16))) AS member_salt,
    lower(hex(randomblob(16))) AS reason_salt
FROM actions;

CREATE TEMP TABLE sealed AS
SELECT number, at, guild_id, audit_commitment(actor_salt, moderator, moderator_name) AS actor, action,
    CASE WHEN member IS NOT NULL THEN audit_commitment(member_salt, member, '') END AS member, subject,
    CASE WHEN reason <> '' THEN audit_commitment(reason_salt, coalesce(member, moderator), reason) END AS reason
FROM moved;

INSERT INTO audit (number, at, guild_id, actor, action, member, subject, reason, details, previous, hash)
WITH RECURSIVE chain AS (
    SELECT 0 AS number, 0.0 AS at, 0 AS guild_id, '' AS actor, '' AS action, NULL AS member, '' AS subject, NULL AS reason,
        '' AS previous, printf('%064d', 0) AS hash
    UNION ALL
    SELECT sealed.number, sealed.at, sealed.guild_id, sealed.actor, sealed.action, sealed.member, sealed.subject,
        sealed.reason, chain.hash,
        audit_hash(chain.hash, sealed.number, sealed.at, sealed.guild_id, sealed.actor, sealed.action, sealed.member,
            sealed.subject, sealed.reason, '{}')
    FROM chain JOIN sealed ON sealed.number = chain.number + 1
)
SELECT number, at, guild_id, actor, action, member, subject, reason, '{}', previous, hash FROM chain WHERE number > 0;

INSERT INTO audit_openings (number, field, person, text, salt)
SELECT number, 'actor', moderator, moderator_name, actor_salt FROM moved
UNION ALL SELECT number, 'member', member, '', member_salt FROM moved WHERE member IS NOT NULL
UNION ALL SELECT number, 'reason', coalesce(member, moderator), reason, reason_salt FROM moved WHERE reason <> '';

DROP TABLE sealed;
DROP TABLE moved;
DROP TABLE actions;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;

-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_goes_on BEFORE INSERT ON audit
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)
    OR NEW.previous IS NOT coalesce((SELECT hash FROM audit ORDER BY number DESC LIMIT 1), printf('%064d', 0))
BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_openings_are_not_changed BEFORE UPDATE ON audit_openings
BEGIN
    SELECT RAISE (ABORT, 'openings are forgotten, never changed');
END;

-- Nothing is written over what stands: with REPLACE neither.
CREATE TRIGGER audit_openings_stand BEFORE INSERT ON audit_openings
WHEN EXISTS (SELECT 1 FROM audit_openings WHERE number = NEW.number AND field = NEW.field)
BEGIN
    SELECT RAISE (ABORT, 'openings are forgotten, never changed');
END;

-- A case's number is given once in a server, whatever has been forgotten since.
CREATE TABLE case_numbers (
    guild_id  INTEGER PRIMARY KEY,
    last      INTEGER NOT NULL CHECK (last >= 1)
) STRICT;

INSERT INTO case_numbers SELECT guild_id, max(number) FROM cases GROUP BY guild_id;

CREATE TRIGGER cases_are_counted AFTER INSERT ON cases
BEGIN
    INSERT INTO case_numbers (guild_id, last) VALUES (NEW.guild_id, NEW.number)
    ON CONFLICT (guild_id) DO UPDATE SET last = max(last, excluded.last);
END;

-- Members who asked to be forgotten and about whom something is left: what they leave behind goes when it may.
CREATE TABLE erasures (
    member    INTEGER PRIMARY KEY,
    asked_at  REAL NOT NULL                                  -- what came later is not meant
) STRICT;

-- What the sweep looks for, so that finding nothing costs nothing.
CREATE INDEX verdicts_by_time ON verdicts (at);
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX images_by_time ON images (created_at) WHERE removed_at IS NULL;
CREATE INDEX cases_by_time ON cases (coalesce(acted_at, opened_at));
