# `kiln status` and `kiln push` against real sshd processes with the host keys of .kiln/secrets, and TLS by openssl
SUITES += status push

.PHONY: test-status test-push
test-status: all
	$(Q)bash tests/status/run.sh $(abspath $(O))
test-push: all $(O)/tests/plan/seed-write
	$(Q)bash tests/status/push.sh $(abspath $(O))
