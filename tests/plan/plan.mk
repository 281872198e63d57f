# kiln plan on the command line, and every kind of rendered file judged by the program that reads it.
SUITES += plan
TEST_BIN += $(O)/tests/plan/seed-write $(O)/tests/plan/seed-read
.PHONY: test-plan
test-plan: all $(O)/tests/plan/seed-write $(O)/tests/plan/seed-read
	$(Q)sh tests/plan/run.sh $(abspath $(O)) $(abspath $(srcdir))

# The two halves that meet on a seed: the builder's writer, kiln-init's reader.
$(O)/tests/plan/seed-write.o: private all_cppflags += -I$(srcdir)builder
$(O)/tests/plan/seed-read.o: private all_cppflags += -I$(srcdir)firstboot/init
$(O)/tests/plan/seed-write: $(O)/tests/plan/seed-write.o $(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)
$(O)/tests/plan/seed-read: $(O)/tests/plan/seed-read.o $(O)/libinit.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(lib_libs)

# The same files by the nodes' own programs, in a base root that a bake left in the cache.
SUITES_FULL += plan-target
.PHONY: test-plan-target
test-plan-target:
	$(Q)sh tests/plan/target.sh $(abspath $(srcdir))
