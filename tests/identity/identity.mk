# `kiln init` and `kiln kubeconfig`, judged by openssl, ssh-keygen, sha256sum and Python.
SUITES += identity
.PHONY: test-identity
test-identity: all
	$(Q)sh tests/identity/run.sh $(abspath $(O))/kiln
