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
mkdir -p out hen/{boot/firmware/kiln,usr/lib/kiln,var/lib/kiln,run/kiln}
fat=hen/boot/firmware/kiln
cat >on-hen <<-END
	#!/bin/bash
	systemd-run() { echo "\$*" >>$work/reboots; [ ! -f $work/boots ] || . $work/boots; }
	sha256sum() { if [ "\$1" = -c ]; then sed "s|  /|  $work/hen/|"; else cat; fi | command sha256sum "\$@"; }
	c=\${SSH_ORIGINAL_COMMAND//sudo -n /}
	c=\${c/\/proc\/sys\/kernel\/random/$work/hen} c=\${c/\/sys\/class\/net\/\*/$work/hen}
	for d in /boot/firmware /usr/lib/kiln /var/lib/kiln /etc/kiln /run/kiln; do c=\${c//\$d/$work/hen\$d}; done
	[ ! -f $work/fault ] || . $work/fault
	eval "\$c"
END
chmod 0755 on-hen
start_hen() { # KEYS-OF
	node hen "$1" "$work/on-hen"
	jq -n --argjson h "${port[hen]}" '{schema: 1, nodes: {hen: {ssh: $h}}}' >forwards.json
	for _ in $(seq 100); do
		if (: <>"/dev/tcp/127.0.0.1/${port[hen]}") 2>/dev/null; then break; fi
		sleep 0.1
	done
}
seed() { # NODE [SECONDS [CLUSTER.YAML]]: as out/hen.img
	rm -rf seeds && mkdir seeds
	"$build/tests/plan/seed-write" "${3:-cluster.yaml}" "$1" "$base" "${2:-1795348800}" seeds >/dev/null
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
start_hen hen

refused "no image yet" "^kiln push: there is no './out/hen.img' with a seed; 'kiln bake hen' makes it$"
seed goat
refused "the seed of another node" "it is the seed of node 'goat', not of 'hen'"
seed hen
head -c 700 seeds/seed-*.tar >out/hen.img
refused "a seed that is cut" "^kiln push: './out/hen.img':? "
seed hen
cluster_id=$(tar -xOf out/hen.img seed.json | jq -r .cluster_id)
refused "a node that Kiln did not make" "'hen': .*base.json"

# what would harm the node
tar -xf out/hen.img -C hen --strip-components=1 root
echo 52:54:00:00:15:10 >hen/address
base_json "${base//[0-9]/a}" "$cluster_id"
refused "another base" "'hen' runs base image [0-9a-f]{12}, and its seed was baked for ${base:0:12}: packages, kernel"
base_json "$base" "${cluster_id//[0-9]/a}"
refused "another cluster" "'hen' is of another cluster$"
base_json "$base" "$cluster_id"
echo 52:54:00:00:15:99 >hen/address
refused "another machine" "'hen' has no MAC address 52:54:00:00:15:10"
printf '%s\n' 00:00:00:00:00:00 52:54:00:00:15:10 >hen/address
sed 's/192\.168\.15\.10,/192.168.15.20,/' cluster.yaml >moved.yaml
seed hen 1795348800 moved.yaml
refused "another address of a control-plane" "'hen' is a control-plane at 192.168.15.10/.* and would be at 192.168.15.20/.*etcd"
sed 's|10\.42\.0\.0|10.52.0.0|' cluster.yaml >ranges.yaml
seed hen 1795348800 ranges.yaml
refused "other ranges of pods" "'hen' has other ranges for pods or services"
seed hen
cp hen/var/lib/rancher/k3s/server/tls/client-ca.crt kept
echo rotated >>hen/var/lib/rancher/k3s/server/tls/client-ca.crt
refused "a CA that K3s has rotated" "its '.*/server/tls/client-ca.crt' is another than .kiln/secrets has"
mv kept hen/var/lib/rancher/k3s/server/tls/client-ca.crt

# what goes wrong on the way
echo 'c=${c/cat >seed.new/head -c 9000 >seed.new}' >fault
refused "a seed that loses its end on the way" 'it arrived damaged'
echo '[[ $c != *seed.new* ]] || ulimit -f 8; trap "" XFSZ' >fault
refused "a full partition" 'File too large'
# the power of the node fails in the middle: what is there has no seed's name
echo 'c=${c/cat >seed.new/head -c 9000 >seed.new; kill -9 \$\$}' >fault
out=$(push)
is "the node's power fails: exit 1" $? 1
is "and only what was begun is there" "$(ls $fat)" seed.new
rm fault

# two that wait: an older one, and one that was begun
echo old >$fat/seed-"$base".tar
out=$(push)
is "pushed: exit 0" $? 0
is "it says which" "$out" "hen: has the seed ${digest:0:12} (baked 2026-11-22 12:00 UTC), imported at its next start"
is "by its digest's name, alone" "$(ls $fat)" "seed-$digest.tar"
is "every byte of it" "$(sha256sum <$fat/seed-"$digest".tar | cut -c1-64)" "$digest"
is "the node goes on" "$(cat reboots 2>/dev/null)" ''

# --reboot waits for the node
echo 11111111-90c5-4e07-9d14-8d1b0d3b7a01 >hen/boot_id
boots='echo 22222222-90c5-4e07-9d14-8d1b0d3b7a01 >'$work/hen/boot_id
echo "$boots" >boots
echo "seed ${digest:0:12} is refused and left alone: so it is" >hen/run/kiln/init.log
jq -n --arg d "$base" '{digest: $d}' >hen/var/lib/kiln/seed.json
out=$(push --reboot)
is "a node that does not take it: exit 1" $? 1
has "says what the node said" "$out" "'hen' has started anew, and not taken the seed: .*" 
has "in its own words" "$out" "is refused and left alone: so it is"
is "it starts once, soon, after the session" "$(cat reboots)" '-q --on-active=1s --timer-property=AccuracySec=100ms systemctl reboot'
echo 11111111-90c5-4e07-9d14-8d1b0d3b7a01 >hen/boot_id
jq -n --arg d "$digest" '{digest: $d}' >taken
echo "$boots; cp $work/taken $work/hen/var/lib/kiln/seed.json; rm -f $work/$fat/seed-*" >boots
has "a node that takes it" "$(push --reboot)" '^hen: runs with it, after [0-9]+ s$'
rm -f reboots
is "what it runs with is left alone" "$(push --reboot)" "hen: this seed, ${digest:0:12} (baked 2026-11-22 12:00 UTC), is what it runs with"
is "and so is the node" "$(ls $fat)$(cat reboots 2>/dev/null)" ''
echo other >$fat/seed-"$base".tar
has "a push back takes the one away that waited" "$(push --reboot)" 'is what it runs with; another one that waited is removed$'
is "and leaves nothing" "$(ls $fat)$(cat reboots 2>/dev/null)" ''

kill "${pid[hen]}" && wait "${pid[hen]}" 2>/dev/null
refused "a node that is off" "'hen': .*Connection refused"
start_hen goat
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
