# Twin roots (docs/base-roots.md): cases on packages made on the spot, and a real root against
# the same one built under qemu-user. The full list of the boards takes about 15 minutes.
SUITES += twin
SUITES_FULL += twin-full
TEST_BIN += $(O)/tests/twin/base-tool $(O)/tests/twin/twin-tool

$(O)/tests/twin/%.o: private all_cppflags += -I$(srcdir)builder
$(O)/tests/twin/base-tool $(O)/tests/twin/twin-tool: $(O)/tests/twin/%: $(O)/tests/twin/%.o \
		$(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)

.PHONY: test-twin test-twin-full
test-twin: $(O)/tests/twin/base-tool $(O)/tests/twin/twin-tool
	$(Q)bash tests/twin/sum.sh 'python3 tests/twin/cases.py $(O)/tests/twin/twin-tool' \
		'bash tests/twin/run.sh small $(O)'
test-twin-full: $(O)/tests/twin/base-tool data
	$(Q)bash tests/twin/run.sh full $(O)
