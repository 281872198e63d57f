# Kiln - plain GNU make. `make help` lists the targets.
#
# O=DIR            build outside the tree (default: build, build-<arch> when cross-compiling)
# CROSS_COMPILE=   aarch64-linux-gnu- : target libraries by multiarch
# SANITIZE=        address,undefined
# DEVELOPER=1      warnings are errors
# V=1              show the commands
# PREFIX, DESTDIR  where install puts things

PREFIX ?= /usr/local
CROSS_COMPILE ?=
SANITIZE ?=
DEVELOPER ?=
srcdir := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

ifneq ($(filter deps,$(MAKECMDGOALS)),)
# What is below asks the compiler and pkg-config as it is read; on a bare machine deps brings
# them first, so that the other goals start afresh after it.
rest := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: deps $(rest)
deps:
	sh scripts/deps.sh test
	$(if $(rest),$(MAKE) $(rest))
$(rest): deps
	@:
else

ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
AR := $(CROSS_COMPILE)ar
triplet := $(shell $(CC) -dumpmachine 2>/dev/null)
deb_arch := $(if $(filter aarch64%,$(triplet)),arm64,amd64)
O ?= $(if $(CROSS_COMPILE),build-$(deb_arch),build)
PKG_CONFIG ?= $(if $(CROSS_COMPILE),PKG_CONFIG_LIBDIR=/usr/local/lib/$(triplet)/pkgconfig:/usr/lib/$(triplet)/pkgconfig:/usr/share/pkgconfig )pkg-config
Q := $(if $(V),,@)

version := $(shell cat VERSION)
jobs := $(shell nproc)
lib_pkgs := libarchive blkid libcurl fdisk jansson libcrypto libzstd zlib
builder_pkgs := yaml-0.1

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough $(if $(DEVELOPER),-Werror)
hardening := -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) -fPIE -fno-plt
OPT ?= -O2 -g
all_cppflags = -I$(srcdir)lib -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DKILN_VERSION='"$(version)"' $(CPPFLAGS)
all_cflags = -std=gnu17 $(OPT) $(warnings) $(hardening) -ffunction-sections -fdata-sections \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) $(CFLAGS)
all_ldflags = -pie -Wl,-z,relro,-z,now,--gc-sections,--as-needed \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

lib_src := $(wildcard lib/*.c)
builder_src := $(wildcard builder/*.c)
firstboot_src := $(wildcard firstboot/*.c)
init_src := $(wildcard firstboot/init/*.c)
obj_of = $(patsubst %.c,$(O)/%.o,$(1))

pkg_cflags := $(shell $(PKG_CONFIG) --cflags $(lib_pkgs) $(builder_pkgs) 2>/dev/null)
lib_libs := $(shell $(PKG_CONFIG) --libs $(lib_pkgs) 2>/dev/null)
builder_libs := $(shell $(PKG_CONFIG) --libs $(builder_pkgs) 2>/dev/null) -lcrypt
all_cppflags += $(pkg_cflags)

.DELETE_ON_ERROR:
.SUFFIXES:
# `make deps` is at the top
.PHONY: all clean help install test test-full check bench FORCE
all: $(O)/kiln $(O)/kiln-node $(if $(SANITIZE),,$(O)/kiln-init) data

help:
	@echo 'targets: all deps test test-full check bench demo install clean'
	@sed -n '3,9s/^# //p' $(srcdir)Makefile

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	@echo '  CC      $<'
	$(Q)$(CC) $(all_cppflags) -MMD -MP $(all_cflags) -c -o $@ $<
$(O)/flags: FORCE # rebuild when compiler or flags change
	@mkdir -p $(@D)
	@echo '$(CC) $(all_cppflags) $(all_cflags)' | cmp -s - $@ || echo '$(CC) $(all_cppflags) $(all_cflags)' >$@

$(O)/libkiln.a: $(call obj_of,$(lib_src))
$(O)/libbuilder.a: $(call obj_of,$(filter-out builder/main.c,$(builder_src)))
$(O)/libfirstboot.a: $(call obj_of,$(filter-out firstboot/main.c,$(firstboot_src)))
$(O)/lib%.a:
	@echo '  AR      $@'
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/kiln: $(O)/builder/main.o $(O)/libbuilder.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(builder_libs) $(lib_libs)
$(O)/kiln-node: $(O)/firstboot/main.o $(O)/libfirstboot.a $(O)/libkiln.a
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(lib_libs)

# kiln-init is static and small: the initrd's /init. See firstboot/init/init.mk.
-include firstboot/init/init.mk

# A link that is right stays: other suites read through it.
link = [ "$$(readlink $(2))" = "$(1)" ] || ln -sfn $(1) $(2)
# Kiln's own data as the program looks for it (builder/datadir.h)
.PHONY: data
data: agent
	@mkdir -p $(O)/share/kiln
	@for d in boards bundle overlays; do $(call link,$(srcdir)$$d,$(O)/share/kiln/$$d); done

# Suites: each prints a last line "N passed, M failed[, K skipped]". A folder of
# tests adds its own in tests/<name>/<name>.mk by SUITES += <name> and a target test-<name>;
# what is slow goes to SUITES_FULL, what boots machines also to SUITES_VM. Suites run side by side:
# what several of them build is in TEST_BIN and made before the first starts.
SUITES :=
SUITES_FULL :=
SUITES_VM :=
TEST_BIN :=
-include $(sort $(wildcard tests/*/*.mk))
-include $(sort $(wildcard mk/*.mk))

# Two lines: `make -n` runs one that has $(MAKE) in it, and must not run the suites.
define run_suites
$(Q)$(MAKE) --no-print-directory -j$(jobs) all test-bin
$(Q)KILN_VM_SUITES='$(SUITES_VM)' sh scripts/run-suites.sh
endef
.PHONY: test-bin
test-bin: $(TEST_BIN)
test:
	$(run_suites) $(SUITES)
test-full: export KILN_SUITE_TIMEOUT := $(or $(KILN_SUITE_TIMEOUT),7200)
test-full:
	$(run_suites) $(SUITES) $(SUITES_FULL)

clean:
	rm -rf $(O)

-include $(shell test -d $(O) && find $(O) -type f -name '*.d' -not -path '*/share/*')

endif
