#!/bin/bash
# Runs on the node as root, when all is up: kiln-node is killed, then made to hang, under systemd
# as it is in the image. It must come back, go on from its journal, and do nothing a second time.
# Output as guest.sh.
deadline=600 # seconds
drop_in=/run/systemd/system/kiln-node.service.d

is() { # name, seen, wanted
	if [ "$2" = "$3" ]; then echo "ok - $1"; else printf 'not ok - %s\n#   %s, not %s\n' "$1" "$2" "$3"; fi
}
prop() { systemctl show -P "$2" "$1"; }
unit=k3s
systemctl -q is-active $unit || unit=k3s-agent

# What must be the same before and after: K3s was not started anew, no disk step did a thing, and
# of each object the API server has nobody wrote what kiln-node is the owner of.
effects() {
	prop $unit InvocationID
	cat /proc/sys/kernel/random/boot_id
	grep -cE ' (disk (grow|entry)|ceph-disk accepted|k3s (join|found)) ' /var/lib/kiln/journal
	sfdisk -d "$(findmnt -no SOURCE / | sed 's/\[.*//; s/p\?[0-9]*$//')"
	[ $unit = k3s ] || return 0
	/usr/local/bin/k3s kubectl get -A --show-managed-fields \
		namespaces,configmaps,services,deployments,daemonsets,statefulsets,jobs,crds,buckets \
		-o jsonpath='{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.generation}{range .metadata.managedFields[?(@.manager=="kiln-node")]} {.time}{end}{"\n"}{end}' |
		grep -v '^ConfigMap/status-' # those it writes again and again
}
# back WORD: another process, which has been through all its steps
back() {
	local end=$((SECONDS + deadline))
	while [ $SECONDS -lt $end ]; do
		if [ "$(prop kiln-node NRestarts)" -gt "$restarts" ] && [ "$(prop kiln-node ActiveState)" = active ] &&
			[ /run/kiln/status.json -nt /run/kt-killed ] && kiln-node status | head -n 1 | grep -q ': ready'; then
			echo "ok - $1: back and ready $((SECONDS - end + deadline)) s later"
			return
		fi
		sleep 1
	done
	printf 'not ok - %s: back and ready\n%s\n' "$1" "$(kiln-node status 2>&1 | sed 's/^/#   /')"
}
# round WHAT SIGNAL
round() {
	before=$(effects)
	restarts=$(prop kiln-node NRestarts)
	touch /run/kt-killed
	systemctl kill -s "$2" kiln-node
	back "$1"
	is "$1: nothing was done a second time" "$(effects)" "$before"
}

is "kiln-node runs under systemd, with its watchdog" "$(prop kiln-node Type) $(prop kiln-node WatchdogUSec)" "notify 3min"
round "killed" KILL
# the same with a shorter patience: it takes the interval from systemd
mkdir -p $drop_in
printf '[Service]\nWatchdogSec=20\n' >$drop_in/kt.conf
systemctl daemon-reload
touch /run/kt-killed
restarts=-1
systemctl restart kiln-node
back "restarted"
round "hanging" STOP
is "hanging: it was the watchdog that saw it" "$(journalctl -q -b -u kiln-node -g 'Watchdog timeout' --no-pager | grep -c .)" 1
rm -rf $drop_in
systemctl daemon-reload
echo "# end"
