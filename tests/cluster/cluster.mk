# testk3s: a real Kubernetes with K3s' outside (README.md here)

.PHONY: testk3s
testk3s:
	@bash tests/cluster/build.sh testk3s testk3s-agent kwok >/dev/null
