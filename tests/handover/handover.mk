# Components go over to the real Argo CD (its build takes minutes: tests/cluster/build.sh).
SUITES_FULL += handover
.PHONY: test-handover
test-handover: $(O)/tests/sequence/sequence-tool
	$(Q)O=$(abspath $(O)) bash tests/handover/run.sh
