/*
 * secrets-make - the parts of `kiln init`, each of which makes what is missing
 *
 * All are idempotent: a second run adds nothing, a run that was cut short goes on
 * where it ended. A key that is there is used, never replaced.
 */
#pragma once

#include "vault.h"

/*
 * The CAs (anchors: K3s' generate-custom-ca-certs.sh): root and intermediate RSA 4096 for 7300
 * days, the five CAs of K3s EC P-256 for 3700 days, service.key RSA 2048. Valid from
 * 2024-01-01, because a Pi without a battery boots in the past.
 */
int secrets_make_ca(struct vault *v, int64_t now_s, struct err *err) MUST_CHECK;
/* token-server and token-agent, in full K10 form with the hash of server-ca.crt. */
int secrets_make_tokens(struct vault *v, struct err *err) MUST_CHECK;
/* component/...: what ${secret:NAME} can stand for. */
int secrets_make_components(struct vault *v, struct err *err) MUST_CHECK;
/* machine-id, node-password, SSH host keys. */
int secrets_make_node(struct vault *v, const char *node, struct err *err) MUST_CHECK;
/* Files without which a cluster that exists has lost its identity: -ENOKEY names the first that is
 * gone. */
int secrets_check_identity(const struct vault *v, struct err *err) MUST_CHECK;
