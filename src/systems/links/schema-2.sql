-- Failing daily checks of the target in a row.
ALTER TABLE links.links ADD COLUMN dead_checks smallint NOT NULL DEFAULT 0;
ALTER TABLE links.domains ADD COLUMN quarantine_reason text;

CREATE INDEX links_quarantined ON links.links (id DESC) WHERE quarantined IS NOT NULL;
CREATE INDEX reports_of_link ON links.reports (link_id) WHERE status = 'open';

-- How far a walk over all links has come, so that it goes on there after its process died.
CREATE TABLE links.walks (
  name       text        PRIMARY KEY,
  after_id   bigint      NOT NULL,
  started_at timestamptz NOT NULL
);
