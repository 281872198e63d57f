# Unit tests: tests/unit/<part>/test-x.c mirrors <part>/x.c and links that part without its main.
SUITES += unit

unit_src := $(wildcard tests/unit/*/test-*.c)
unit_bin := $(patsubst %.c,$(O)/%,$(unit_src))
TEST_BIN += $(unit_bin)
unit_common := $(call obj_of,$(wildcard tests/unit/*.c))
unit_wraps := $(shell sed -n 's/^\([a-z0-9_]*\)$$/-Wl,--wrap=\1/p' tests/unit/fault.list 2>/dev/null)

$(O)/tests/unit/%.o: private all_cppflags += -I$(srcdir)tests/unit
$(O)/tests/unit/lib/%.o: private all_cppflags += -I$(srcdir)lib
$(O)/tests/unit/builder/%.o: private all_cppflags += -I$(srcdir)builder
$(O)/tests/unit/firstboot/%.o: private all_cppflags += -I$(srcdir)firstboot
$(O)/tests/unit/init/%.o: private all_cppflags += -I$(srcdir)firstboot/init

define unit_rule
$(O)/tests/unit/$(1)/test-%: $(O)/tests/unit/$(1)/test-%.o $(unit_common) $(2) $(O)/libkiln.a tests/unit/fault.list
	@echo '  LD      $$@'
	$(Q)$(CC) $$(all_cflags) $$(all_ldflags) $(unit_wraps) -o $$@ $$(filter-out %.list,$$^) $(builder_libs) $(lib_libs)
endef
$(eval $(call unit_rule,lib,))
$(eval $(call unit_rule,builder,$(O)/libbuilder.a))
$(eval $(call unit_rule,firstboot,$(O)/libfirstboot.a))
$(eval $(call unit_rule,init,$(O)/libinit.a))
.SECONDARY:

.PHONY: unit-build test-unit
unit-build: $(unit_bin)
test-unit: unit-build data
	$(Q)KILN_SRCDIR=$(srcdir) KILN_DATADIR=$(abspath $(O))/share/kiln sh tests/unit/run-tap.sh $(unit_bin)
