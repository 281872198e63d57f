#!/usr/bin/env bash
# kiln push without machines: a seed as kiln bake writes it, a real ssh and sshd; what is run on the node
# is run here, on folders that stand for its own (tests/qemu/cluster pushes to a real one).
#
# usage: push.sh BUILD-FOLDER
# shellcheck disable=SC2154 # lib.sh
set -u
build=$1
# shellcheck source=tests/status/lib.sh
. tests/status/lib.sh

export KILN_DATADIR=$build/share/kiln # for seed-write
base=$(printf x | sha256sum | cut -c1-64)
mkdir -p out hen/{boot/firmware/kiln,usr/lib/kiln,var/lib/kiln}
fat=hen/boot/firmware/kiln
cat >on-hen <<-END
	#!/bin/bash
	systemd-run() { echo "\$*" >>$work/reboots; }
	c=\${SSH_ORIGINAL_COMMAND//sudo -n /}
	for d in /boot/firmware /usr/lib/kiln /var/lib/kiln; do c=\${c//\$d/$work/hen\$d}; done
	[ ! -f $work/fault ] || . $work/fault
	eval "\$c"
END
chmod 0755 on-hen
node hen hen "$work/on-hen"
forwards() { jq -n --argjson h "${port[hen]}" '{schema: 1, nodes: {hen: {ssh: $h}}}' >forwards.json; }
forwards
for _ in $(seq 100); do (: <>"/dev/tcp/127.0.0.1/${port[hen]}") 2>/dev/null && break || sleep 0.1; done
seed() { # NODE [SECONDS]: as out/hen.img
	rm -rf seeds && mkdir seeds
	"$build/tests/plan/seed-write" cluster.yaml "$1" "$base" "${2:-1795348800}" seeds >/dev/null
	cp seeds/seed-*.tar out/hen.img
	digest=$(sha256sum <out/hen.img | cut -c1-64)
}
base_json() { # BASE CLUSTER-ID
	jq -n --arg i "$1" --arg c "$2" '{schema: 1, id: $i, cluster_id: $c, board: "m910q", arch: "amd64", kernel: "6.12", created_at: 1795348800,
		root_uuid: "0d3b7a01-90c5-4e07-9d14-8d1b0d3b7a01", boot_uuid: "1A2B-3C4D"}' >hen/usr/lib/kiln/base.json
}
push() { "$kiln" push hen --forwards forwards.json -i key "$@" 2>&1; }
refused() { # name, pattern: exit 1 with that, and nothing of it is there
	local out rc
	out=$(push --reboot)
	rc=$?
	has "$1" "$out" "$2"
	is "$1: exit 1" $rc 1
	is "$1: nothing is left" "$(ls $fat)$(cat reboots 2>/dev/null)" ''
}

refused "no image yet" "^kiln push: there is no './out/hen.img' with a seed; 'kiln bake hen' makes it$"
seed goat
refused "the seed of another node" "it is the seed of node 'goat', not of 'hen'"
seed hen
head -c 700 seeds/seed-*.tar >out/hen.img
refused "a seed that is cut" "^kiln push: './out/hen.img':? "
seed hen
cluster_id=$(tar -xOf out/hen.img seed.json | jq -r .cluster_id)
refused "a node that Kiln did not make" "'hen': .*base.json"
base_json "${base//[0-9]/a}" "$cluster_id"
refused "another base" "'hen' runs base image [0-9a-f]{12}, and its seed was baked for ${base:0:12}: packages, kernel"
base_json "$base" "${cluster_id//[0-9]/a}"
refused "another cluster" "'hen' is of another cluster$"
base_json "$base" "$cluster_id"

echo 'c=${c/cat >seed.new/head -c 9000 >seed.new}' >fault
refused "a seed that loses its end on the way" 'it arrived damaged'
echo 'ulimit -f 8; trap "" XFSZ' >fault
refused "a full partition" 'File too large|status 1'
# the power of the node fails in the middle: what is there has no seed's name, and is replaced
echo 'c=${c/cat >seed.new/head -c 9000 >seed.new; kill -9 \$\$}' >fault
out=$(push)
is "the node's power fails: exit 1" $? 1
is "and only what was begun is there" "$(ls $fat)" seed.new
rm fault

out=$(push)
is "pushed: exit 0" $? 0
is "it says which" "$out" "hen: has the seed ${digest:0:12} (baked 2026-11-22 12:00 UTC), imported at its next start"
is "by its digest's name, alone" "$(ls $fat)" "seed-$digest.tar"
is "every byte of it" "$(sha256sum <$fat/seed-"$digest".tar | cut -c1-64)" "$digest"
is "the node goes on" "$(cat reboots 2>/dev/null)" ''
has "with --reboot" "$(push --reboot)" '^hen: starts anew$'
is "it does not" "$(cat reboots 2>/dev/null)" '-q --on-active=1s systemctl reboot'
rm -f reboots $fat/*
jq -n --arg d "$digest" '{digest: $d}' >hen/var/lib/kiln/seed.json
is "what it runs with is left alone" "$(push --reboot)" "hen: this seed, ${digest:0:12} (baked 2026-11-22 12:00 UTC), is what it runs with"
is "and so is the node" "$(ls $fat)$(cat reboots 2>/dev/null)" ''

kill "${pid[hen]}" && wait "${pid[hen]}" 2>/dev/null
refused "a node that is off" "'hen': .*Connection refused"
node hen goat "$work/on-hen"
forwards
for _ in $(seq 100); do (: <>"/dev/tcp/127.0.0.1/${port[hen]}") 2>/dev/null && break || sleep 0.1; done
rm hen/var/lib/kiln/seed.json
refused "another host key" 'Host key verification failed|IDENTIFICATION'

# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$@" >>ssh.log\nexit 255\n' >bin/ssh
"$kiln" push hen >push.log 2>&1
"$kiln" push hen --to hen.barn >>push.log 2>&1
is "by its own address, or where it is said to be" "$(grep -oE -- '-p 22 -- [^ ]+' ssh.log | tr '\n' ' ')" '-p 22 -- 192.168.15.10 -p 22 -- hen.barn '
usage() { "$kiln" push "$@" 2>&1 >/dev/null | head -n 1; }
is "usage: no node" "$(usage)" "kiln push: to which node? 'kiln push --help' tells more"
is "usage: --to and --forwards" "$(usage hen --to a --forwards b)" "kiln push: --to wants a host or an address, and no --forwards beside it; 'kiln push --help' tells more"
is "usage: a host that ssh would take for an option" "$(usage hen --to -oProxyCommand=x)" "kiln push: --to wants a host or an address, and no --forwards beside it; 'kiln push --help' tells more"
has "a node that there is not" "$(usage cow)" "^kiln push: .*'cow'"
finish
