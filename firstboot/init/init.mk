# kiln-init: static, without what an initrd does not need. No sanitizers, no PIE.
init_libs := $(shell $(PKG_CONFIG) --static --libs blkid 2>/dev/null)

$(O)/kiln-init: $(call obj_of,$(init_src)) $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(OPT) $(CFLAGS) -static -Wl,--gc-sections -o $@ $^ $(init_libs)
