CREATE TABLE platform.idempotency_keys (
  caller       text        NOT NULL,
  key_hash     bytea       NOT NULL,
  request_mac  bytea       NOT NULL,
  status       int,
  headers      jsonb,
  body         text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, key_hash)
);
CREATE INDEX idempotency_keys_created_at ON platform.idempotency_keys (created_at);
