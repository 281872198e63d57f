# argocd.sh - the real Argo CD beside testk3s (bash; source it after lib.sh and tap.sh)
#
#	cluster_start
#	argocd_prepare || exit 1           # CRDs, settings, AppProject default: nothing runs yet
#	argocd_start --app-resync 5        # redis, repo-server, application-controller; the controller's options
#	argocd_logs                        # the last lines, when a case has failed
#
# Repositories are file:// URLs of this machine. What was started ends with cluster_stop.

argocd_prepare() {
	bash "$CLUSTER_HERE/build.sh" argocd >/dev/null || return 1
	kubectl create namespace argocd >/dev/null
	kubectl apply --server-side -f "$CLUSTER_BIN/argocd-crds.yaml" >/dev/null
	kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
	argocd_settings
}

# argocd_settings - what its processes read before they start, in a namespace that is there
argocd_settings() {
	local cm
	for cm in argocd-cm argocd-rbac-cm argocd-ssh-known-hosts-cm argocd-tls-certs-cm argocd-gpg-keys-cm; do
		kubectl create configmap -n argocd $cm >/dev/null
		kubectl label configmap -n argocd $cm app.kubernetes.io/part-of=argocd >/dev/null
	done
	kubectl create secret generic -n argocd argocd-secret --from-literal=server.secretkey=x --from-literal=admin.password=x >/dev/null
	kubectl label secret -n argocd argocd-secret app.kubernetes.io/part-of=argocd >/dev/null
	kubectl apply -f - >/dev/null <<'EOF'
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
EOF
}

argocd_start() {
	local n redis repo metrics
	for n in repo-server application-controller; do ln -s "$CLUSTER_BIN/argocd" "$CLUSTER_DIR/argocd-$n"; done
	redis=$(cluster_port) repo=$(cluster_port) metrics=$(cluster_port)
	CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $redis $repo $metrics"
	export ARGOCD_GPG_ENABLED=false ARGOCD_FAKE_IN_CLUSTER=true HOME=$CLUSTER_DIR
	git config --global safe.directory '*'
	redis-server --port "$redis" --bind 127.0.0.1 --save '' --dir "$CLUSTER_DIR" >"$CLUSTER_DIR/redis.log" 2>&1 &
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
	"$CLUSTER_DIR/argocd-repo-server" --disable-tls --address 127.0.0.1 --port "$repo" --metrics-port "$((repo + 1))" \
		--redis "127.0.0.1:$redis" >"$CLUSTER_DIR/repo.log" 2>&1 &
	CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
	"$CLUSTER_DIR/argocd-application-controller" --kubeconfig "$KUBECONFIG" -n argocd --repo-server "127.0.0.1:$repo" \
		--repo-server-plaintext --redis "127.0.0.1:$redis" --metrics-port "$metrics" "$@" >"$CLUSTER_DIR/controller.log" 2>&1 &
	CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
}

argocd_logs() {
	tail -3 "$CLUSTER_DIR/controller.log" "$CLUSTER_DIR/repo.log" | cut -c1-400 | sed 's/^/#   /'
}
