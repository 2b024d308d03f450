-- Prompts that are allowed and only counted: those that name a real person, or an author.
CREATE INDEX verdicts_noticed ON verdicts (guild_id, at, category) WHERE ruling = 0 AND rule <> '';

-- The language of a text as an ISO 639 code; empty for English, and for verdicts from before.
ALTER TABLE verdicts ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN language TEXT NOT NULL DEFAULT '';
