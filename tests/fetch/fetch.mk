# kiln update, fetch and --offline against a local HTTPS server.
SUITES += fetch
SUITES_FULL += fetch-full

.PHONY: test-fetch test-fetch-full
test-fetch-full: $(O)/kiln data
	$(Q)PYTHONDONTWRITEBYTECODE=1 python3 tests/fetch/run.py $(O) --full
test-fetch: $(O)/kiln $(O)/tests/twin/base-tool data
	$(Q)PYTHONDONTWRITEBYTECODE=1 python3 tests/fetch/run.py $(O)
