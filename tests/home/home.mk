# examples/home baked from an empty cache, with times; several minutes and the mirror.
SUITES_FULL += home-full

.PHONY: test-home-full
test-home-full: all
	$(Q)bash tests/home/run.sh $(O)
