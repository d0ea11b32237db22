-- Finds what was sent in a span of time, at next to no cost for sending.
CREATE INDEX messages_created ON chat.messages
  USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX messages_thread ON chat.messages (conversation_id, thread_seq, seq)
  WHERE thread_seq IS NOT NULL;

-- Up to when messages were looked at for members whom they did not reach.
CREATE TABLE chat.undelivered_scan (
  only_row     boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  looked_until timestamptz NOT NULL DEFAULT now()
);
INSERT INTO chat.undelivered_scan DEFAULT VALUES;
