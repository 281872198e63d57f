# Twin roots against emulated ones; see run.sh.
$(O)/tests/twin/%.o: private all_cppflags += -I$(srcdir)builder
$(O)/tests/twin/base-tool: $(O)/tests/twin/base-tool.o $(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)
$(O)/tests/twin/twin-tool: $(O)/tests/twin/twin-tool.o $(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)
