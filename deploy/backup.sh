#!/bin/sh
# backup.sh FOLDER [KEEP] makes a backup of the warehouse, puts it into a folder of another machine that is mounted here (NFS,
# SMB, sshfs, a rclone mount), and keeps the newest KEEP backups there (14 unless given):
#
#   touch /mnt/backups/stagelag.backups     # once, on the share: without it, it is not mounted
#   deploy/backup.sh /mnt/backups 30
#
# It calls the stagelag of docker-compose.yml where STAGELAG is not set, and else the command that STAGELAG holds, such as
# "stagelag --config /etc/stagelag/stagelag.yaml". deploy/stagelag-backup.timer calls it every day. Nothing is removed
# unless the new backup is in its place, and what it has not made itself is left alone.
#
# Of several portals each gets a BACKUP_NAME of its own, which its backups begin with, and in docker its configuration:
#
#   BACKUP_NAME=north CONFIG=north.yaml deploy/backup.sh /mnt/backups 30
set -eu
umask 077

fail() {
	echo "backup.sh: $*" >&2
	exit 1
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: backup.sh FOLDER [KEEP]"
keep=${2:-14}
case $keep in
'' | *[!0-9]* | 0*) fail "$keep is not a number of backups from 1" ;;
esac
BACKUP_NAME=${BACKUP_NAME:-stagelag}
case $BACKUP_NAME in
*[!a-z0-9_]*) fail "BACKUP_NAME=$BACKUP_NAME has other characters than small letters, digits and underscores" ;;
esac
[ -f "$1/stagelag.backups" ] ||
	fail "$1 has no file stagelag.backups: mount the share, or make that file on it once"
folder=$(cd "$1" && pwd)

name=$BACKUP_NAME-$(date -u +%Y-%m-%dT%H%M%SZ).tar.zst
# Under another name until it is whole: what is cut off is no backup, and goes with the next call.
part=$folder/.part-$name
find "$folder" -maxdepth 1 -type f -name ".part-$BACKUP_NAME-????-??-??T??????Z.tar.zst" -exec rm -f {} +
tidy() { rm -f "$part"; }
trap tidy EXIT
trap 'exit 1' INT TERM HUP

if [ -n "${STAGELAG:-}" ]; then
	# shellcheck disable=SC2086 # it is a command with its arguments
	$STAGELAG backup "$part"
else
	cd "$(dirname "$0")/.."
	inside=/var/lib/clickhouse/backups/$name
	docker compose run --rm --no-TTY stagelag ${CONFIG:+--config "$CONFIG"} backup "$inside"
	tidy() { rm -f "$part"; docker compose exec --no-TTY warehouse rm -f "$inside"; }
	docker compose cp "warehouse:$inside" "$part"
fi
[ -s "$part" ] || fail "the backup $part is empty"
mv "$part" "$folder/$name"

# Their names sort by time.
find "$folder" -maxdepth 1 -type f -name "$BACKUP_NAME-????-??-??T??????Z.tar.zst" | sort -r | tail -n "+$((keep + 1))" |
	while IFS= read -r old; do rm -f "$old"; done
echo "$folder/$name"
