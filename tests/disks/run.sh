#!/usr/bin/env bash
# Steps ceph-disk and disk against files that stand for disks: a root folder has their sysfs, /dev and
# /proc as a node's kernel shows them. systemd-repart, libfdisk, ceph-osd and mkfs are the real
# ones; btrfs, partx and udevadm, which need a mounted root and a kernel's device, are
# played and their calls kept. What may not change is hashed before and after.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=$PWD/tests/disks agent=${KILN_NODE:?}
digest=$PWD/tests/probe/digest.py golden=$PWD/tests/golden/plan/home
work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-disks.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
for part in lib partition whole killed; do
	# shellcheck source=/dev/null
	. "$here/$part.sh"
done

shims
# ONLY="partition_fresh; partition_osd": these alone
if [ -n "${ONLY:-}" ]; then eval "$ONLY"; echo "$passed passed, $failed failed, $skipped skipped"; exit; fi
partition_fresh
partition_misplaced
partition_osd
partition_foreign
whole_disks
wipe_killed
records_killed
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
