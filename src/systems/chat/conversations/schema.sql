CREATE EXTENSION IF NOT EXISTS pg_trgm;

ALTER TABLE chat.people
  -- The name without case and marks, which is what is searched.
  ADD COLUMN folded     text NOT NULL DEFAULT '',
  ADD COLUMN deleted_at timestamptz,
  ADD COLUMN banned_at  timestamptz,
  ADD COLUMN banned_by  bigint;
CREATE INDEX people_folded ON chat.people USING gin (folded gin_trgm_ops);
CREATE INDEX people_banned ON chat.people (account_id) WHERE banned_until IS NOT NULL;

ALTER TABLE chat.members
  -- Who sent them away. Such a person does not come back by an invite link.
  ADD COLUMN removed_by bigint;

-- A link is known by its token's hash alone: whoever reads this table joins nothing.
CREATE TABLE chat.invites (
  id              bigint      PRIMARY KEY,
  conversation_id bigint      NOT NULL,
  token_hash      bytea       NOT NULL UNIQUE,
  created_by      bigint      NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz,
  uses_max        int,
  uses            int         NOT NULL DEFAULT 0,
  revoked_at      timestamptz
);
CREATE INDEX invites_conversation ON chat.invites (conversation_id, id);

CREATE TABLE chat.blocks (
  account_id bigint      NOT NULL,
  blocked_id bigint      NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, blocked_id)
);
CREATE INDEX blocks_blocked ON chat.blocks (blocked_id);

-- All filters of a conversation, or with 0 those of the whole install. Processes keep them
-- compiled; `version` tells them that they changed.
CREATE TABLE chat.filter_sets (
  conversation_id bigint PRIMARY KEY,
  version         int    NOT NULL,
  filters         jsonb  NOT NULL
);

-- What was said is kept as it was when it was reported, whatever becomes of the message.
CREATE TABLE chat.reports (
  id              bigint      PRIMARY KEY,
  conversation_id bigint      NOT NULL,
  seq             bigint      NOT NULL,
  sender_id       bigint      NOT NULL,
  reporter_id     bigint      NOT NULL,
  reason          text        NOT NULL,
  comment         text        NOT NULL DEFAULT '',
  body            jsonb,
  status          text        NOT NULL DEFAULT 'open'
                              CHECK (status IN ('open', 'upheld', 'dismissed')),
  created_at      timestamptz NOT NULL,
  decided_at      timestamptz,
  decided_by      bigint,
  UNIQUE (conversation_id, seq, reporter_id)
);
CREATE INDEX reports_open ON chat.reports (id) WHERE status = 'open';
