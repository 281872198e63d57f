# make bench [ROW=name]: Kiln and its peers on the same work in one run.
# A row is tests/bench/row-<name>.sh; it prints by row().
.PHONY: bench
bench: all $(O)/tests/bench/bare-apply $(O)/tests/sequence/sequence-tool $(O)/tests/bundle/bundle-tool
	$(Q)bash tests/bench/bench.sh $(abspath $(O)) $(ROW)

$(O)/tests/bench/%.o: private all_cppflags += -I$(srcdir)firstboot
$(O)/tests/bench/bare-apply: $(O)/tests/bench/bare-apply.o $(O)/libfirstboot.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(lib_libs)
