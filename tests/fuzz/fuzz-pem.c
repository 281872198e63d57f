/* fuzz-pem - certificates, keys and the K10 hash from any bytes */
#include "pki.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_x509_stack STACK_OF(X509) *certs = NULL;
	cleanup_pkey EVP_PKEY *key = NULL;
	char hash[PKI_K10_MAX];
	struct err err = { 0 };

	if (pki_certs_from_pem((const char *)data, len, &certs, &err) == 0) {
		cleanup_free char *pem = NULL;

		if (sk_X509_num(certs) < 1 ||
		    pki_cert_to_pem(sk_X509_value(certs, 0), &pem, NULL, &err) < 0)
			abort();
	} else if (!err.msg[0]) {
		abort();
	}
	if (pki_key_from_pem((const char *)data, len, &key, &err) < 0 && !err.msg[0])
		abort();
	if (pki_k10_hash((const char *)data, len, hash, &err) == 0 &&
	    strlen(hash) != PKI_K10_MAX - 1)
		abort();
	return 0;
}
