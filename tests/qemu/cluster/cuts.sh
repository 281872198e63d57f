# shellcheck shell=bash
# Power cuts of both nodes at ten points between power-on and all-up, and what must be so after
# them. Sourced by run.sh, which has the machines.
# shellcheck disable=SC2154 # run, seed, deadline, started: run.sh

# NODE|CONSOLE|SECONDS: the node's power fails up to so many seconds after its console said that, and
# comes back at once; what is cut is gone on with while the other points come. A node's points come
# in this order; a later pattern holds also when the cut before came so late that its part was done.
points=(
	'hen|imported seed|1'
	'goat|use zstd compression|1'
	'hen|first mount of filesystem|1'
	'goat|Repartition|3'
	'hen|kiln-node: hen.* k3s: waiting|20'
	'goat|kiln-node: goat.* k3s: waiting|10'
	'hen|kiln-node: hen.* (images|sequence): |5'
	'hen|kiln-node: hen( is ready|.* sequence: running: store)|4'
	'hen|kiln-node: hen( is ready|.* sequence: running: web)|2'
	'goat|kiln-node: goat is ready|3'
)
cuts=${CUTS:-0 1 2 3 4 5 6 7 8 9}

# next_point NODE: the first of the cuts that are left which is that node's, or nothing
next_point() {
	local i
	for i in $left; do
		[ "${points[i]%%|*}" != "$1" ] || { echo "$i" && return; }
	done
}
# cut_at I: at a moment of the seed's
cut_at() {
	local node said delay
	IFS=';' read -r node said delay <<<"$(sed 's/|/;/; s/\(.*\)|/\1;/' <<<"${points[$1]}")"
	# of the seed and the point alone, so that one point can be repeated by itself; the first number
	# of neighbouring seeds is nearly the same
	RANDOM=$((10#$seed * 16 + $1))
	: $RANDOM
	delay=$((RANDOM % (delay * 1000 + 1)))
	sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
	cut_power "$node"
	ok "cut $1: $node's power, $delay ms after '$said', $(after)"
	left=" $left "
	left=${left/ $1 / }
	start "$node"
}
power_cuts() {
	local end=$((SECONDS + 4 * deadline)) left=$cuts n i pattern
	echo "# KILN_QEMU_SEED=$seed CUTS='$cuts'"
	while [ -n "${left// /}" ]; do
		if [ $SECONDS -gt $end ] || ! kill -0 "${run[hen]}" "${run[goat]}"; then
			not_ok "these cuts came: $cuts" "left: $left
$(for n in hen goat; do echo "console of $n:" && console $n; done)"
			finish
		fi
		for n in hen goat; do
			i=$(next_point $n)
			[ -n "$i" ] || continue
			pattern=${points[i]#*|}
			! said $n "${pattern%|*}" || cut_at "$i"
		done
		sleep 0.2
	done
}

# journal_reads STEPS: every line of standard input has its checksum, every step has come to its end,
# and what has an effect on disk or membership stands there once ("disk grow" is the word before
# the deed, and may come twice when the power failed between the two)
journal_reads() {
	python3 -c '
import collections, sys, zlib
lines = sys.stdin.buffer.read().split(b"\n")
assert lines.pop() == b"" and lines, "it does not end with a whole line"
done, times = set(), collections.Counter()
for n, line in enumerate(lines, 1):
    assert int(line[:8], 16) == zlib.crc32(line[9:]), f"line {n} is damaged: {line}"
    time, step, event, detail = line[9:].decode().split(" ", 3)
    if event == "done":
        done.add(step)
    if (step, event) in (("ceph-disk", "accepted"), ("disk", "entry"), ("k3s", "join"), ("k3s", "found")):
        times[step, event, detail] += 1
never = set(sys.argv[1].split()) - done
assert not never, f"not done: {never}"
twice = [k for k, v in times.items() if v > 1]
assert not twice, f"done twice: {twice}"
' "$1"
}
# written_once: what the bundle has in the cluster was created once and written by Kiln in that
# moment, never again: after a power cut at least a boot lies between, of more than 30 s. A Namespace of
# which nothing but the name is set has no manager: it is seen only where Argo CD's mark is on it.
written_once() {
	lab_ssh hen sudo k3s kubectl get -A --show-managed-fields -o json \
		namespaces,serviceaccounts,configmaps,services,deployments,daemonsets,statefulsets,jobs,crds,buckets |
		python3 -c '
import datetime, json, sys
at = lambda s: datetime.datetime.fromisoformat(s.replace("Z", "+00:00")).timestamp()
seen, bad = set(), []
for o in json.load(sys.stdin)["items"]:
    m = o["metadata"]
    ours = [f for f in m.get("managedFields", []) if f["manager"] == "kiln" and not f.get("subresource")]
    if not ours or "kiln-system" in (m.get("namespace"), m["name"]):
        continue # the status and the inventory are written again and again
    name = o["kind"] + "/" + m["name"]
    seen.add(name)
    late = max(at(f["time"]) for f in ours) - at(m["creationTimestamp"])
    if late > 30 or m.get("generation", 1) != 1:
        g = m.get("generation")
        bad.append(f"{name}: written {late:.0f} s after it was created, generation {g}")
    if o["kind"] == "Job" and (o["status"].get("succeeded"), o["status"].get("failed", 0)) != (1, 0):
        s = o["status"]
        bad.append(f"{name}: {s}")
want = {"DaemonSet/net-stand-in", "StatefulSet/store", "Job/set-up-5d1c7e0a",
        "Bucket/first", "Deployment/web", "ConfigMap/pages", "CustomResourceDefinition/buckets.lab.example.org"}
assert want <= seen, f"not seen: {want - seen}"
assert not bad, "; ".join(bad)'
}
# as_if_nothing LABEL: what must be so after power cuts, on both nodes
as_if_nothing() {
	local n steps="clock ceph-disk disk host network k3s images labels sequence report"
	for n in hen goat; do
		check "$1: $n: its journal is whole, no step was done twice" journal_reads "$steps" \
			< <(lab_ssh $n sudo cat /var/lib/kiln/journal)
		check "$1: $n: Btrfs has met no error" lab_ssh $n sudo btrfs device stats --check /
		has "$1: $n: nor does it find one" "$(lab_ssh $n sudo btrfs scrub start -B / 2>&1)" 'no errors found'
		check "$1: $n: systemd's journal reads to its end" lab_ssh $n 'sudo journalctl -q -o cat | tail -n 1 | grep -q .'
		check "$1: $n: no unit has failed" lab_ssh $n 'f=$(systemctl list-units --failed --plain --no-legend); echo "$f"; [ -z "$f" ]'
		has "$1: $n: root has its size" "$(lab_ssh $n findmnt -bno SIZE / 2>&1)" '^17179869184$'
	done
	# "panicked: false" is a word of the API server about a request that took long
	check "$1: hen: etcd is whole" lab_ssh hen 'if sudo journalctl -q -b -u k3s | grep -iE "panic: |corrupt"; then false; fi'
	check "$1: each object was written once" written_once
}
