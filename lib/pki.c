#include "pki.h"

#include "digest.h"
#include "parse.h"

#include <limits.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SERIAL_BYTES 20

int pki_key_new(enum pki_key_kind kind, EVP_PKEY **ret, struct err *err)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case PKI_EC_P256:
		key = EVP_EC_gen("P-256");
		break;
	case PKI_RSA_2048:
		key = EVP_RSA_gen(2048);
		break;
	case PKI_RSA_4096:
		key = EVP_RSA_gen(4096);
		break;
	}
	if (!key)
		return err_ossl(err, "cannot make a key");
	*ret = key;
	return 0;
}

/* What a memory BIO holds, as text that the caller owns. */
static int take_text(BIO *bio, char **ret, size_t *ret_len)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	if (len < 0)
		return -EINVAL;
	text = malloc((size_t)len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, data, (size_t)len);
	text[len] = '\0';
	*ret = text;
	if (ret_len)
		*ret_len = (size_t)len;
	return 0;
}

int pki_key_to_pem(const EVP_PKEY *key, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_bio BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */

	if (!bio || PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return err_ossl(err, "cannot write a key");
	if (take_text(bio, ret, ret_len) < 0)
		return err_nomem(err);
	return 0;
}

int pki_key_from_pem(const char *pem, size_t len, EVP_PKEY **ret, struct err *err)
{
	cleanup_bio BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	EVP_PKEY *key = NULL;

	if (bio) /* "" as password: an encrypted key fails instead of asking on the terminal */
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "");
	if (!key)
		return err_ossl(err, "not a private key in PEM");
	*ret = key;
	return 0;
}

int pki_cert_to_pem(X509 *cert, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_bio BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		return err_ossl(err, "cannot write a certificate");
	if (take_text(bio, ret, ret_len) < 0)
		return err_nomem(err);
	return 0;
}

int pki_certs_from_pem(const char *pem, size_t len, STACK_OF(X509) * *ret, struct err *err)
{
	cleanup_bio BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	cleanup_x509_stack STACK_OF(X509) *certs = sk_X509_new_null();

	if (!bio || !certs)
		return err_ossl(err, "cannot read certificates");
	for (;;) {
		X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

		if (!cert)
			break;
		if (sk_X509_push(certs, cert) <= 0) {
			X509_free(cert);
			return err_nomem(err);
		}
	}
	/* the end of the text shows as "no start line"; anything else is damage */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return err_ossl(err, "damaged certificate in PEM");
	ERR_clear_error();
	if (sk_X509_num(certs) == 0)
		return err_setf(err, -EINVAL, "no certificate in PEM");
	*ret = TAKE_PTR(certs);
	return 0;
}

int pki_check_pair(X509 *cert, EVP_PKEY *key, struct err *err)
{
	if (X509_check_private_key(cert, key) != 1) {
		ERR_clear_error();
		return err_setf(err, -EKEYREJECTED, "the key is not the certificate's");
	}
	return 0;
}

int pki_cert_expiry(const X509 *cert, int64_t *ret_not_after_s, struct err *err)
{
	struct tm tm = { 0 };

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return err_ossl(err, "certificate without an end");
	*ret_not_after_s = timegm(&tm);
	return 0;
}

static int set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *n;
	int ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always of full length */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok ? 0 : -ENOMEM;
}

static int set_subject(X509 *cert, const struct pki_spec *spec)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (spec->org && X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
						    (const uint8_t *)spec->org, -1, -1, 0) != 1)
		return -EINVAL;
	if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)spec->cn, -1, -1,
				       0) != 1)
		return -EINVAL;
	return 0;
}

static int add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok ? 0 : -EINVAL;
}

/*
 * The issuer's subject key identifier. Not from the text "keyid:always": for that OpenSSL up to 3.5
 * reads a NULL (v2i_AUTHORITY_KEYID) when memory runs out in it.
 */
static int add_authority(X509 *cert, X509 *issuer)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	bool ok = false;

	if (id) {
		id->keyid = X509_get_ext_d2i(issuer, NID_subject_key_identifier, NULL, NULL);
		ok = id->keyid && X509_add1_ext_i2d(cert, NID_authority_key_identifier, id, 0,
						    X509V3_ADD_DEFAULT) == 1;
	}
	AUTHORITY_KEYID_free(id);
	return ok ? 0 : -EINVAL;
}

/* Takes @value, also on failure. */
static bool push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
	GENERAL_NAME *n = GENERAL_NAME_new();

	if (!n || !value) {
		GENERAL_NAME_free(n);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(n, type, value);
	if (sk_GENERAL_NAME_push(names, n) > 0)
		return true;
	GENERAL_NAME_free(n);
	return false;
}

static ASN1_STRING *new_string(int type, const void *data, int len)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);

	if (s && ASN1_STRING_set(s, data, len) == 1)
		return s;
	ASN1_STRING_free(s);
	return NULL;
}

