# Steps ceph-disk and disk of `kiln-node run` on files that stand for disks, with real OSDs.
SUITES += disks

.PHONY: test-disks
test-disks: $(O)/kiln-node
	$(Q)KILN_NODE=$(abspath $(O)/kiln-node) bash tests/disks/run.sh
