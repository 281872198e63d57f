# The cluster.yaml front end: exact texts, what `kiln check` may do, and the JSON Schema.
SUITES += golden-check check-cli one-mistake schema man-keys

.PHONY: test-golden-check test-check-cli test-one-mistake test-schema test-man-keys
test-golden-check: $(O)/kiln data
	$(Q)sh tests/golden/check.sh $(abspath $(O)/kiln)
test-check-cli: $(O)/kiln data
	$(Q)sh tests/golden/check-cli.sh $(abspath $(O)/kiln)
test-one-mistake: $(O)/kiln data
	$(Q)python3 tests/golden/one-mistake.py $(abspath $(O)/kiln)
test-schema: $(O)/kiln data
	$(Q)python3 tests/golden/schema.py $(abspath $(O)/kiln)
test-man-keys: $(O)/kiln data
	$(Q)python3 tests/golden/keys.py $(abspath $(O)/kiln) $(srcdir)
