# Every gate of the closed list against a real API server: refusing while all pods are Ready, and open.
SUITES += gates
TEST_BIN += $(O)/tests/gates/gate-tool

$(O)/tests/gates/%.o: private all_cppflags += -I$(srcdir)firstboot
$(O)/tests/gates/gate-tool: $(O)/tests/gates/gate-tool.o $(O)/libfirstboot.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(lib_libs)

.PHONY: test-gates
test-gates: $(O)/tests/gates/gate-tool
	$(Q)CLUSTER_BIN=$$(bash tests/cluster/build.sh testk3s testk3s-agent kwok certmanager coredns) && export CLUSTER_BIN && \
	O=$(abspath $(O)) bash tests/gates/run.sh
