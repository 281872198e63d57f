# shellcheck shell=bash
# What rows apply, reapply and node-rss share: the platform's bundle (331 objects, 81 CRDs) to one fresh
# server each, by Kiln's sequencer, by `kubectl apply --server-side` in two passes, by a client that only
# sends the PATCHes. Requests are counted by the server's audit log, of that client alone (a count of
# all that the server answers has its own controllers' hundreds in it). Each measurement is made
# KILN_BENCH_ROUNDS times in turn; a row has the middle one.
#
# Without gates, without cert-manager's webhook, and hooks as plain objects (a Job of Garage's takes
# its second and a quarter), since the peers know none of them and wait for nothing: what is measured is
# to apply in order. Kiln still waits for what its kinds' rules ask (CRDs served, Namespaces usable,
# Deployments of cert-manager ready); suite `platform` brings all of it up with every gate.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export O=$KILN_BUILD
# shellcheck source=tests/platform/lib.sh
. "$srcdir/tests/platform/lib.sh"

apply_bundle() { # the platform's, without gates and webhooks
	platform_bundle "$work" || return 1
	python3 - "$bundle" "$work/plain.tar" <<-'EOF'
		import io, json, sys, tarfile
		src, dst = tarfile.open(sys.argv[1]), tarfile.open(sys.argv[2], "w", format=tarfile.USTAR_FORMAT)
		for m in src:
		    text = src.extractfile(m).read()
		    if m.name == "index.json":
		        index = json.loads(text)
		        for c in index["components"]:
		            c["gates"] = []
		            c["objects"] = [o for o in c["objects"] if not o["kind"].endswith("WebhookConfiguration")]
		            for o in c["objects"]:
		                if o["hook"]:
		                    o.update(hook=None, gate="none")
		        text = (json.dumps(index) + "\n").encode()
		        m.size = len(text)
		    dst.addfile(m, io.BytesIO(text))
		dst.close()
	EOF
	bundle=$work/plain.tar
	tar xf "$bundle" -C "$work"
	for part in crds rest; do
		jq -r --arg p $part '.components[].objects[] | select(.crd == ($p == "crds")) | .sha256' "$work/index.json" |
			while read -r sum; do
				cat "$work/objects/$sum.json"
				printf '\n---\n'
			done >"$work/$part.yaml"
	done
}
apply_server() {
	printf 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n' >"$work/policy.yaml"
	rm -f "$work/audit.log"
	cluster_start --disable-cloud-controller --kube-apiserver-arg "audit-log-path=$work/audit.log" \
		--kube-apiserver-arg "audit-policy-file=$work/policy.yaml" || return 1
	trap apply_exit EXIT
	cluster_nodes cow sheep >/dev/null
	platform_scenario | cluster_scenario
	sleep 3 # until its own first work is done
}
apply_exit() {
	cluster_stop
	rm -rf "$work"
}
requests() { jq -r --arg a "$1" 'select(.userAgent | startswith($a)) | .auditID' "$work/audit.log" | wc -l; }
# measured COMMAND...: seconds, peak RSS and peak private memory (MiB) of one process; of a function,
# of the largest process that it starts
measured() {
	local pid one t0 rss=0 private=0 p
	t0=$(now)
	"$@" >"$work/client.out" 2>"$work/client.err" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		for one in $pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do
			p=$(awk '/^Private_(Clean|Dirty)/ {s += $2} END {print s + 0}' "/proc/$one/smaps_rollup" 2>/dev/null)
			[ "${p:-0}" -gt "$private" ] && private=$p
			p=$(awk '/VmHWM/ {print $2}' "/proc/$one/status" 2>/dev/null)
			[ "${p:-0}" -gt "$rss" ] && rss=$p
		done
		sleep 0.05
	done
	wait $pid || { head -c 500 "$work/client.err" >&2; return 1; }
	awk -v a="$t0" -v b="$(now)" -v r="$rss" -v p="$private" 'BEGIN { printf "%.2f %.1f %.1f\n", b - a, r / 1024, p / 1024 }'
}
two_passes() { # what a person does: until it is in
	kubectl apply --server-side --field-manager=kiln -f "$work/crds.yaml" &&
		kubectl wait --for=condition=Established crd --all --timeout=120s || return 1
	for _ in 1 2 3; do
		kubectl apply --server-side --field-manager=kiln -f "$work/rest.yaml" && return 0
	done
	return 1
}
apply_round() { # results: NAME SECONDS REQUESTS RSS PRIVATE
	apply_server || return 1
	rm -rf "$work/state" && mkdir "$work/state"
	# shellcheck disable=SC2046
	set -- $(measured "$tool" "$KUBECONFIG" "$bundle" "$work/state" 300) && [ $# = 3 ] || return 1
	echo "kiln $1 $(requests kiln-node/) $2 $3"
	: >"$work/audit.log"
	# shellcheck disable=SC2046
	set -- $(measured "$tool" "$KUBECONFIG" "$bundle" "$work/state" 300) && [ $# = 3 ] || return 1
	echo "again $1 $(requests kiln-node/) $2 $3 $(jq '.created + .changed + .unchanged + .deleted' "$work/client.out")"
	cluster_stop
	apply_server || return 1
	# shellcheck disable=SC2046
	set -- $(measured two_passes) && [ $# = 3 ] || return 1
	echo "kubectl $1 $(requests kubectl) $2 $3"
	cluster_stop
	apply_server || return 1
	# shellcheck disable=SC2046
	set -- $(measured "$O/tests/bench/bare-apply" "$KUBECONFIG" "$bundle" 4) && [ $# = 3 ] || return 1
	echo "bare $1 $(requests kiln-node/) $2 $3"
	cluster_stop
}
apply_measure() {
	local n
	work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-bench.XXXXXX")
	trap apply_exit EXIT
	apply_bundle || return 1
	for n in $(seq "${KILN_BENCH_ROUNDS:-3}"); do
		apply_round || return 1
	done
}
# One measurement a run of the bench, whichever rows are asked for
apply_results() {
	results=${KILN_BENCH_RUN:-$bench_dir}/apply.txt
	if [ -n "${KILN_BENCH_RUN:-}" ] && [ -s "$results" ]; then return 0; fi
	mkdir -p "$bench_dir"
	if ! [ -d "$shared/bundle" ]; then
		echo "apply: skipped, no ../shared/bundle" >&2
		exit 0
	fi
	(apply_measure) >"$results.new" || return 1
	mv "$results.new" "$results"
	sed 's/^/# /' "$results" >&2
}
value() { # NAME FIELD: the middle of the rounds
	awk -v n="$1" -v f="$2" '$1 == n {print $f}' "$results" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}
