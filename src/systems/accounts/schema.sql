CREATE SCHEMA accounts;

CREATE TABLE accounts.accounts (
  id                   bigint      PRIMARY KEY,
  -- Normalised; NULL for a person of an outside issuer, whose address nobody has proved to us.
  email                text        CONSTRAINT accounts_email_key UNIQUE,
  name                 text        NOT NULL,
  role                 text        NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'member')),
  -- NULL: no password opens this account.
  password_hash        text,
  -- Given by somebody else: good for nothing but choosing one's own.
  must_change_password boolean     NOT NULL DEFAULT false,
  disabled_at          timestamptz,
  created_at           timestamptz NOT NULL
);
CREATE INDEX accounts_admins ON accounts.accounts (id) WHERE role = 'admin';

-- Who a person is at an outside issuer. An e-mail address never links two accounts.
CREATE TABLE accounts.identities (
  issuer     text        NOT NULL,
  subject    text        NOT NULL,
  account_id bigint      NOT NULL REFERENCES accounts.accounts ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (issuer, subject)
);

-- One row is one signed-in device: a family of refresh tokens of which only the last is good.
CREATE TABLE accounts.sessions (
  id            bigint      PRIMARY KEY,
  account_id    bigint      NOT NULL REFERENCES accounts.accounts ON DELETE CASCADE,
  generation    integer     NOT NULL DEFAULT 0,
  token_hash    bytea       NOT NULL,
  previous_hash bytea,
  chain_key     bytea       NOT NULL,
  rotated_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  user_agent    text        NOT NULL,
  address       text        NOT NULL,
  created_at    timestamptz NOT NULL
);
CREATE INDEX sessions_account ON accounts.sessions (account_id, id);
CREATE INDEX sessions_expiry ON accounts.sessions (expires_at);

CREATE TABLE accounts.keys (
  id           bigint      PRIMARY KEY,
  account_id   bigint      NOT NULL REFERENCES accounts.accounts ON DELETE CASCADE,
  name         text        NOT NULL,
  key_hash     bytea       NOT NULL UNIQUE,
  prefix       text        NOT NULL,
  scopes       text[]      NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  created_at   timestamptz NOT NULL
);
CREATE INDEX keys_account ON accounts.keys (account_id, id);

-- The newest signs access tokens; those before it verify until their last token has expired.
CREATE TABLE accounts.signing_keys (
  kid        text        PRIMARY KEY,
  secret     bytea       NOT NULL,
  created_at timestamptz NOT NULL
);

-- Failed attempts as a bucket that drains evenly: empty at `drained_at`.
CREATE TABLE accounts.attempts (
  bucket     text        PRIMARY KEY,
  drained_at timestamptz NOT NULL
);
CREATE INDEX attempts_drained ON accounts.attempts (drained_at);

-- What was done, by whom. Rows are only ever added, and removed by age.
CREATE TABLE accounts.audit (
  id            bigint      PRIMARY KEY,
  -- Whose log it stands in; NULL when no account is concerned.
  account_id    bigint,
  actor_id      bigint,
  actor_kind    text        NOT NULL CHECK (actor_kind IN ('session', 'key', 'outside', 'system')),
  credential_id text,
  action        text        NOT NULL,
  target        text        NOT NULL,
  detail        jsonb       NOT NULL DEFAULT '{}',
  address       text,
  request_id    text,
  occurred_at   timestamptz NOT NULL
);
CREATE INDEX audit_account ON accounts.audit (account_id, id);
CREATE INDEX audit_action ON accounts.audit (action, id);
CREATE INDEX audit_age ON accounts.audit (occurred_at);
