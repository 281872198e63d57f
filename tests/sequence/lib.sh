# lib.sh - bundles of our own, the sequencer alone, and what came of it (bash; source it)
#
# Needs O (build folder), KILN_DATADIR and CLUSTER_BIN, as sequence.mk gives them; sets work (a folder) and
# counts in passed and failed. tests/cluster/lib.sh is taken in here.

# shellcheck source=tests/cluster/lib.sh
. tests/cluster/lib.sh
here=tests/sequence passed=0 failed=0
tool=${O:?}/tests/sequence/sequence-tool
work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-sequence.XXXXXX")
export KILN_CACHE=$work/cache SEQUENCE_EACH_TURN=1
at_exit() {
	[ "$BASHPID" = "$$" ] || return 0 # a child that is ended before its exec
	cluster_stop
	rm -rf "$work"
}

ok() { passed=$((passed + 1)); }
check() { # NAME COMMAND...
	local name=$1
	shift
	[ -z "${KILN_TRACE:-}" ] || echo "# at $SECONDS s: $name"
	if "$@" >"$work/out" 2>&1; then
		ok
	else
		echo "FAIL $name: $(head -c 1500 "$work/out")"
		failed=$((failed + 1))
	fi
}

# bundle NAME [VALUE [MANIFEST [COMPONENT]]]: component NAME and, after it, NAME-more with 60 ConfigMaps and
# the manifest -> $work/NAME.tar; a COMPONENT that lies there already comes first
bundle() {
	local name=$1 d=$work/src-$1 n
	mkdir -p "$d/$name" "$d/$name-more"
	sed "s/NAME/$name/g" $here/component.yaml >"$d/$name/component.yaml"
	sed "s/NAME/$name/g" $here/objects.yaml >"$d/$name/objects.yaml"
	cat >"$d/$name-more/component.yaml" <<-E
		kiln: 1
		description: what comes after
		namespace: $name
		after: [$name]
		sources: [{manifests: [m.yaml]}]
		gates:
		- {name: deployment-available, hard: false, args: {namespace: $name, name: later}}
	E
	for n in $(seq 60); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%s, namespace: %s}\ndata: {a: "%s"}\n' "$n" "$name" "${2:-b}"
	done >"$d/$name-more/m.yaml"
	printf '%s' "${3:-}" >>"$d/$name-more/m.yaml"
	pack "$name" ${4:+"$4"} "$name" "$name-more"
}

# small NAME [LINE...]: one component NAME of the objects on standard input; lines of its component.yaml may follow
small() {
	local name=$1 d=$work/src-$1
	shift
	rm -rf "$d"
	mkdir -p "$d/$name"
	printf '%s\n' 'kiln: 1' 'description: a small one' "namespace: $name" 'sources: [{manifests: [objects.yaml]}]' \
		'provides: [cni]' "$@" >"$d/$name/component.yaml"
	cat >"$d/$name/objects.yaml"
	pack "$name" "$name"
}

# pack NAME COMPONENT...: $work/src-NAME -> $work/NAME.tar
pack() {
	local name=$1 d=$work/src-$1 c path
	shift
	{
		cat $here/cluster.yaml
		for c; do echo "- $c: {path: ./$c}"; done
	} >"$d/cluster.yaml"
	rm -rf "$d/.kiln"
	if [ -d "$work/identity" ]; then
		cp -r "$work/identity" "$d/.kiln"
	else
		"$O/kiln" init "$d/cluster.yaml" >"$work/init.log" 2>&1 || cat "$work/init.log"
		cp -r "$d/.kiln" "$work/identity"
	fi
	path=$("$O/tests/bundle/bundle-tool" "$d/cluster.yaml" | cut -d' ' -f2) || return 1
	cp "$path" "$work/$name.tar"
}

run() { # NAME: until all is done; what it says, a line a turn, is in $work/NAME.json
	begin "$1"
	ends
}

# begin NAME ... ends: the same in the background; comes NAME JQ-CONDITION waits for what it says meanwhile
begin() {
	mkdir -p "$work/state-$1"
	"$tool" "$KUBECONFIG" "$work/$1.tar" "$work/state-$1" $((60 * CLUSTER_PATIENCE)) >"$work/$1.json" 2>"$work/$1.err" &
	tool_pid=$! tool_name=$1
}
ends() {
	wait "$tool_pid" || {
		cat "$work/$tool_name.err"
		tail -n 1 "$work/$tool_name.json"
		return 1
	}
}
comes() { cluster_wait 60 is "$1" "$2"; }

# run_until NAME JQ-CONDITION: for what does not get done
run_until() {
	local status
	begin "$1"
	comes "$1" "$2"
	status=$?
	kill -9 "$tool_pid"
	wait "$tool_pid" 2>/dev/null
	return $status
}

is() { # NAME JQ-CONDITION: of the last line
	tail -n 1 "$work/$1.json" >"$work/last.json"
	[ -s "$work/last.json" ] && jq -e "$2" "$work/last.json" || {
		cat "$work/last.json" "$work/$1.err"
		return 1
	}
}

kinds=configmaps,secrets,serviceaccounts,services,deployments,daemonsets,statefulsets,jobs

# objects NAME: all that the bundle made, managers of fields included, without what time and chance give
objects() {
	kubectl -n "$1" get "$kinds,things.$1.kiln.test" -o json --show-managed-fields |
		jq -S '[.items[] | select(.metadata.name | IN("kube-root-ca.crt", "default", "brief") | not)
			| .metadata |= (del(.uid, .resourceVersion, .creationTimestamp)
				| .managedFields |= [.[]? | select(.manager == "kiln") | del(.time)])
			| (if .kind == "Job" then del(.metadata.labels) else . end)
			| del(.status, .spec.clusterIP, .spec.clusterIPs, .spec.selector, .spec.template)]' |
		sed "s/$1/NAME/g"
}

# versions NAME: what any write of ours would move; where controllers write too (their last word on a
# status may come late) that is the generation and our own entry's time
versions() {
	kubectl -n "$1" get "$kinds" -o json --show-managed-fields | jq -c '[.items[] | select(.metadata.name != "brief")
		| [.kind, .metadata.name, .metadata.uid, .metadata.generation // .metadata.resourceVersion,
			[.metadata.managedFields[]? | select(.manager == "kiln") | .time]]]'
}
