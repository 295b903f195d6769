#!/bin/sh
# in-memory.sh COMMAND… runs a command whose temporary files lie in memory, where there is enough of
# it: the engines of the tests make and remove many thousands of files, and none is to last. A TMPDIR
# that is set stays.
set -eu

enough=6000000 # KB
memory=/dev/shm

# Where programs may not be started, scripts of the tests could not be either.
is_good() {
	[ "$(df -Pk "$memory" | awk 'NR == 2 { print $4 }')" -gt $enough ] &&
		[ "$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)" -gt $enough ] &&
		printf '#!/bin/sh\n' >"$1/probe" && chmod +x "$1/probe" && "$1/probe"
}

if [ -z "${TMPDIR:-}" ] && folder=$(mktemp -d "$memory/stagelag-XXXXXX" 2>/dev/null); then
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 130' INT TERM
	if is_good "$folder" 2>/dev/null; then
		# The compiler's files are large, and few.
		export TMPDIR="$folder" GOTMPDIR="${GOTMPDIR:-/tmp}"
	fi
fi
"$@"
