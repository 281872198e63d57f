# `kiln status` against real sshd processes with the host keys of .kiln/secrets, and TLS by openssl
SUITES += status

.PHONY: test-status
test-status: all
	$(Q)bash tests/status/run.sh $(abspath $(O))
