# testk3s: a real Kubernetes with K3s' outside (README.md here)

.PHONY: testk3s test-cluster
testk3s:
	@bash tests/cluster/build.sh testk3s testk3s-agent kwok certmanager coredns argocd >/dev/null

SUITES += cluster
test-cluster:
	@bash tests/cluster/run.sh test-units.sh test-outside.sh test-join.sh test-scenario.sh
