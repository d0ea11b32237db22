CREATE SCHEMA webhooks;

CREATE TABLE webhooks.webhooks (
  id bigint PRIMARY KEY,
  owner_id text NOT NULL,
  url text NOT NULL,
  description text NOT NULL,
  event_types text[] NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  -- Why it was disabled by itself; null when its owner did it.
  disabled_reason text CHECK (disabled_reason IN ('gone', 'failing')),
  secret text NOT NULL,
  -- Signs too until then, so that a receiver can change over without a gap.
  previous_secret text,
  previous_secret_until timestamptz,
  -- Attempts that failed since the last success.
  failures integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  paused_until timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX webhooks_owner ON webhooks.webhooks (owner_id, id);

CREATE TABLE webhooks.deliveries (
  id bigint PRIMARY KEY,
  webhook_id bigint NOT NULL REFERENCES webhooks.webhooks ON DELETE CASCADE,
  event_id bigint NOT NULL,
  event_type text NOT NULL,
  -- What is sent and signed, byte for byte.
  body text NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_attempt_at timestamptz,
  duration_ms integer,
  response_status integer,
  response_body text,
  error text,
  created_at timestamptz NOT NULL,
  CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
  -- An event that is consumed twice is delivered once.
  UNIQUE (webhook_id, event_id)
);
CREATE INDEX deliveries_due ON webhooks.deliveries (webhook_id, next_attempt_at)
  WHERE status = 'pending';
CREATE INDEX deliveries_page ON webhooks.deliveries (webhook_id, id);
