CREATE TABLE platform.jobs (
  id bigint PRIMARY KEY,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  key text,
  -- By the clock of the processes.
  run_at timestamptz NOT NULL,
  -- While a process runs it; by the database's clock, which all processes share.
  lease_until timestamptz,
  -- How often it was taken. An outcome is written only by the take that it belongs to.
  run integer NOT NULL DEFAULT 0,
  -- Tries since it was queued, and how many of them ended with the process, not the handler.
  attempt integer NOT NULL DEFAULT 0,
  lost integer NOT NULL DEFAULT 0,
  -- Queued again under its key while it was running: run once more from then.
  again_at timestamptz,
  error text,
  died_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02
);
CREATE INDEX jobs_due ON platform.jobs (kind, run_at) WHERE died_at IS NULL;
CREATE UNIQUE INDEX jobs_key ON platform.jobs (kind, key)
  WHERE key IS NOT NULL AND died_at IS NULL;
CREATE INDEX jobs_dead ON platform.jobs (died_at, id) WHERE died_at IS NOT NULL;

CREATE TABLE platform.schedules (
  name text PRIMARY KEY,
  next_at timestamptz NOT NULL
);
