# kiln-init: static, without what an initrd does not need. No sanitizers, no PIE.
# libarchive reads the seed's tar and nothing else: gc-sections leave about 170 KB of it.
init_pkgs := blkid jansson libcrypto libarchive
init_libs := $(shell $(PKG_CONFIG) --libs-only-L $(init_pkgs) 2>/dev/null) -larchive -lblkid -ljansson -lcrypto

$(O)/libinit.a: $(call obj_of,$(filter-out firstboot/init/main.c,$(init_src)))

$(O)/kiln-init: $(O)/firstboot/init/main.o $(O)/libinit.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(OPT) $(CFLAGS) -static -Wl,--gc-sections,-z,relro,-z,now -o $@ $^ $(init_libs)
