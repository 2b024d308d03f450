-- The job whose removed pictures a refused one looked like. Until now only the words for moderators named it:
-- ["job 2345abcdef, 12 bits apart", ...].
ALTER TABLE verdicts ADD COLUMN likeness TEXT;
ALTER TABLE cases ADD COLUMN likeness TEXT;
UPDATE verdicts SET likeness = substr(json_extract(words, '$[0]'), 5, 10)
WHERE rule = 'removed before' AND json_extract(words, '$[0]') LIKE 'job __________, %';
UPDATE cases SET likeness = substr(json_extract(words, '$[0]'), 5, 10)
WHERE rule = 'removed before' AND json_extract(words, '$[0]') LIKE 'job __________, %';
