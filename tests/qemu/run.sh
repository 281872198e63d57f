#!/usr/bin/env bash
# Bake a cluster of both boards and boot the very images.
# usage: [ONLY=REGEX] run.sh BUILD-FOLDER default|full|cuts
# ONLY picks parts by name: bad, other, killed, room, deb, two, user, lint, boot-NODE-BUS, cut-NODE-NUMBER.
set -u
build=$1 what=$2
kiln=$build/kiln
# shellcheck source=tests/qemu/lib.sh
. "$(dirname "$0")/lib.sh"

for tool in qemu-system-x86_64 qemu-system-aarch64 mmdebstrap mkfs.btrfs mcopy; do
	if ! command -v "$tool" >/dev/null; then
		skip "all of the QEMU tests" "no $tool; run make deps"
		finish
		exit
	fi
done

setup_cluster
# the lock of the day; with no network the one that is there
"$kiln" update >"$work/update.log" 2>&1 || [ -f kiln.lock ] || {
	not_ok "kiln update" "$(tail -n 5 "$work/update.log")"
	finish
	exit 1
}
if "$kiln" bake >"$work/bake.log" 2>&1; then
	ok "bake duck and cow"
	sed 's/^/#   /' "$work/bake.log"
	drop_stale_bases
else
	not_ok "bake duck and cow" "$(tail -n 8 "$work/bake.log")"
fi
# shellcheck source=tests/qemu/bake.sh
if [ "$what" != cuts ] && picked bad; then . "$srcdir/tests/qemu/bake.sh"; fi
# shellcheck source=tests/qemu/faults.sh
if [ "$what" = full ]; then . "$srcdir/tests/qemu/faults.sh"; fi
# shellcheck source=tests/qemu/images.sh
. "$srcdir/tests/qemu/images.sh"
if [ "$what" != cuts ] && picked lint; then judge_all; fi
# shellcheck source=tests/qemu/boots.sh
. "$srcdir/tests/qemu/boots.sh"
finish
