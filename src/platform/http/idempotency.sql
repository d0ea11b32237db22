CREATE TABLE platform.idempotency_keys (
  caller       text        NOT NULL,
  key          text        NOT NULL,
  request_hash bytea       NOT NULL,
  status       int,
  headers      jsonb,
  body         text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_created_at ON platform.idempotency_keys (created_at);
