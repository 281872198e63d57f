# Boots of baked images in QEMU (TCG). `qemu`: a few, for every CI run; `qemu-full`: all
# buses and power cuts. Both bake a real cluster first; see tests/qemu/lib.sh.
SUITES += qemu
SUITES_FULL += qemu-full

.PHONY: test-qemu test-qemu-full
test-qemu: all
	$(Q)bash tests/qemu/run.sh $(abspath $(O)) default
test-qemu-full: all
	$(Q)bash tests/qemu/run.sh $(abspath $(O)) full
