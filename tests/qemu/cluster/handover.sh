#!/usr/bin/env bash
# The real Argo CD, beside the machines, takes over what Kiln has brought up in them: nothing is written
# for that, its controller then owns every field, and a commit arrives and stays.
#
# usage: handover.sh KILN, in the cluster's folder with both machines up and git/ served; prints as
# the scripts that run on a node do
set -u
kiln=$1
srcdir=$(cd "$(dirname "$0")/../../.." && pwd)
# shellcheck source=tests/qemu/machines.sh
. "$srcdir/tests/qemu/machines.sh"
# shellcheck source=tests/cluster/lib.sh
. "$srcdir/tests/cluster/lib.sh"
# shellcheck source=tests/cluster/argocd.sh
. "$srcdir/tests/cluster/argocd.sh"
components='net store web argocd'

cluster_bin || exit 1
CLUSTER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kiln-handover.XXXXXX") || exit 1
CLUSTER_SHELL=$BASHPID
trap cluster_stop EXIT
export KUBECONFIG=$CLUSTER_DIR/kubeconfig KUBECACHEDIR=$CLUSTER_DIR/cache
"$kiln" kubeconfig -o - | sed "s|server: .*|server: https://127.0.0.1:$(jq -r .nodes.hen.api forwards.json)|" >"$KUBECONFIG"

objects() { # what has an Application, of the two components that have a Namespace of their own
	kubectl get namespace/store namespace/web crd/buckets.lab.example.org -o json --show-managed-fields
	kubectl get -n store service/store statefulset/store job/set-up-5d1c7e0a bucket/first -o json --show-managed-fields
	kubectl get -n web configmap/pages service/web deployment/web -o json --show-managed-fields
}
values() { objects | jq -S '.items[] | del(.status, .metadata.managedFields, .metadata.resourceVersion)'; }
appliers() { objects | jq -r '.items[].metadata.managedFields[] | select(.operation == "Apply" and .subresource == null) | .manager' | sort -u; }
handed() { # in the cluster's own inventory
	local c
	for c in $components; do
		kubectl get configmap -n kiln-system inventory -o json | jq -r --arg c "$c" '.data[$c]' | grep -qx handed-over || {
			echo "$c is not handed over"
			kubectl get applications -n argocd -o json |
				jq -c '.items[] | [.metadata.name, .status.sync.status, .status.health.status, .status.conditions]'
			return 1
		}
	done
}
page() { kubectl get configmap -n web pages -o json | jq -r '.data["index.html"]'; }
arrived() { [ "$(page)" = '<h1>Of Git</h1>' ]; }

check "the cluster answers the administrator" kubectl get --raw /readyz
check "what is compared is all there" test "$(objects | jq -s '[.[].items[]] | length')" = 10
values >"$CLUSTER_DIR/before"
check "before, all fields are Kiln's" test "$(appliers)" = kiln
argocd_settings
argocd_start --app-resync 30
check "each component is handed over" cluster_wait 240 handed
check "no sync operation was needed" test -z "$(kubectl get applications -n argocd -o jsonpath='{.items[*].status.operationState.phase}')"
values >"$CLUSTER_DIR/after"
check "no value is another, no object has a new generation" diff "$CLUSTER_DIR/before" "$CLUSTER_DIR/after"
check "the only applier is argocd-controller" test "$(appliers)" = argocd-controller

jq '.data["index.html"] = "<h1>Of Git</h1>"' work/web/web.configmaps.pages.json >page.new && mv page.new work/web/web.configmaps.pages.json
check "a commit" git -C work -c user.name=t -c user.email=t@example.org commit -qam two
check "is pushed" git -C work push -q ../git/lab.git HEAD:main
kubectl annotate application -n argocd web argocd.argoproj.io/refresh=hard >/dev/null
check "it arrives" cluster_wait 120 arrived
sleep 30
check "and stays" arrived
check "kiln status says who has it" sh -c "'$kiln' status --json --forwards forwards.json -i key | grep -q handed-over"
[ "$failed" = 0 ] || argocd_logs
echo "# end"
