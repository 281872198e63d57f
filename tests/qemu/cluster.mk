# Two nodes, x86 and arm64, on one network segment in QEMU (TCG). `qemu-cluster`: a foreign CA refused,
# the power of each cut once, kiln-node killed and hanging, what is on both nodes, hand-over to the real
# Argo CD; `qemu-cluster-full`: power cuts of both nodes at ten points and of both at once, then the same.
SUITES += qemu-cluster
SUITES_FULL += qemu-cluster-full
SUITES_VM += qemu-cluster qemu-cluster-full
.PHONY: test-qemu-cluster test-qemu-cluster-full
test-qemu-cluster: all $(O)/tests/qemu/kernel-probe-amd64
	$(Q)bash tests/qemu/cluster/run.sh $(abspath $(O)) default
test-qemu-cluster-full: all
	$(Q)bash tests/qemu/cluster/run.sh $(abspath $(O)) full
