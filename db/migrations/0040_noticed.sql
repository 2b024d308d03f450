-- Prompts that are allowed and only counted: those that name a real person, or an author.
CREATE INDEX verdicts_noticed ON verdicts (guild_id, at, category) WHERE ruling = 0 AND rule <> '';
