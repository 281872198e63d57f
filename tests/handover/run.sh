#!/usr/bin/env bash
# Hand-over to the real Argo CD: what Kiln applied with its tracking-ids is Synced at once, becomes
# Argo CD's without a change of any value, and a change in Git arrives whole and stays.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/cluster/lib.sh
. tests/cluster/lib.sh
# shellcheck source=tests/cluster/tap.sh
. tests/cluster/tap.sh
# shellcheck source=tests/cluster/argocd.sh
. tests/cluster/argocd.sh
tool=${O:?}/tests/sequence/sequence-tool
cluster_start --disable-cloud-controller || exit 1
argocd_prepare || exit 1
cluster_nodes cow >/dev/null
repo=$CLUSTER_DIR/repo
python3 tests/handover/make-bundle.py "$repo" "$CLUSTER_DIR/one.tar"
commit() { git -C "$repo" add -A && git -C "$repo" -c user.name=t -c user.email=t@example.org commit -qm "$1"; }
git init -q -b main "$repo" && commit one
mkdir "$CLUSTER_DIR/state"
run() { # BUNDLE SECONDS [hand-over]
	SEQUENCE_HAND_OVER=${3:-} timeout $(($2 + 30)) "$tool" "$KUBECONFIG" "$CLUSTER_DIR/$1.tar" "$CLUSTER_DIR/state" "$2" >"$CLUSTER_DIR/run.json"
}
waits() { # hand-over that is not due ends with the time
	env SEQUENCE_HAND_OVER=1 timeout 60 "$tool" "$KUBECONFIG" "$CLUSTER_DIR/one.tar" "$CLUSTER_DIR/state" "$1" >"$CLUSTER_DIR/run.json"
	cat "$CLUSTER_DIR/run.json"
}
is() { jq -e "$1" "$CLUSTER_DIR/run.json" >/dev/null || { cat "$CLUSTER_DIR/run.json"; return 1; }; }
objects() {
	kubectl get crd/wares.shop.kiln.test namespace/shop clusterrole/shop -o json --show-managed-fields
	kubectl get -n shop cm/shop svc/shop deployment/shop wares.shop.kiln.test/shoe -o json --show-managed-fields
}
# values NAME: all but status, versions and who manages what
values() { objects | jq -S '.items[] | del(.status, .metadata.managedFields, .metadata.resourceVersion)'; }
generations() { objects | jq -c '.items[] | [.kind, .metadata.generation]'; }
appliers() { objects | jq -r '.items[].metadata.managedFields[] | select(.operation == "Apply" and .subresource == null) | .manager' | sort -u; }
applied_fields() { # the union of what is applied, whoever did
	objects | jq -Sc '.items[] | [.kind, ([.metadata.managedFields[] | select(.operation == "Apply" and .subresource == null) | .fieldsV1] | add)]'
}
app() { kubectl get application -n argocd shop -o jsonpath="$1"; }

t 'Kiln brings it up' run one 60
t 'eight objects and the Application' is '.done and .created == 9'
values >"$CLUSTER_DIR/values.before"
generations >"$CLUSTER_DIR/generations.before"
applied_fields >"$CLUSTER_DIR/fields.before"
t_has 'without Argo CD nothing is handed over, and it says so' 'Argo CD has not taken over shop' waits 2
t 'its fields are Kiln'"'"'s' test "$(appliers)" = kiln

argocd_start --app-resync 5
t 'the component is handed over once its Application is Synced and Healthy' run one 180 1
t 'it says so' is '.done and .components.shop.state == "handed-over" and .changed + .created + .deleted == 0'
t 'no sync operation was needed' test -z "$(app '{.status.operationState.phase}')"
generations >"$CLUSTER_DIR/generations.after"
t 'nothing changed a field' cmp "$CLUSTER_DIR/generations.before" "$CLUSTER_DIR/generations.after"
values >"$CLUSTER_DIR/values.after"
t 'no value is another' cmp "$CLUSTER_DIR/values.before" "$CLUSTER_DIR/values.after"
t 'the only applier is argocd-controller' test "$(appliers)" = argocd-controller
applied_fields >"$CLUSTER_DIR/fields.after"
t 'of every field that was Kiln'"'"'s' cmp "$CLUSTER_DIR/fields.before" "$CLUSTER_DIR/fields.after"
handed() { kubectl get cm -n kiln-system inventory -o jsonpath='{.data.shop}' | grep -qx handed-over; }
t 'it stands in the cluster' handed

# a change in Git: another image, a key and a port gone
jq '.spec.template.spec.containers[0].image = "kiln.test/shop:2"' "$repo/shop/deployments.yaml" >"$repo/x" && mv "$repo/x" "$repo/shop/deployments.yaml"
jq 'del(.data.drop)' "$repo/shop/configmaps.yaml" >"$repo/x" && mv "$repo/x" "$repo/shop/configmaps.yaml"
jq 'del(.spec.ports[1])' "$repo/shop/services.yaml" >"$repo/x" && mv "$repo/x" "$repo/shop/services.yaml"
commit two
arrived() {
	[ "$(kubectl get deployment -n shop shop -o jsonpath='{.spec.template.spec.containers[0].image}')" = kiln.test/shop:2 ] &&
		[ "$(kubectl get cm -n shop shop -o json | jq -c .data)" = '{"keep":"1"}' ] &&
		[ "$(kubectl get svc -n shop shop -o json | jq -c '[.spec.ports[].port]')" = '[80]' ]
}
kubectl annotate application -n argocd shop argocd.argoproj.io/refresh=hard >/dev/null
t 'the commit arrives whole' cluster_wait 120 arrived
python3 tests/handover/make-bundle.py "$repo" "$CLUSTER_DIR/three.tar" kiln.test/shop:3
t 'a later bundle' run three 30
t 'applies nothing of it again' is '.done and .created + .changed + .unchanged + .deleted == 0'
sleep 3
t 'and the commit stays' arrived
[ "$t_bad" = 0 ] || argocd_logs
t_done
