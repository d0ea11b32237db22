-- How many links that are not deleted carry a tag. What changes a link's tags adds a row to
-- `tag_changes` and touches nobody else's, so that links with one tag are made side by side; a
-- job folds those rows into `tag_counts` each minute. The truth is the sum of both.
CREATE TABLE links.tag_counts (
  owner_id bigint           NOT NULL,
  -- By bytes, so that a prefix is a range whatever the database's own collation is.
  tag      text COLLATE "C" NOT NULL,
  links    bigint           NOT NULL,
  PRIMARY KEY (owner_id, tag)
);
CREATE TABLE links.tag_changes (
  owner_id bigint           NOT NULL,
  tag      text COLLATE "C" NOT NULL,
  links    bigint           NOT NULL
);
CREATE INDEX tag_changes_owner ON links.tag_changes (owner_id, tag);

INSERT INTO links.tag_counts (owner_id, tag, links)
SELECT owner_id, tag, count(DISTINCT id) FROM links.links, unnest(tags) AS tag
WHERE deleted_at IS NULL GROUP BY owner_id, tag;
