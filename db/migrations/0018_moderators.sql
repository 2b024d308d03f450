-- The log channel whose loss the moderators were told of; 0: that there is none. Told once.
ALTER TABLE guilds ADD COLUMN told_of_channel_id INTEGER;

-- A ban that was proposed keeps its length. NULL: until lifted.
ALTER TABLE cases ADD COLUMN proposed_seconds REAL;

-- When Discord's own ban, which has no end of its own, must be lifted; NULL: not at all, or lifted already.
ALTER TABLE cases ADD COLUMN lift_at REAL;
CREATE INDEX cases_to_lift ON cases (lift_at) WHERE lift_at IS NOT NULL;
UPDATE cases SET lift_at = expires_at
WHERE power = 'ban' AND block IN (SELECT id FROM blocks WHERE lifted_at IS NULL);

-- The card of a refusal becomes its case's card.
CREATE INDEX cases_of_card ON cases (card_message_id) WHERE card_message_id IS NOT NULL;

-- Cards are posted server by server.
DROP INDEX cases_without_card;
CREATE INDEX cases_without_card ON cases (guild_id, id) WHERE card_message_id IS NULL AND outcome IS NULL;
