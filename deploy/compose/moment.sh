#!/bin/sh
# The server's files as they were at a moment: they are PostgreSQL's, and the documents are the program's, as before.
set -eu
data=/var/lib/postgresql/18/docker
install -d -m 700 -o postgres -g postgres "$data"
crm backup restore --data "$data" "$@"
chown -R 10001:10001 /var/lib/crm
