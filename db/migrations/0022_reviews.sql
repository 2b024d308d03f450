-- Whether the case is about the member's first refusal, which gives no strike: the refusal's own row may go before the decision.
ALTER TABLE cases ADD COLUMN is_first_refusal INTEGER NOT NULL DEFAULT 0 CHECK (is_first_refusal IN (0, 1));
UPDATE cases SET is_first_refusal = 1 WHERE origin = 'refusal' AND EXISTS (
    SELECT 1 FROM verdicts AS own WHERE own.id = cases.verdict AND own.ruling = 2 AND NOT EXISTS (
        SELECT 1 FROM verdicts AS earlier
        WHERE earlier.member = own.member AND earlier.guild_id IS own.guild_id AND earlier.ruling = 2 AND earlier.id < own.id
          AND earlier.source <> 'picture'
    )
);

-- Pictures of an open case may go before its decision, which may ban what looks like them.
CREATE TRIGGER looks_outlive_their_pictures BEFORE DELETE ON images WHEN OLD.pdq IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO withheld_pictures (case_id, image_index, pdq)
    SELECT id, OLD.image_index, OLD.pdq FROM cases WHERE job = OLD.job AND outcome IS NULL;
END;
