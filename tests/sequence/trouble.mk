# The sequencer in trouble: one case a trouble, against one real API server.
# Written, and not yet run as a whole: it joins SUITES when it has passed, and lib.sh then takes the
# place of what run.sh has of it.

.PHONY: test-trouble
test-trouble: $(O)/kiln $(O)/tests/sequence/sequence-tool $(O)/tests/bundle/bundle-tool
	$(Q)CLUSTER_BIN=$$(bash tests/cluster/build.sh testk3s testk3s-agent kwok) && export CLUSTER_BIN && \
	KILN_DATADIR=$(abspath $(srcdir)) O=$(abspath $(O)) bash tests/sequence/trouble.sh
