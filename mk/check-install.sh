#!/bin/sh
# Install into a stage, look for what must be there, run it from there, check modes.
set -eu
stage=$1
rm -rf "$stage"
make -s install DESTDIR="$stage" PREFIX=/usr
for f in bin/kiln share/kiln/boards/rpi5/board.yaml share/kiln/boards/m910q/board.yaml share/kiln/overlays \
	share/kiln/bundle share/kiln/mkfs-repro.so share/doc/kiln/LICENSE; do
	[ -e "$stage/usr/$f" ] || { echo "$f is not installed"; exit 1; }
done
for f in share/kiln/agent/*/kiln-init share/kiln/agent/*/kiln-node.deb; do
	find "$stage/usr/${f%/*/*}" -name "${f##*/}" -type f | grep -q . || { echo "$f is not installed"; exit 1; }
done
odd=$(find "$stage" ! -type l ! -perm 0755 ! -perm 0644)
[ -z "$odd" ] || { echo "odd modes: $odd"; exit 1; }
links=$(find "$stage" -type l)
[ -z "$links" ] || { echo "links into the build tree: $links"; exit 1; }
"$stage/usr/bin/kiln" --version
# the installed program finds the installed data
if [ -e examples/home/cluster.yaml ]; then
	env -u KILN_DATADIR CLOUDFLARE_API_TOKEN=dummy "$stage/usr/bin/kiln" check examples/home/cluster.yaml
fi
