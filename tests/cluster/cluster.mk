# testk3s: a real Kubernetes with K3s' outside (README.md here)

.PHONY: testk3s test-cluster test-cluster-neighbours
testk3s:
	@bash tests/cluster/build.sh testk3s testk3s-agent kwok certmanager coredns argocd >/dev/null

SUITES += cluster
# built before the first test's own time begins to run
test-cluster:
	@bash tests/cluster/build.sh testk3s testk3s-agent kwok certmanager >/dev/null
	@bash tests/cluster/run.sh test-units.sh test-outside.sh test-join.sh test-agents.sh test-scenario.sh test-bundle.sh

SUITES_FULL += cluster-neighbours
test-cluster-neighbours:
	@bash tests/cluster/run.sh test-servers.sh test-beside.sh test-coredns.sh test-argocd.sh
