#!/bin/sh
# What the official image does at its start, as far as docker-compose.yml needs it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown -R postgres:postgres /var/lib/postgresql /var/run/postgresql
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  chmod 644 /tmp/password
  # shellcheck disable=SC2086 # they are several arguments, as in the official image
  setpriv --reuid=postgres --regid=postgres --clear-groups initdb --username="$POSTGRES_USER" --pwfile=/tmp/password \
    --auth=scram-sha-256 $POSTGRES_INITDB_ARGS
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  setpriv --reuid=postgres --regid=postgres --clear-groups postgres --single -D "$PGDATA" postgres > /dev/null <<SQL
CREATE DATABASE "$POSTGRES_DB"
SQL
fi
mkdir -p /var/run/postgresql
chown -R postgres:postgres /var/run/postgresql
exec setpriv --reuid=postgres --regid=postgres --clear-groups --no-new-privs "$@" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
