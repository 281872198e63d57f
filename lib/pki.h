/*
 * pki - keys and certificates as K3s takes them
 *
 * Keys are EC P-256 or RSA, written in their traditional PEM form (SEC1, PKCS#1),
 * which is what K3s' own script makes and service.key must be. Certificates are
 * X.509 v3, signed with SHA-256, with random serials of 159 bits.
 *
 * CA certificates carry basicConstraints (critical, CA:true), keyUsage (critical:
 * digitalSignature, keyEncipherment, keyCertSign), the subject key id and the
 * authority key id, also on a self-signed root. Leaves carry keyUsage (critical:
 * digitalSignature, keyEncipherment), extendedKeyUsage, both key ids and their names.
 *
 * Units: times are seconds since 1970. Ownership: what ret_* hands out is the
 * caller's (ossl-util.h has the cleanup types); PEM text of keys is wiped by the
 * caller. Errors: -EINVAL with OpenSSL's text.
 */
#pragma once

#include "addr.h"
#include "ossl-util.h"

enum pki_key_kind { PKI_EC_P256, PKI_RSA_2048, PKI_RSA_4096 };
enum pki_profile { PKI_CA, PKI_CLIENT, PKI_SERVER };

int pki_key_new(enum pki_key_kind kind, EVP_PKEY **ret, struct err *err) MUST_CHECK;
int pki_key_to_pem(const EVP_PKEY *key, char **ret, size_t *ret_len, struct err *err) MUST_CHECK;
int pki_key_from_pem(const char *pem, size_t len, EVP_PKEY **ret, struct err *err) MUST_CHECK;

struct pki_spec {
	enum pki_profile profile;
	const char *cn, *org; /* subject; org may be NULL */
	int64_t not_before_s, not_after_s;
	const char *const *dns;	     /* PKI_SERVER: names, NULL-terminated, or NULL */
	const struct ip_addr *addrs; /* PKI_SERVER: addresses */
	size_t addrs_len;
};
/* Signs @key's certificate with the issuer's key; issuer NULL: self-signed with @key. */
int pki_sign(const struct pki_spec *spec, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
	     X509 **ret, struct err *err) MUST_CHECK;

int pki_cert_to_pem(X509 *cert, char **ret, size_t *ret_len, struct err *err) MUST_CHECK;
/* All certificates of a bundle, in their order; at least one. */
int pki_certs_from_pem(const char *pem, size_t len, STACK_OF(X509) * *ret,
		       struct err *err) MUST_CHECK;
/* -EKEYREJECTED: the key is not the certificate's. */
int pki_check_pair(X509 *cert, EVP_PKEY *key, struct err *err) MUST_CHECK;
int pki_cert_expiry(const X509 *cert, int64_t *ret_not_after_s, struct err *err) MUST_CHECK;

#define PKI_K10_MAX 65 /* 64 hex digits and a NUL */
/*
 * The CA hash in a K10 token: of a bundle with one certificate SHA-256 of the PEM text as it
 * is; of a longer one SHA-256 of the DER of the root that the first leads to. Roots are
 * certificates whose authority key id is absent or their own.
 */
int pki_k10_hash(const char *pem, size_t len, char ret[PKI_K10_MAX], struct err *err) MUST_CHECK;
