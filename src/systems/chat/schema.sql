CREATE SCHEMA chat;

-- Rows that change with each message have half of their page free, so that their new versions stay
-- on it and no index is touched.

-- Two numbers order what happens in a conversation, both dense, both taken by an update of this
-- row, which is what makes one order of it. `top_seq` counts messages. `rev` counts changes: a new
-- message is one, and so is whatever else members must learn (edits, reactions, who is a member).
CREATE TABLE chat.conversations (
  id                     bigint      PRIMARY KEY,
  kind                   text        NOT NULL CHECK (kind IN ('direct', 'group', 'channel')),
  -- Of a direct conversation, both accounts, the smaller first: one per pair, however it is opened.
  pair                   text        UNIQUE CHECK ((pair IS NULL) = (kind <> 'direct')),
  title                  text        NOT NULL DEFAULT '',
  description            text        NOT NULL DEFAULT '',
  created_by             bigint      NOT NULL,
  top_seq                bigint      NOT NULL DEFAULT 0,
  rev                    bigint      NOT NULL DEFAULT 0,
  -- The rev at which somebody last came, went or changed role: what a delivery is checked against.
  members_rev            bigint      NOT NULL DEFAULT 0,
  member_count           int         NOT NULL DEFAULT 0,
  send_by                text        NOT NULL DEFAULT 'members'
                                     CHECK (send_by IN ('members', 'admins')),
  slow_mode_seconds      int         NOT NULL DEFAULT 0,
  disappear_seconds      int,
  -- Whether each message is an event, for webhooks.
  publishes_events       boolean     NOT NULL DEFAULT false,
  last_message_at        timestamptz,
  created_at             timestamptz NOT NULL DEFAULT now(),
  deleted_at             timestamptz
) WITH (fillfactor = 50);

-- A row stays when its member leaves: it says until where they may read.
CREATE TABLE chat.members (
  conversation_id bigint      NOT NULL,
  account_id      bigint      NOT NULL,
  role            text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  -- Messages after `from_seq` are theirs to see, up to `until_seq` once they left.
  from_seq        bigint      NOT NULL DEFAULT 0,
  until_seq       bigint,
  joined_at       timestamptz NOT NULL DEFAULT now(),
  left_at         timestamptz,
  -- The conversation's rev of the last change of this row that others see.
  rev             bigint      NOT NULL,
  -- Never go back; the furthest of all devices.
  delivered_seq   bigint      NOT NULL DEFAULT 0,
  read_seq        bigint      NOT NULL DEFAULT 0,
  -- Up to where pushes were asked for.
  notified_seq    bigint      NOT NULL DEFAULT 0,
  -- For slow mode.
  last_sent_at    timestamptz,
  muted_until     timestamptz,
  archived        boolean     NOT NULL DEFAULT false,
  draft           jsonb,
  PRIMARY KEY (conversation_id, account_id),
  CHECK ((left_at IS NULL) = (until_seq IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX members_account ON chat.members (account_id) WHERE left_at IS NULL;

-- A message is deleted or disappears by losing its body; the row stays, so that `seq` has no holes
-- and a resend of it stays harmless for ever.
CREATE TABLE chat.messages (
  conversation_id bigint      NOT NULL,
  seq             bigint      NOT NULL,
  id              bigint      NOT NULL,
  rev             bigint      NOT NULL,
  -- The rev it was sent with, which its acknowledgement says for ever.
  sent_rev        bigint      NOT NULL,
  sender_id       bigint      NOT NULL,
  client_msg_id   text        NOT NULL,
  -- Sent by a program, with an API key.
  by_program      boolean     NOT NULL DEFAULT false,
  body            jsonb,
  reply_to_seq    bigint,
  thread_seq      bigint,
  reply_count     int         NOT NULL DEFAULT 0,
  -- What others made of it, as it is shown: reactions, votes, previews.
  extra           jsonb       NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  edited_at       timestamptz,
  deleted_at      timestamptz,
  pinned_at       timestamptz,
  expires_at      timestamptz,
  PRIMARY KEY (conversation_id, seq)
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX messages_client_msg_id
  ON chat.messages (conversation_id, sender_id, client_msg_id);
CREATE UNIQUE INDEX messages_rev ON chat.messages (conversation_id, rev);

-- `self_rev` counts what only this person's own devices must learn: memberships, own read marks,
-- drafts, mutes. It moves with each such change, so a device that missed one knows.
CREATE TABLE chat.people (
  account_id   bigint      PRIMARY KEY,
  name         text        NOT NULL DEFAULT '',
  self_rev     bigint      NOT NULL DEFAULT 0,
  last_seen_at timestamptz,
  invisible    boolean     NOT NULL DEFAULT false,
  banned_until timestamptz,
  ban_reason   text
) WITH (fillfactor = 70);

-- What each device of a member has had, and how far its person read on it.
CREATE TABLE chat.device_receipts (
  conversation_id bigint      NOT NULL,
  account_id      bigint      NOT NULL,
  device_id       text        NOT NULL,
  delivered_seq   bigint      NOT NULL DEFAULT 0,
  read_seq        bigint      NOT NULL DEFAULT 0,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (conversation_id, account_id, device_id)
) WITH (fillfactor = 70);

-- Apart from the conversation, so that readers never wait for senders. Moves with each change of a
-- member's receipts, so that whoever shows them knows when they are stale.
CREATE TABLE chat.receipt_revs (
  conversation_id bigint PRIMARY KEY,
  receipts_rev    bigint NOT NULL
) WITH (fillfactor = 70);
