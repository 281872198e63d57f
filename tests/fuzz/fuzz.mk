# Fuzz targets: tests/fuzz/fuzz-NAME.c defines LLVMFuzzerTestOneInput, tests/fuzz/corpus/NAME/ has
# its inputs. The suite `fuzz` runs each over its corpus, with cuts and flipped bytes of each file,
# in the plain build (and, in check-sanitize, under ASan and UBSan). Longer:
#	make fuzz-run FUZZ_SECONDS=600 [FUZZ=NAME]      clang's libFuzzer, new inputs kept in $(O)/fuzz
SUITES += fuzz

fuzz_names := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
fuzz_bin := $(fuzz_names:%=$(O)/tests/fuzz/fuzz-%)
fuzz_libs := $(O)/libbuilder.a $(O)/libfirstboot.a $(O)/libinit.a $(O)/libkiln.a
TEST_BIN += $(fuzz_bin)
FUZZ_SECONDS ?= 60
FUZZ ?=

$(O)/tests/fuzz/%.o: private all_cppflags += -I$(srcdir)builder -I$(srcdir)firstboot -I$(srcdir)firstboot/init
$(O)/tests/fuzz/fuzz-%: $(O)/tests/fuzz/fuzz-%.o $(if $(FUZZER),,$(O)/tests/fuzz/runner.o) $(fuzz_libs)
	@echo '  LD      $@'
	$(Q)$(CC) $(all_cflags) $(all_ldflags) $(if $(FUZZER),-fsanitize=fuzzer) -o $@ $^ $(builder_libs) $(lib_libs)

.PHONY: fuzz-build test-fuzz fuzz-run
fuzz-build: $(fuzz_bin)
test-fuzz: fuzz-build data
	$(Q)KILN_DATADIR=$(abspath $(O))/share/kiln sh tests/fuzz/run-corpus.sh $(O)/tests/fuzz $(fuzz_names)
fuzz-run: data
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz CC=clang FUZZER=1 SANITIZE=address,undefined OPT='-O1 -g' \
		CFLAGS='$(CFLAGS) -fsanitize=fuzzer-no-link' fuzz-build
	$(Q)KILN_DATADIR=$(abspath $(O))/share/kiln sh tests/fuzz/run-fuzzer.sh $(O)/fuzz $(FUZZ_SECONDS) $(or $(FUZZ),$(fuzz_names))
