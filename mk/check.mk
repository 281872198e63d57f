# `make check`: what tools can say about the source and the build. Each check-NAME stands alone;
# the suite `check` runs all of them and counts. Every check is a line in mk/check.sh's list.
SUITES += check
SUITES_FULL += check-full

check_o = $(O)/check
check_src := $(sort $(lib_src) $(builder_src) $(firstboot_src) $(init_src))
check_tests := $(wildcard tests/unit/*.c tests/unit/*/*.c tests/fuzz/*.c)
check_headers := $(wildcard lib/*.h builder/*.h firstboot/*.h firstboot/init/*.h)
check_sh := $(shell git ls-files '*.sh' .ci/run 2>/dev/null | grep -v ^tests/golden/)

# check-full has what takes minutes: valgrind and the static analyzer.
.PHONY: check test-check format $(addprefix check-,layers headers format tidy cppcheck shell spell banned size \
	gcc clang cross sanitize valgrind analyze install full)
check: test-check
test-check: all
	$(Q)MAKE="$(MAKE)" JOBS=$(jobs) sh mk/check.sh layers headers banned size shell spell format cppcheck gcc clang \
		cross tidy sanitize install
.PHONY: test-check-full
check-full: test-check-full
test-check-full: all
	$(Q)MAKE="$(MAKE)" JOBS=$(jobs) sh mk/check.sh valgrind analyze

check-layers:
	sh mk/check-layers.sh
check-banned:
	sh mk/check-banned.sh $(check_src)
check-size:
	sh mk/check-size.sh $(check_src) $(check_tests)
check-shell:
	shellcheck -S warning -e SC2010,SC2034,SC2043,SC2120,SC2148,SC2154,SC2319 $(filter-out overlays/%,$(check_sh))
	shellcheck -S warning -s sh $(filter overlays/%,$(check_sh))
check-spell:
	codespell -q 3 -I mk/codespell.list $(check_src) $(check_tests) $(check_headers) Makefile mk scripts docs README.md CONTRIBUTING.md man

# Each header compiles alone, with what its own folder may see.
check-headers: $(check_headers:%=$(check_o)/%.alone)
$(check_o)/%.h.alone: %.h $(wildcard lib/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cppflags) $(if $(filter firstboot/init/%,$<),-Ifirstboot/init) -std=gnu17 -Wall -Wextra -Werror \
		-fsyntax-only -include $< -x c /dev/null
	@touch $@

# clang-format: Debian 12's version alone; the next ones put some lines differently.
format_major := 14
format_tool := $(firstword $(shell command -v clang-format-$(format_major) clang-format 2>/dev/null))
# `make format` puts the whole tree in form once and removes mk/format-pending; from then on
# the check is strict.
.PHONY: format
format:
	$(format_tool) -i $(check_src) $(check_tests) $(check_headers)
	rm -f mk/format-pending
check-format:
	@if ! $(format_tool) --version 2>/dev/null | grep -q 'version $(format_major)\.'; then \
		echo "SKIPPED: clang-format $(format_major) is not here: nothing was checked"; \
	elif [ -e mk/format-pending ]; then \
		echo "SKIPPED: the tree waits for its first 'make format'"; \
	else \
		$(format_tool) --dry-run -Werror $(check_src) $(check_tests) $(check_headers); \
	fi

check-tidy: $(check_src:%=$(check_o)/%.tidy)
$(check_o)/%.c.tidy: %.c .clang-tidy $(wildcard lib/*.h)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- $(filter-out -fno-plt,$(all_cppflags)) -std=gnu17 2>$@.err || \
		{ cat $@.err; exit 1; }
	@touch $@

check-cppcheck:
	@mkdir -p $(check_o)/cppcheck
	cppcheck -q -j $(jobs) --cppcheck-build-dir=$(check_o)/cppcheck --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --suppressions-list=mk/cppcheck.list --std=c11 \
		--library=posix,gnu -Ilib -D_GNU_SOURCE -D__x86_64__ '-DKILN_VERSION="0"' \
		'-DJSON_INTEGER_FORMAT="lld"' $(check_src)

# The static analyzer takes seconds a file: in `make check-full`, not in `make test`.
analyzer_off := clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
check-analyze: $(check_src:%=$(check_o)/%.analyze)
$(check_o)/%.c.analyze: %.c $(wildcard lib/*.h)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' --checks='-*,clang-analyzer-*,-$(analyzer_off)' $< -- \
		$(filter-out -fno-plt,$(all_cppflags)) -std=gnu17 2>$@.err || { cat $@.err; exit 1; }
	@touch $@

# Compiled with every warning an error: by gcc, by clang, for arm64. Objects alone; `all` links.
.PHONY: objects
objects: $(call obj_of,$(check_src) $(check_tests))
check-gcc:
	$(Q)$(MAKE) --no-print-directory O=$(check_o)/gcc DEVELOPER=1 objects
check-clang:
	$(Q)$(MAKE) --no-print-directory O=$(check_o)/clang CC=clang DEVELOPER=1 OPT=-O1 objects
check-cross:
	@if command -v $(agent_cross)gcc >/dev/null; then \
		$(MAKE) --no-print-directory O=$(check_o)/cross CROSS_COMPILE=$(agent_cross) DEVELOPER=1 \
			$(check_o)/cross/kiln $(check_o)/cross/kiln-node $(check_o)/cross/kiln-init; \
	else \
		echo "SKIPPED: no $(agent_cross)gcc"; \
	fi

check-sanitize:
	$(Q)$(MAKE) --no-print-directory O=$(check_o)/sanitize SANITIZE=address,undefined OPT='-O1 -g' test-unit test-fuzz

# RSA keys, deadlines and sockets are too slow or too timing-bound under valgrind; ASan has them.
valgrind_not := %/test-pki %/test-spawn %/test-http %/test-http-download %/test-secrets
check-valgrind: unit-build data
	$(Q)VALGRIND='valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 --child-silent-after-fork=no' \
		KILN_SRCDIR=$(srcdir) KILN_DATADIR=$(abspath $(O))/share/kiln \
		sh mk/check-valgrind.sh $(filter-out $(valgrind_not),$(filter %,$(unit_bin)))

check-install:
	sh mk/check-install.sh $(check_o)/stage
