-- What people upload. A row is there before its first byte is stored and goes after its last one,
-- so that no bytes are ever left without a row that leads to them.
CREATE TABLE platform.uploads (
  id bigint PRIMARY KEY,
  system text NOT NULL,
  owner_id bigint NOT NULL,
  -- Each try at sending the bytes writes under a key of its own; `attempt` is the one that counts.
  attempts integer NOT NULL DEFAULT 1,
  attempt integer,
  type text,
  bytes bigint,
  sha256 text,
  -- Of an image, upright.
  width integer,
  height integer,
  thumbnail text NOT NULL DEFAULT 'none' CHECK (thumbnail IN ('none', 'due', 'made', 'failed')),
  thumbnail_width integer,
  thumbnail_height integer,
  thumbnail_bytes integer,
  created_at timestamptz NOT NULL,
  stored_at timestamptz,
  attached_at timestamptz,
  -- No longer wanted, and later: its bytes are gone. The row outlives the offer it was made by.
  removed_at timestamptz,
  cleared_at timestamptz,
  CHECK ((stored_at IS NULL) = (attempt IS NULL))
);
CREATE INDEX uploads_unattached ON platform.uploads (system, created_at)
  WHERE attached_at IS NULL AND removed_at IS NULL;
CREATE INDEX uploads_removed ON platform.uploads (system, removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX uploads_thumbnails_due ON platform.uploads (system, stored_at)
  WHERE thumbnail = 'due';
