#!/usr/bin/env bash
# Prints where the Chromium is that the tests look at the report's page in. With
# --install it gets one with Debian's packages where there is none and it may.
# STAGELAG_BROWSER names one that is elsewhere.
set -euo pipefail

fail() {
	echo "find browser: $*" >&2
	exit 1
}

find_browser() {
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		if command -v "$name"; then
			return 0
		fi
	done
	return 1
}

if [ -n "${STAGELAG_BROWSER:-}" ]; then
	[ -x "$STAGELAG_BROWSER" ] ||
		fail "STAGELAG_BROWSER names $STAGELAG_BROWSER, which is no program: correct it, or unset it and run this again"
	echo "$STAGELAG_BROWSER"
	exit 0
fi
if find_browser; then
	exit 0
fi

if [ "${1:-}" = --install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	# The fonts have the Russian letters.
	if said=$({ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } 2>&1) &&
		find_browser; then
		exit 0
	fi
	fail "apt-get could not install chromium: $(printf '%s' "$said" | grep -m 1 '^E:' || echo 'it said nothing of use')"
fi
fail "chromium is missing, which the tests look at the report's page in: install it (Debian: apt-get install chromium), or name a Chromium or Chrome in STAGELAG_BROWSER"
