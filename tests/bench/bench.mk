# make bench [ROW=name]: Kiln and its peers on the same work in one run (DESIGN.md 11).
# A row is tests/bench/row-<name>.sh; it prints by row().
.PHONY: bench
bench: all
	$(Q)bash tests/bench/bench.sh $(abspath $(O)) $(ROW)
