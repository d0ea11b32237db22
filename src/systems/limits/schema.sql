CREATE SCHEMA limits;

-- A rule is always read whole, by every process, so it is kept whole: `definition` is what
-- people gave, checked when it was written.
CREATE TABLE limits.rules (
  id         bigint      PRIMARY KEY,
  name       text        NOT NULL CONSTRAINT rules_name_key UNIQUE,
  -- Made by Stoa and asked for by name in its code: it may be edited but not removed.
  preset     boolean     NOT NULL DEFAULT false,
  definition jsonb       NOT NULL,
  version    integer     NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL,
  -- NULL: nobody has edited it since Stoa made it.
  updated_by bigint
);

-- Every state a rule ever had, of removed ones too. Rows are only ever added.
CREATE TABLE limits.rule_versions (
  rule_id    bigint      NOT NULL,
  version    integer     NOT NULL,
  change     text        NOT NULL CHECK (change IN ('created', 'updated', 'removed')),
  name       text        NOT NULL,
  definition jsonb       NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_by bigint,
  PRIMARY KEY (rule_id, version)
);

-- One row, counted up by every change of a rule: processes ask it whether they missed one.
CREATE TABLE limits.revision (
  id       boolean PRIMARY KEY DEFAULT true CHECK (id),
  revision bigint  NOT NULL
);
INSERT INTO limits.revision (revision) VALUES (0);

-- How often each rule refused, by minute. A shadow rule only would have.
CREATE TABLE limits.refusals (
  at      timestamptz NOT NULL,
  rule    text        NOT NULL,
  route   text        NOT NULL,
  shadow  boolean     NOT NULL,
  refused bigint      NOT NULL,
  PRIMARY KEY (at, rule, route, shadow)
);

-- Whom each rule refused most, by hour.
CREATE TABLE limits.refused_keys (
  at      timestamptz NOT NULL,
  rule    text        NOT NULL,
  key     text        NOT NULL,
  refused bigint      NOT NULL,
  PRIMARY KEY (at, rule, key)
);
