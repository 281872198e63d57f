#!/bin/bash
# Two servers at a time: each has ports and a folder of its own, and nothing outside of it is written
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
cluster_bin || exit 1
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }

both=$(mktemp -d)
one() { # NAME - starts a server, waits for the other one's, and tells what it has
	local other=cow
	[ "$1" = cow ] && other=sheep
	cluster_start || return 1
	kubectl create configmap "$1" --from-literal=a=b >/dev/null || return 1
	echo "$CLUSTER_DIR $CLUSTER_PORT $(kubectl get ns kube-system -o jsonpath='{.metadata.uid}')" >"$both/$1"
	cluster_wait 60 test -s "$both/$other" || return 1
	kubectl get configmap -o name | grep -v kube-root-ca.crt >"$both/$1.sees"
	find "/proc/$CLUSTER_PID/fd" -type l -printf '%l\n' | grep '^/' | grep -v "^$CLUSTER_DIR\|^/dev/\|^/proc/\|^/sys/" >"$both/$1.opens"
	cluster_stop
}
(one cow) >"$both/cow.log" 2>&1 &
a=$!
(one sheep) >"$both/sheep.log" 2>&1 &
b=$!
wait $a
t 'a server starts' is "$? $(cat "$both/cow.log")" '0 '
wait $b
t 'and another beside it' is "$? $(cat "$both/sheep.log")" '0 '
[ "$t_bad" = 0 ] || { t_done; exit; }
read -r dir_a port_a uid_a <"$both/cow"
read -r dir_b port_b uid_b <"$both/sheep"
t_not 'they have folders' is "$dir_a" "$dir_b"
t_not 'ports' is "$port_a" "$port_b"
t_not 'and clusters of their own' is "$uid_a" "$uid_b"
t 'the first has what it was given' is "$(cat "$both/cow.sees")" configmap/cow
t 'the second too' is "$(cat "$both/sheep.sees")" configmap/sheep
t 'no file elsewhere is open' is "$(cat "$both/cow.opens" "$both/sheep.opens")" ''
t 'both folders are gone' test ! -e "$dir_a" -a ! -e "$dir_b"

# nothing outside: in a machine whose own folders are fresh ones, looked through afterwards
outside() {
	export HOME=$both/home
	mkdir -p "$HOME"
	mount -t tmpfs none /var && mount -t tmpfs none /run && mkdir -p /var/tmp /var/lib || return 1
	cluster_start || return 1
	cluster_stop
	find /var /run "$HOME" ! -type d
	ls -d /etc/rancher 2>/dev/null || true
}
if [ -e /etc/rancher ] || ! unshare -rm mount -t tmpfs none /run 2>/dev/null; then
	t_skip 1 'this machine has an /etc/rancher, or no namespace may be made here'
else
	export -f outside
	found=$(CLUSTER_PID='' unshare -rm bash -c ". '$here/lib.sh'; both='$both'; outside" 2>&1)
	t 'in a machine of fresh folders not one file is left' is "$found" ''
fi
rm -rf "$both"
t_done