/* Built from structs, not from OpenSSL's comma text: a name with a comma stays one name. */
static int add_san(X509 *cert, const struct pki_spec *spec)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool ok = names != NULL;

	for (size_t i = 0; ok && spec->dns && spec->dns[i]; i++)
		ok = push_name(names, GEN_DNS, new_string(V_ASN1_IA5STRING, spec->dns[i], -1));
	for (size_t i = 0; ok && i < spec->addrs_len; i++)
		ok = push_name(names, GEN_IPADD,
			       new_string(V_ASN1_OCTET_STRING, spec->addrs[i].bytes,
					  spec->addrs[i].family == IP_V4 ? 4 : 16));
	if (ok && sk_GENERAL_NAME_num(names) > 0)
		ok = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) ==
		     1;
	GENERAL_NAMES_free(names);
	return ok ? 0 : -EINVAL;
}

static int add_extensions(X509 *cert, X509 *issuer, const struct pki_spec *spec)
{
	int r;

	if (spec->profile == PKI_CA) {
		r = add_ext(cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
		if (r >= 0)
			r = add_ext(cert, issuer, NID_key_usage,
				    "critical,digitalSignature,keyEncipherment,keyCertSign");
	} else {
		r = add_ext(cert, issuer, NID_key_usage,
			    "critical,digitalSignature,keyEncipherment");
		if (r >= 0)
			r = add_ext(cert, issuer, NID_ext_key_usage,
				    spec->profile == PKI_CLIENT ? "clientAuth" : "serverAuth");
	}
	if (r >= 0)
		r = add_ext(cert, issuer, NID_subject_key_identifier, "hash");
	if (r >= 0)
		r = add_authority(cert, issuer);
	return r < 0 ? r : add_san(cert, spec);
}

int pki_sign(const struct pki_spec *spec, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
	     X509 **ret, struct err *err)
{
	cleanup_x509 X509 *cert = X509_new();
	bool ok;

	if (!cert)
		return err_nomem(err);
	ok = X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) == 0 &&
	     ASN1_TIME_set(X509_getm_notBefore(cert), spec->not_before_s) &&
	     ASN1_TIME_set(X509_getm_notAfter(cert), spec->not_after_s) &&
	     set_subject(cert, spec) == 0 &&
	     X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1 &&
	     X509_set_pubkey(cert, key) == 1 &&
	     add_extensions(cert, issuer ? issuer : cert, spec) == 0 &&
	     X509_sign(cert, issuer ? issuer_key : key, EVP_sha256()) > 0;
	if (!ok)
		return err_ossl(err, "cannot sign a certificate");
	*ret = TAKE_PTR(cert);
	return 0;
}

static bool is_root(X509 *cert)
{
	const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(cert),
				*ski = X509_get0_subject_key_id(cert);

	return !aki || (ski && ASN1_OCTET_STRING_cmp(aki, ski) == 0);
}

/* The root that certs[0] leads to within the bundle; borrowed from @ctx. */
static X509 *find_root(X509_STORE_CTX *ctx, X509_STORE *roots, STACK_OF(X509) * certs)
{
	STACK_OF(X509) * chain;

	for (int i = 1; i < sk_X509_num(certs); i++)
		if (is_root(sk_X509_value(certs, i)) &&
		    X509_STORE_add_cert(roots, sk_X509_value(certs, i)) != 1)
			return NULL;
	if (X509_STORE_CTX_init(ctx, roots, sk_X509_value(certs, 0), certs) != 1 ||
	    X509_verify_cert(ctx) != 1)
		return NULL;
	chain = X509_STORE_CTX_get0_chain(ctx);
	return sk_X509_value(chain, sk_X509_num(chain) - 1);
}

int pki_k10_hash(const char *pem, size_t len, char ret[PKI_K10_MAX], struct err *err)
{
	cleanup_x509_stack STACK_OF(X509) *certs = NULL;
	cleanup_x509_store X509_STORE *roots = X509_STORE_new();
	cleanup_x509_store_ctx X509_STORE_CTX *ctx =
		X509_STORE_CTX_new(); /* last: it borrows both */
	uint8_t sum[SHA256_LEN];
	unsigned int sum_len = 0;
	X509 *root;
	int r = pki_certs_from_pem(pem, len, &certs, err);

	if (r < 0)
		return r;
	if (!ctx || !roots)
		return err_nomem(err);
	if (sk_X509_num(certs) == 1) {
		(void)sha256_mem_hex(pem, len, ret);
		return 0;
	}
	root = find_root(ctx, roots, certs);
	if (!root) {
		int why = X509_STORE_CTX_get_error(ctx);

		ERR_clear_error();
		return err_setf(err, -EINVAL, "the CA bundle does not lead to a root: %s",
				X509_verify_cert_error_string(why));
	}
	if (X509_digest(root, EVP_sha256(), sum, &sum_len) != 1)
		return err_ossl(err, "cannot hash the root certificate");
	(void)hex_encode(sum, sizeof(sum), ret);
	return 0;
}
