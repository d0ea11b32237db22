#!/bin/sh
# Run once by the postgres image: Stoa's role owns its database and may nothing beyond it.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$STOA_PASSWORD" --username postgres <<'SQL'
CREATE ROLE stoa LOGIN PASSWORD :'password'
  NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE DATABASE stoa OWNER stoa;
REVOKE ALL ON DATABASE stoa, postgres, template1 FROM PUBLIC;
SQL
