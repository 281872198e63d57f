# The network segment of `kiln run`, without machines: its switch and its way out
SUITES += segment

.PHONY: test-segment
test-segment: all
	$(Q)python3 tests/segment/run.py $(abspath $(O))/kiln
