# kiln-node run against a real API server, in a network namespace of its own.
SUITES += node

.PHONY: test-node
test-node: $(O)/kiln-node $(O)/kiln $(O)/tests/bundle/bundle-tool
	$(Q)CLUSTER_BIN=$$(bash tests/cluster/build.sh testk3s testk3s-agent kwok) && export CLUSTER_BIN && \
	KILN=$(abspath $(O)/kiln) BUNDLE_TOOL=$(abspath $(O)/tests/bundle/bundle-tool) \
	KILN_NODE=$(abspath $(O)/kiln-node) unshare -n -m bash tests/node/run.sh

# The step `sequence` alone, with a bundle of the builder (a minute)
SUITES_FULL += node-sequence
.PHONY: test-node-sequence
test-node-sequence:
	$(Q)ONLY=platform $(MAKE) --no-print-directory test-node
