#!/bin/bash
# Argo CD's real controller and repo-server beside testk3s: is an object that
# was applied with its tracking-id Synced at the first comparison?
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
. "$here/argocd.sh"
cluster_start || exit 1
argocd_prepare || exit 1
kubectl create namespace apps >/dev/null

repo=$CLUSTER_DIR/repo
for app in stamped bare; do
	mkdir -p "$repo/$app"
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: apps}\ndata: {a: b}\n' $app >"$repo/$app/cm.yaml"
done
git -C "$repo" init -q -b main && git -C "$repo" add . && git -C "$repo" -c user.name=t -c user.email=t@example.org commit -qm one
kubectl apply --server-side --field-manager=kiln -f - >/dev/null <<'EOF'
apiVersion: v1
kind: ConfigMap
metadata:
  name: stamped
  namespace: apps
  annotations: {argocd.argoproj.io/tracking-id: 'stamped:/ConfigMap:apps/stamped'}
data: {a: b}
EOF
kubectl apply --server-side --field-manager=kiln -f "$repo/bare/cm.yaml" >/dev/null

argocd_start
for app in stamped bare; do
	kubectl apply -f - >/dev/null <<EOF
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: $app, namespace: argocd}
spec:
  project: default
  source: {repoURL: 'file://$repo', path: $app, targetRevision: main}
  destination: {server: 'https://kubernetes.default.svc', namespace: apps}
EOF
done
sync() { kubectl get application -n argocd "$1" -o jsonpath='{.status.sync.status}'; }
compared() { case $(sync "$1") in Synced | OutOfSync) ;; *) return 1 ;; esac; }
t 'both Applications are compared' cluster_wait 60 eval 'compared stamped && compared bare'
t_has 'with its tracking-id an object is Synced at the first comparison' Synced sync stamped
t_has 'without it OutOfSync' OutOfSync sync bare
[ "$t_bad" = 0 ] || argocd_logs
t_done
