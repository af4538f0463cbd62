#!/bin/sh
# `crm backup create` each day at BACKUP_AT (UTC), and each Sunday a base, where the log is archived: a restore of a
# moment works through the log from a base on. A failure is told in the log; `crm backup list` has the ages.
set -eu
trap 'exit 0' TERM INT
if [ -z "${CRM_BACKUP_RECIPIENTS:-}" ]; then
  echo "NO BACKUP WILL BE TAKEN: CRM_BACKUP_RECIPIENTS is not set (docs/DEPLOYMENT.md, Backups)" >&2
fi
echo "a backup each day at ${BACKUP_AT:=02:00} UTC"
while :; do
  seconds=$(($(date -u -d "$BACKUP_AT" +%s) - $(date -u +%s)))
  [ "$seconds" -gt 0 ] || seconds=$((seconds + 86400))
  sleep "$seconds" & wait $!
  crm backup create || echo "the backup FAILED" >&2
  if [ -n "${CRM_ARCHIVE_DATABASE_URL:-}" ] && [ "$(date -u +%u)" = 7 ]; then
    crm backup create --base || echo "the base FAILED" >&2
  fi
done
