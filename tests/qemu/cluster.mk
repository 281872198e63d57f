# Two nodes, x86 and arm64, on one network segment in QEMU (TCG). `qemu-cluster`: join and all
# components, a foreign CA refused; `qemu-cluster-full`: power cuts of both nodes too. In neither
# SUITES nor SUITES_FULL until it was run and timed on two quiet cores.
.PHONY: test-qemu-cluster test-qemu-cluster-full
test-qemu-cluster: all
	$(Q)bash tests/qemu/cluster/run.sh $(abspath $(O)) default
test-qemu-cluster-full: all
	$(Q)bash tests/qemu/cluster/run.sh $(abspath $(O)) full
