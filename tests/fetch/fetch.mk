# kiln update, fetch and --offline against a local HTTPS server.
SUITES += fetch

.PHONY: test-fetch
test-fetch: $(O)/kiln $(O)/tests/twin/base-tool data
	$(Q)python3 tests/fetch/run.py $(O)
