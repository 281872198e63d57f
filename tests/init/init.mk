# The initrd and kiln-init with the real Debian kernels: contents, and boots under TCG.
SUITES += init
SUITES_VM += init init-full
SUITES_FULL += init-full

init_test_bin := $(O)/tests/init/mkinitrd $(O)/tests/init/lintdt $(O)/tests/init/testinit-amd64 $(O)/tests/init/testinit-arm64
TEST_BIN += $(init_test_bin)

$(O)/tests/init/mkinitrd: $(O)/tests/init/mkinitrd.o $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(lib_libs)
$(O)/tests/init/lintdt.o: private all_cppflags += -I$(srcdir)builder
$(O)/tests/init/lintdt: $(O)/tests/init/lintdt.o $(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)
$(O)/tests/init/testinit-amd64: tests/init/testinit.c
	@mkdir -p $(@D)
	$(Q)$(if $(filter amd64,$(deb_arch)),gcc,x86_64-linux-gnu-gcc) -O2 -Wall -static -D_GNU_SOURCE -o $@ $<
$(O)/tests/init/testinit-arm64: tests/init/testinit.c
	@mkdir -p $(@D)
	$(Q)$(if $(filter arm64,$(deb_arch)),gcc,aarch64-linux-gnu-gcc) -O2 -Wall -static -D_GNU_SOURCE -o $@ $<

.PHONY: test-init test-init-full
test-init: agent $(init_test_bin)
	$(Q)PYTHONDONTWRITEBYTECODE=1 python3 tests/init/run.py $(abspath $(O)) $(srcdir) $(INIT_TESTS)
test-init-full: agent $(init_test_bin)
	$(Q)PYTHONDONTWRITEBYTECODE=1 python3 tests/init/run.py $(abspath $(O)) $(srcdir) --full $(INIT_TESTS)
