# kiln plan on the command line, and every kind of rendered file judged by the program that reads it.
SUITES += plan
.PHONY: test-plan
test-plan: all
	$(Q)sh tests/plan/run.sh $(abspath $(O)) $(abspath $(srcdir))
