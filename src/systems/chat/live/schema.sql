-- Tickets that stand for a token for half a minute. The token is sealed with the ticket itself, of
-- which there is only a hash: whoever reads this table can use nothing of it. What a crash of the
-- database forgets is asked for again.
CREATE UNLOGGED TABLE chat.tickets (
  hash       bytea       PRIMARY KEY,
  sealed     bytea       NOT NULL,
  expires_at timestamptz NOT NULL
);
