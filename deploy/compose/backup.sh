#!/bin/sh
# Backups of the database and of the documents: `nightly` takes one each day at BACKUP_AT (UTC), `now` one at once,
# `restore NAME` brings one back into a database without tables.
set -eu
folder=/backups
documents=/var/lib/crm/documents
umask 077

now() {
  name="crm-$(date -u +%Y-%m-%dT%H%M%SZ)"
  part="$folder/.$name"
  rm -rf "$part"
  mkdir "$part"
  # Nothing but tables of ours: passwords of the roles stay in .env, and CRM_SECRET_KEY is in no backup.
  pg_dump --format=custom --no-password --lock-wait-timeout=60s --file="$part/database.dump"
  # After the dump: a document is there before its row, and never changes, so every row of the dump finds its own.
  if [ -d "$documents" ]; then
    tar -C "$documents" -cf "$part/documents.tar" .
  else
    tar -cf "$part/documents.tar" -T /dev/null
  fi
  (cd "$part" && sha256sum database.dump documents.tar > SHA256SUMS)
  # It has its name once it is whole.
  sync
  mv "$part" "$folder/$name"
  echo "backup $name: $(du -sk "$folder/$name" | cut -f1) KiB"
  # Names are dates, so the oldest come first.
  find "$folder" -mindepth 1 -maxdepth 1 -name 'crm-*' | sort | head -n "-${BACKUP_KEEP:=14}" | while read -r old; do
    rm -rf "$old"
    echo "backup ${old##*/} is more than BACKUP_KEEP and removed"
  done
}

nightly() {
  echo "a backup each day at ${BACKUP_AT:=02:00} UTC"
  while :; do
    seconds=$(($(date -u -d "$BACKUP_AT" +%s) - $(date -u +%s)))
    [ "$seconds" -gt 0 ] || seconds=$((seconds + 86400))
    sleep "$seconds" & wait $!
    # One that fails is told in the log and in the file FAILED, and the next night comes.
    if sh "$0" now; then rm -f "$folder/FAILED"; else date -u > "$folder/FAILED"; echo "the backup FAILED" >&2; fi
  done
}

restore() {
  from="$folder/$1"
  (cd "$from" && sha256sum --check --quiet SHA256SUMS)
  tables=$(psql -XAt -c "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace")
  [ "$tables" = 0 ] || { echo "the database has $tables tables: a backup is restored into an empty one" >&2; exit 1; }
  pg_restore --no-password --exit-on-error --single-transaction --dbname="$PGDATABASE" "$from/database.dump"
  mkdir -p "$documents"
  tar -C "$documents" -xf "$from/documents.tar"
  echo "restored $1"
}

trap 'exit 0' TERM INT
case "${1:-}" in
  nightly | now) "$1" ;;
  restore) restore "${2:?the name of a backup}" ;;
  *) echo "nightly, now or restore NAME" >&2; exit 2 ;;
esac
