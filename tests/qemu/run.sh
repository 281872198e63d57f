#!/usr/bin/env bash
# Bake a cluster of both boards and boot the very images.
# usage: run.sh BUILD-FOLDER default|full
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
for node in duck cow; do
	if "$kiln" bake "$node" >"$work/bake.log" 2>&1; then
		ok "bake $node"
		sed 's/^/#   /' "$work/bake.log"
	else
		not_ok "bake $node" "$(tail -n 8 "$work/bake.log")"
	fi
done
# shellcheck source=tests/qemu/bake.sh
. "$srcdir/tests/qemu/bake.sh"
# shellcheck source=tests/qemu/images.sh
. "$srcdir/tests/qemu/images.sh"
# shellcheck source=tests/qemu/boots.sh
. "$srcdir/tests/qemu/boots.sh"
finish
