SUITES += docs
.PHONY: test-docs
test-docs: all
	$(Q)bash tests/docs/run.sh $(abspath $(O))
