# The sequencer in trouble: one case a trouble, against one real API server (two to three minutes).
SUITES_FULL += trouble

.PHONY: test-trouble
test-trouble: $(O)/kiln $(O)/tests/sequence/sequence-tool $(O)/tests/bundle/bundle-tool
	$(Q)CLUSTER_BIN=$$(bash tests/cluster/build.sh testk3s testk3s-agent kwok) && export CLUSTER_BIN && \
	KILN_DATADIR=$(abspath $(srcdir)) O=$(abspath $(O)) bash tests/sequence/trouble.sh
