-- One row per worker number of an id; a process leases one while it lives.
CREATE TABLE platform.workers (
  worker smallint PRIMARY KEY CHECK (worker BETWEEN 0 AND 1023),
  holder uuid,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  -- No id of this worker has a later millisecond (since 1970); the next holder starts above it.
  high_water_ms bigint NOT NULL DEFAULT 0
);
INSERT INTO platform.workers (worker) SELECT generate_series(0, 1023);
