CREATE EXTENSION IF NOT EXISTS btree_gin;

-- What everybody may be shown: a message whose time is over has nothing in it, even where nobody
-- came by yet to wipe it.
CREATE VIEW chat.shown_messages AS
  SELECT conversation_id, seq, id, rev, sent_rev, sender_id, client_msg_id, by_program,
    CASE WHEN expires_at <= now() THEN NULL ELSE body END AS body,
    reply_to_seq, thread_seq, reply_count,
    CASE WHEN expires_at <= now() THEN '{}' ELSE extra END AS extra,
    created_at, edited_at, deleted_at,
    CASE WHEN expires_at <= now() THEN NULL ELSE pinned_at END AS pinned_at,
    expires_at
  FROM chat.messages;
CREATE INDEX messages_expiring ON chat.messages (expires_at)
  WHERE expires_at IS NOT NULL AND body IS NOT NULL;
CREATE INDEX messages_pinned ON chat.messages (conversation_id, pinned_at)
  WHERE pinned_at IS NOT NULL;

-- Also of conversations that were left, where they go on reading what they had.
CREATE INDEX members_ever ON chat.members (account_id, conversation_id);

-- What each did, of which messages show the sum in `extra`. `since_rev`, the conversation's rev
-- before it, is the order in which they came.
CREATE TABLE chat.reactions (
  conversation_id bigint NOT NULL,
  seq             bigint NOT NULL,
  emoji           text   NOT NULL,
  account_id      bigint NOT NULL,
  since_rev       bigint NOT NULL,
  PRIMARY KEY (conversation_id, seq, emoji, account_id)
);
CREATE INDEX reactions_account ON chat.reactions (account_id, conversation_id, seq);

CREATE TABLE chat.votes (
  conversation_id bigint   NOT NULL,
  seq             bigint   NOT NULL,
  option          smallint NOT NULL,
  account_id      bigint   NOT NULL,
  since_rev       bigint   NOT NULL,
  PRIMARY KEY (conversation_id, seq, option, account_id)
);
CREATE INDEX votes_account ON chat.votes (account_id, conversation_id, seq);

-- How many messages, and messages to be sent, have each upload. With the last one it is released.
CREATE TABLE chat.files (
  upload_id bigint PRIMARY KEY,
  uses      int    NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE chat.scheduled (
  id              bigint      PRIMARY KEY,
  account_id      bigint      NOT NULL,
  conversation_id bigint      NOT NULL,
  client_msg_id   text        NOT NULL,
  by_program      boolean     NOT NULL,
  body            jsonb       NOT NULL,
  reply_to_seq    bigint,
  thread_seq      bigint,
  send_at         timestamptz NOT NULL,
  created_at      timestamptz NOT NULL,
  -- From here on it cannot be called off.
  begun_at        timestamptz,
  -- Why it was not sent.
  failure         text,
  UNIQUE (account_id, conversation_id, client_msg_id)
);

-- The words of messages, filled in soon after they were sent, so that sending waits for none of it.
CREATE TABLE chat.searchable (
  conversation_id bigint   NOT NULL,
  seq             bigint   NOT NULL,
  words           tsvector NOT NULL,
  PRIMARY KEY (conversation_id, seq)
);
CREATE INDEX searchable_words ON chat.searchable USING gin (conversation_id, words);

-- Up to where the messages of a conversation were looked at. Whoever takes words out of
-- chat.searchable has this row, so that nobody puts them back who read them before.
CREATE TABLE chat.search_marks (
  conversation_id bigint PRIMARY KEY,
  looked_seq      bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE TABLE chat.search_scan (
  only_row     boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  looked_until timestamptz NOT NULL DEFAULT now()
);
INSERT INTO chat.search_scan DEFAULT VALUES;

-- What a conversation was called where it was imported from.
CREATE TABLE chat.imports (
  ref             text   PRIMARY KEY,
  conversation_id bigint NOT NULL
);
