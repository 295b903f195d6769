#!/bin/sh
# hash-passwords.sh COMMAND… starts a ClickHouse server with the SHA-256 of its users' passwords in the environment, where
# the users' files look for them, in place of the passwords:
#
#   WAREHOUSE_PASSWORD       of the program    STAGELAG_PASSWORD_SHA256
#   ANALYST_PASSWORD         of people         STAGELAG_ANALYST_PASSWORD_SHA256
#   GRAFANA_READER_PASSWORD  of Grafana        STAGELAG_GRAFANA_PASSWORD_SHA256
#
# What follows these names is that of another portal's database: WAREHOUSE_PASSWORD_NORTH.
set -eu

for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p'); do
	case $name in
	WAREHOUSE_PASSWORD | WAREHOUSE_PASSWORD_*) hash=STAGELAG_PASSWORD_SHA256${name#WAREHOUSE_PASSWORD} ;;
	ANALYST_PASSWORD | ANALYST_PASSWORD_*) hash=STAGELAG_ANALYST_PASSWORD_SHA256${name#ANALYST_PASSWORD} ;;
	GRAFANA_READER_PASSWORD | GRAFANA_READER_PASSWORD_*) hash=STAGELAG_GRAFANA_PASSWORD_SHA256${name#GRAFANA_READER_PASSWORD} ;;
	*) continue ;;
	esac
	eval "password=\$$name"
	if [ -z "$password" ]; then
		echo "hash-passwords.sh: $name is empty: set it in .env; make env makes passwords" >&2
		exit 1
	fi
	export "$hash=$(printf %s "$password" | sha256sum | cut -d' ' -f1)"
	unset "$name" password
done
exec "$@"
