#!/bin/sh
# The server's files as they were at a moment: they are PostgreSQL's, and the documents are the program's, as before.
set -eu
data=/var/lib/postgresql/18/docker
install -d -m 700 -o postgres -g postgres "$data"
# Also where the restore says that something is not as it was: what is there is to be read.
trap 'chown -R 10001:10001 /var/lib/crm' EXIT
crm backup restore --data "$data" "$@"
