CREATE SCHEMA links;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Domain 0 is Stoa's own host, so that no key holds a NULL.
CREATE TABLE links.domains (
  id            bigint      PRIMARY KEY,
  owner_id      bigint      NOT NULL,
  host          text        NOT NULL,
  alphabet      text        NOT NULL DEFAULT 'base62' CHECK (alphabet IN ('base62', 'people')),
  token         text        NOT NULL,
  verified_at   timestamptz,
  root_url      text,
  not_found_url text,
  quarantined   boolean     NOT NULL DEFAULT false,
  created_at    timestamptz NOT NULL DEFAULT now()
);
-- Anybody may claim a host; only one claim can be proved.
CREATE UNIQUE INDEX domains_verified_host ON links.domains (host) WHERE verified_at IS NOT NULL;
CREATE UNIQUE INDEX domains_owner_host ON links.domains (owner_id, host);
INSERT INTO links.domains (id, owner_id, host, token, verified_at) VALUES (0, 0, '', '', now());

-- One value is a block of 1,000 numbers; nextval is never rolled back, so none returns.
CREATE SEQUENCE links.base62_blocks;
CREATE SEQUENCE links.people_blocks;

CREATE TABLE links.links (
  id            bigint      PRIMARY KEY,
  owner_id      bigint      NOT NULL,
  domain_id     bigint      NOT NULL DEFAULT 0,
  code          text        NOT NULL,
  -- The normal form of an alias (case and look-alikes folded); NULL for a generated code.
  skeleton      text,
  url           text        NOT NULL,
  url_host      text        NOT NULL,
  title         text,
  description   text,
  image         text,
  tags          text[]      NOT NULL DEFAULT '{}',
  redirect      smallint    NOT NULL DEFAULT 302,
  starts_at     timestamptz,
  expires_at    timestamptz,
  expired_url   text,
  max_clicks    int,
  clicks_used   int         NOT NULL DEFAULT 0,
  password_hash text,
  forward_query boolean     NOT NULL DEFAULT false,
  forward_path  boolean     NOT NULL DEFAULT false,
  rules         jsonb       NOT NULL DEFAULT '[]',
  split         jsonb,
  robots        text        NOT NULL DEFAULT 'index',
  flags         text[]      NOT NULL DEFAULT '{}',
  -- Set by a block list, an administrator or the daily check: visitors see a warning page.
  quarantined   text,
  dead_since    timestamptz,
  checked_at    timestamptz,
  deleted_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CHECK (clicks_used >= 0 AND (max_clicks IS NULL OR clicks_used <= max_clicks))
);
-- Deleted links keep their row, so that neither a code nor an alias is ever given again.
CREATE UNIQUE INDEX links_code ON links.links (domain_id, code);
CREATE UNIQUE INDEX links_alias ON links.links (domain_id, skeleton) WHERE skeleton IS NOT NULL;
CREATE INDEX links_owner ON links.links (owner_id, id DESC);
CREATE INDEX links_owner_aliases ON links.links (owner_id)
  WHERE skeleton IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX links_expires ON links.links (owner_id, expires_at, id)
  WHERE expires_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX links_host ON links.links (url_host);
CREATE INDEX links_tags ON links.links USING gin (tags);
CREATE INDEX links_search ON links.links
  USING gin ((code || ' ' || url || ' ' || coalesce(title, '')) gin_trgm_ops);

-- Lets the database decide the race of find_or_create.
CREATE TABLE links.found (
  owner_id  bigint NOT NULL,
  domain_id bigint NOT NULL,
  url_hash  bytea  NOT NULL,
  link_id   bigint NOT NULL,
  PRIMARY KEY (owner_id, domain_id, url_hash)
);

CREATE TABLE links.reports (
  id         bigint      PRIMARY KEY,
  link_id    bigint      NOT NULL,
  reason     text        NOT NULL,
  detail     text        NOT NULL DEFAULT '',
  contact    text        NOT NULL DEFAULT '',
  status     text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'upheld', 'dismissed')),
  created_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz,
  decided_by bigint
);
CREATE INDEX reports_open ON links.reports (id DESC) WHERE status = 'open';

CREATE TABLE links.quarantined_owners (
  owner_id   bigint      PRIMARY KEY,
  reason     text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
