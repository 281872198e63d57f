/*
 * ossl-util - cleanup types of libcrypto and the translator of its errors
 */
#pragma once

#include "err.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

/* "@what: OpenSSL's own text"; -ENOMEM stays -ENOMEM, else -EINVAL. Empties OpenSSL's queue. */
int err_ossl(struct err *err, const char *what);

#define OSSL_CLEANUP(name, type, fn)                                                               \
	static inline void name(type **p)                                                          \
	{                                                                                          \
		fn(*p);                                                                            \
	}
OSSL_CLEANUP(evp_pkey_freep, EVP_PKEY, EVP_PKEY_free)
OSSL_CLEANUP(evp_pkey_ctx_freep, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OSSL_CLEANUP(x509_freep, X509, X509_free)
OSSL_CLEANUP(x509_store_freep, X509_STORE, X509_STORE_free)
OSSL_CLEANUP(x509_store_ctx_freep, X509_STORE_CTX, X509_STORE_CTX_free)
OSSL_CLEANUP(bio_freep, BIO, (void)BIO_free)
#undef OSSL_CLEANUP
static inline void x509_stack_freep(STACK_OF(X509) * *p)
{
	sk_X509_pop_free(*p, X509_free);
}

#define cleanup_pkey CLEANUP(evp_pkey_freep)
#define cleanup_pkey_ctx CLEANUP(evp_pkey_ctx_freep)
#define cleanup_x509 CLEANUP(x509_freep)
#define cleanup_x509_store CLEANUP(x509_store_freep)
#define cleanup_x509_store_ctx CLEANUP(x509_store_ctx_freep)
#define cleanup_x509_stack CLEANUP(x509_stack_freep)
#define cleanup_bio CLEANUP(bio_freep)
