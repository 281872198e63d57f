# The whole platform against a real API server: cold and again; and, in the full run, killed on the way.
SUITES += platform
SUITES_FULL += platform-kills

platform_needs := $(O)/kiln $(O)/kiln-node $(O)/tests/sequence/sequence-tool $(O)/tests/bundle/bundle-tool
.PHONY: test-platform test-platform-kills
test-platform: $(platform_needs)
	$(Q)O=$(abspath $(O)) bash tests/platform/run.sh 0
test-platform-kills: $(platform_needs)
	$(Q)O=$(abspath $(O)) bash tests/platform/run.sh 200
