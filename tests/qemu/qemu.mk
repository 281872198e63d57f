# Boots of baked images in QEMU (TCG). `qemu`: a few, for every CI run; `qemu-full`: all buses
# and bakes that go wrong; `qemu-cuts`: power cuts. All bake a real cluster first; see
# tests/qemu/lib.sh.
SUITES += qemu
SUITES_FULL += qemu-full qemu-cuts
SUITES_VM += qemu qemu-full qemu-cuts qemu-partition

# static, as tests/init/testinit: runs on the node
qemu_test_bin := $(O)/tests/qemu/kernel-probe-amd64 $(O)/tests/qemu/kernel-probe-arm64
TEST_BIN += $(qemu_test_bin)
$(O)/tests/qemu/kernel-probe-amd64: tests/qemu/kernel-probe.c
	@mkdir -p $(@D)
	$(Q)$(if $(filter amd64,$(deb_arch)),gcc,x86_64-linux-gnu-gcc) -O2 -Wall -std=gnu17 -static -D_GNU_SOURCE -o $@ $<
$(O)/tests/qemu/kernel-probe-arm64: tests/qemu/kernel-probe.c
	@mkdir -p $(@D)
	$(Q)$(if $(filter arm64,$(deb_arch)),gcc,aarch64-linux-gnu-gcc) -O2 -Wall -std=gnu17 -static -D_GNU_SOURCE -o $@ $<

.PHONY: test-qemu test-qemu-full test-qemu-cuts
test-qemu: all $(qemu_test_bin)
	$(Q)bash tests/qemu/run.sh $(abspath $(O)) default
test-qemu-full: all $(qemu_test_bin)
	$(Q)bash tests/qemu/run.sh $(abspath $(O)) full
test-qemu-cuts: all $(qemu_test_bin)
	$(Q)bash tests/qemu/run.sh $(abspath $(O)) cuts

# Root and Ceph on one disk, imaged anew beside a live OSD; two boots.
SUITES_FULL += qemu-partition
.PHONY: test-qemu-partition
test-qemu-partition: all
	$(Q)bash tests/qemu/partition.sh $(abspath $(O))
