# mkfs-repro.so: preloaded into mkfs.btrfs by bake; for the desk's own architecture
ifeq ($(CROSS_COMPILE),)
$(O)/share/kiln/mkfs-repro.so: builder/repro/mkfs-repro.c
	@mkdir -p $(@D)
	@echo '  SO      $@'
	$(Q)$(CC) -std=gnu17 -O2 $(warnings) -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -Wl,-z,relro,-z,now -o $@ $<
data: $(O)/share/kiln/mkfs-repro.so
endif
