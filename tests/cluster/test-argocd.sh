#!/bin/bash
# Argo CD's real controller and repo-server beside testk3s: is an object that
# was applied with its tracking-id Synced at the first comparison?
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
bundle=${KILN_SHARED:-$here/../../../shared}/bundle
if [ ! -d "$bundle" ] || ! command -v redis-server >/dev/null; then
	t_skip 3 'Argo CD needs ../shared/bundle for its CRDs, and redis-server'
	t_done
	exit
fi
cluster_start || exit 1
[ -x "$CLUSTER_BIN/argocd" ] || bash "$here/build.sh" argocd >/dev/null || exit 1
kubectl create namespace argocd >/dev/null
kubectl create namespace apps >/dev/null
kubectl apply --server-side -f "$bundle/05-argocd/crds.yaml" >/dev/null
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
for cm in argocd-cm argocd-rbac-cm argocd-ssh-known-hosts-cm argocd-tls-certs-cm argocd-gpg-keys-cm; do
	kubectl create configmap -n argocd $cm >/dev/null
	kubectl label configmap -n argocd $cm app.kubernetes.io/part-of=argocd >/dev/null
done
kubectl create secret generic -n argocd argocd-secret --from-literal=server.secretkey=x --from-literal=admin.password=x >/dev/null
kubectl label secret -n argocd argocd-secret app.kubernetes.io/part-of=argocd >/dev/null

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

for n in repo-server application-controller; do ln -s "$CLUSTER_BIN/argocd" "$CLUSTER_DIR/argocd-$n"; done
r=$(cluster_port) s=$(cluster_port) m=$(cluster_port)
CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $r $s $m"
export ARGOCD_GPG_ENABLED=false ARGOCD_FAKE_IN_CLUSTER=true HOME=$CLUSTER_DIR
git config --global safe.directory '*'
redis-server --port "$r" --bind 127.0.0.1 --save '' --dir "$CLUSTER_DIR" >"$CLUSTER_DIR/redis.log" 2>&1 &
CLUSTER_AGENTS=$!
"$CLUSTER_DIR/argocd-repo-server" --disable-tls --address 127.0.0.1 --port "$s" --metrics-port "$((s + 1))" \
	--redis "127.0.0.1:$r" >"$CLUSTER_DIR/repo.log" 2>&1 &
CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
"$CLUSTER_DIR/argocd-application-controller" --kubeconfig "$KUBECONFIG" -n argocd --repo-server "127.0.0.1:$s" \
	--repo-server-plaintext --redis "127.0.0.1:$r" --metrics-port "$m" >"$CLUSTER_DIR/controller.log" 2>&1 &
CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
kubectl apply -f - >/dev/null <<'EOF'
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
EOF
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
[ "$t_bad" = 0 ] || tail -3 "$CLUSTER_DIR/controller.log" "$CLUSTER_DIR/repo.log" | cut -c1-400 | sed 's/^/#   /'
t_done
