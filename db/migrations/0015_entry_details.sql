-- The values of an entry, as JSON: the sentence is made when it is shown, in the reader's language. Entries written until now keep
-- their text, which begins with English words ("warn: spam").
ALTER TABLE case_entries ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
