#!/usr/bin/env bash
# screenshots.sh GRAFANA DEAL LANG FOLDER writes pictures of the dashboards of a language in a Grafana that is given, with
# the browser of the tests:
#
#   ./tools/screenshots.sh http://127.0.0.1:3000 107 en docs/images
#
# GRAFANA may hold a user and a password (http://USER:PASSWORD@HOST). DEAL is the number of a deal to show. Its dashboards
# have to be those of `stagelag dashboards export`.
set -euo pipefail

[ $# = 4 ] || { echo "usage: screenshots.sh GRAFANA DEAL LANG FOLDER" >&2; exit 2; }
grafana=${1%/} deal=$2 lang=$3 folder=$4
browser=$("$(dirname "$0")/../report/find-browser.sh")
mkdir -p "$folder"
folder=$(realpath "$folder")
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

picture() { # BOARD WIDTH HEIGHT THEME NAME [PARAMETERS]
	"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --user-data-dir="$profile" \
		--lang="$lang" --window-size="$2,$3" --timeout=60000 --virtual-time-budget=60000 --screenshot="$folder/$5.png" \
		"$grafana/d/stagelag-$1-$lang/x?kiosk&theme=$4${6:-}" >/dev/null 2>&1
	[ -s "$folder/$5.png" ] || { echo "screenshots: the browser made no picture of $1: see that $grafana answers" >&2; exit 1; }
	echo "$folder/$5.png"
}

# Each ends below a panel: the browser leaves those empty that it would cut.
picture portfolio 1366 1690 light portfolio
picture deal 1366 1353 dark deal "&var-deal=$deal"
picture quality 1366 1728 light quality
picture stages 1366 1428 light stages
picture trust 1366 1352 light trust
picture portfolio 500 820 light portfolio-phone
