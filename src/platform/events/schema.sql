-- What has been published and not yet handed to its subscribers. Stays small, and has no index
-- but its key, because every change that publishes pays for it.
CREATE TABLE platform.outbox (
  id bigint PRIMARY KEY,
  type text NOT NULL,
  owner_id text,
  data jsonb NOT NULL,
  occurred_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- What has been handed out, to be listed and replayed until it is swept.
CREATE TABLE platform.events (LIKE platform.outbox);
ALTER TABLE platform.events ADD PRIMARY KEY (id);
CREATE INDEX events_type ON platform.events (type, id);
CREATE INDEX events_owner ON platform.events (owner_id, id) WHERE owner_id IS NOT NULL;
