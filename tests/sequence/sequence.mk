# The sequencer against a real API server: cold, cut off, resumed, without work to do, in trouble.
SUITES += sequence
TEST_BIN += $(O)/tests/sequence/sequence-tool

$(O)/tests/sequence/%.o: private all_cppflags += -I$(srcdir)firstboot
$(O)/tests/sequence/sequence-tool: $(O)/tests/sequence/sequence-tool.o $(O)/libfirstboot.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(lib_libs)

.PHONY: test-sequence
test-sequence: $(O)/kiln $(O)/kiln-node $(O)/tests/sequence/sequence-tool $(O)/tests/bundle/bundle-tool
	$(Q)CLUSTER_BIN=$$(bash tests/cluster/build.sh testk3s testk3s-agent kwok) && export CLUSTER_BIN && \
	KILN_DATADIR=$(abspath $(srcdir)) O=$(abspath $(O)) bash tests/sequence/run.sh

# The same, and two control-planes of which one is stopped in the middle (a minute of waiting for a Lease)
SUITES_FULL += sequence-leader
.PHONY: test-sequence-leader
test-sequence-leader:
	$(Q)KILN_LEADER=1 $(MAKE) --no-print-directory test-sequence
