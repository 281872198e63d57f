# What `kiln-node probe` says of real disks, made on the spot by the tools that make them.
SUITES += probe

.PHONY: test-probe
test-probe: $(O)/kiln-node
	$(Q)KILN_NODE=$(abspath $(O)/kiln-node) bash tests/probe/run.sh
SUITES_FULL += probe-full
.PHONY: test-probe-full
test-probe-full: $(O)/kiln-node
	$(Q)KILN_FULL=1 KILN_NODE=$(abspath $(O)/kiln-node) bash tests/probe/run.sh
