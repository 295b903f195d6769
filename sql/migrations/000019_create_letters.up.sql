-- What became of each letter. There is a row before a letter is sent, and one with what came of it, so
-- that a program that is killed in between sends it to nobody a second time.
CREATE TABLE IF NOT EXISTS letters
(
    as_of       Date COMMENT 'As-of date of the letter',
    kind        Enum8('chat' = 1, 'manager' = 2, 'mail' = 3) COMMENT 'Way that it goes',
    recipient   String COMMENT 'Dialog ID of the chat, user ID of the manager, or mail address',
    attempt     UInt32 COMMENT 'Number of the attempt to send it to this recipient, from 1',
    state       Enum8('sending' = 1, 'failed' = 2, 'uncertain' = 3, 'sent' = 4) COMMENT 'The highest of an attempt counts; sending alone: it was cut off, and the letter may have been sent',
    run_id      UInt32 COMMENT 'Published run that the letter shows',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When this was written',
    token       String COMMENT 'Attempt in one process, so that two that are at work at once see each other',
    error       String COMMENT 'Why it has failed or is uncertain, empty where it is neither'
)
ENGINE = MergeTree
ORDER BY (as_of, kind, recipient, attempt, state)
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Letters to people and what became of them'
