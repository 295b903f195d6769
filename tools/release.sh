#!/usr/bin/env bash
# release.sh VERSION FOLDER [OS/ARCH…] builds what a release has, for these platforms or for all of them, into a folder, which
# must not be there:
#
#   stagelag-VERSION-OS-ARCH.tar.gz         the program for linux and darwin, amd64 and arm64, with its pages
#   stagelag_VERSION_ARCH.deb               the same with the units of systemd
#   stagelag-VERSION-OS-ARCH.cdx.json       what each program is made of (CycloneDX)
#   checksums.txt                           SHA-256 of all of them
#
# The same commit and the same Go give the same bytes, wherever and whenever this is called. `make release` takes the
# version from the tag.
set -euo pipefail
umask 022

fail() {
	echo "release: $*" >&2
	exit 1
}

[ $# -ge 2 ] || fail "usage: release.sh VERSION FOLDER [OS/ARCH…]"
version=${1#v} folder=$2
shift 2
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || fail "$version is not a version such as v1.2.3"
[ ! -e "$folder" ] || fail "$folder is there already: remove it, or name another folder"
tar --version 2>/dev/null | grep -q GNU || fail "GNU tar is needed, for archives that are the same each time"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")/.."
commit=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A release has what the commit has, also when files in the folder differ from it.
mkdir "$work/source"
git archive --format=tar HEAD | tar -xf - -C "$work/source"
cd "$work/source"

# build OS ARCH FILE
build() {
	CGO_ENABLED=0 GOOS=$1 GOARCH=$2 GOFLAGS= go build -buildvcs=false -trimpath \
		-ldflags="-s -w -X main.version=v$version -X main.commit=$commit" -o "$3" ./cmd/stagelag
}

echo "release: completions" >&2
build "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$work/host"
mkdir "$work/completions"
for shell in bash zsh fish; do
	"$work/host" completion $shell >"$work/completions/stagelag.$shell"
done

# What every archive and package has beside the program.
common=$work/common
mkdir -p "$common/engine" "$common/deploy"
cp -r README.md CHANGELOG.md SECURITY.md stagelag.example.yaml docs "$common/"
# What the tests of the pages need is no page.
rm -r "$common/docs/performance.json" "$common/docs/docstest"
find "$common/docs" -name '*.go' -delete
cp -r "$work/completions" "$common/completions"
cp warehouse/embedded/fetch-engine.sh warehouse/embedded/engine.version "$common/engine/"
cp deploy/backup.sh deploy/limits.xml deploy/logs.xml deploy/backups.xml deploy/stagelag.service deploy/stagelag.sysusers deploy/stagelag-backup.service deploy/stagelag-backup.timer "$common/deploy/"

# pack NAME makes an archive of the folder of that name.
pack() {
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' --format=ustar \
		-C "$work" -cf - "$1" | gzip -9 -n >"$folder/$1.tar.gz"
}

# debian ARCH PROGRAM makes a package. There, programs are in /usr/bin, and the heads of units, which say what to install,
# have no use.
debian() {
	local root=$work/debian-$1 unit
	cp -r "$common" "$root"
	cp deploy/deb/* "$2" "$root/"
	for unit in "$root"/deploy/*.service "$root"/deploy/*.timer; do
		sed -e '1,/^$/d' -e 's|/usr/local/bin/|/usr/bin/|g' -e 's|/usr/local/lib/stagelag/backup.sh|/usr/lib/stagelag/backup.sh|g' -i "$unit"
	done
	(cd "$root" && VERSION=$version ARCH=$1 "$work/nfpm" package --config nfpm.yaml --packager deb --target "$folder/" >"$work/log" 2>&1) ||
		fail "nfpm: $(tail -n1 "$work/log")"
}

echo "release: tools" >&2
go build -modfile=tools/release.mod -o "$work/" github.com/goreleaser/nfpm/v2/cmd/nfpm github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

for platform; do
	os=${platform%/*} arch=${platform#*/}
	name=stagelag-$version-$os-$arch
	echo "release: $name" >&2
	cp -r "$common" "$work/$name"
	build "$os" "$arch" "$work/$name/stagelag"
	pack "$name"
	"$work/cyclonedx-gomod" bin -json -noserial -notimestamp -version "v$version" -output "$folder/$name.cdx.json" "$work/$name/stagelag" 2>"$work/log" ||
		fail "cyclonedx-gomod: $(tail -n1 "$work/log")"
	[ "$os" != linux ] || debian "$arch" "$work/$name/stagelag"
	rm -rf "${work:?}/$name" "${work:?}/debian-$arch"
done
(cd "$folder" && sha256sum -- *.tar.gz *.deb *.json >checksums.txt)
echo "$folder"
