/* OpenSSL's own command is the judge. */
#include "digest.h"
#include "fault.h"
#include "file.h"
#include "pki.h"
#include "spawn.h"
#include "test.h"

#include <fcntl.h>
#include <time.h>

#define DAY 86400

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;
	size_t len;
};

static struct ca make_ca(const char *cn, const struct ca *issuer, enum pki_key_kind kind)
{
	struct pki_spec spec = { .profile = PKI_CA,
				 .cn = cn,
				 .not_before_s = time(NULL) - DAY,
				 .not_after_s = time(NULL) + 3700 * (int64_t)DAY };
	struct err err = { 0 };
	struct ca ca = { 0 };

	ASSERT_OK(pki_key_new(kind, &ca.key, &err), &err);
	ASSERT_OK(pki_sign(&spec, ca.key, issuer ? issuer->cert : NULL, issuer ? issuer->key : NULL,
			   &ca.cert, &err),
		  &err);
	ASSERT_OK(pki_cert_to_pem(ca.cert, &ca.pem, &ca.len, &err), &err);
	return ca;
}

static void ca_done(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca->pem);
}

static char *shell(const char *script)
{
	struct spawn s = { .argv = (const char *const[]){ "sh", "-c", script, NULL },
			   .out_max = 1 << 16,
			   .timeout_ms = 60000 };
	struct err err = { 0 };

	ASSERT_OK(spawn_run(&s, &err), &err);
	return s.out;
}

static void put(const char *name, const char *text)
{
	struct err err = { 0 };

	ASSERT_OK(file_replace_at(AT_FDCWD, name, text, strlen(text), 0600, &err), &err);
}

TEST(chains_verify_and_carry_the_extensions_of_k3s)
{
	CLEANUP(ca_done) struct ca root = make_ca("k3s-root-ca@1", NULL, PKI_RSA_2048);
	CLEANUP(ca_done) struct ca mid = make_ca("k3s-intermediate-ca@1", &root, PKI_RSA_2048);
	CLEANUP(ca_done) struct ca server = make_ca("k3s-server-ca@1", &mid, PKI_EC_P256);
	cleanup_free char *bundle = NULL, *text = NULL;

	ASSERT(asprintf(&bundle, "%s%s", mid.pem, root.pem) > 0);
	put("root.crt", root.pem);
	put("rest.crt", bundle);
	put("server.crt", server.pem);
	free(shell("openssl verify -x509_strict -CAfile root.crt -untrusted rest.crt server.crt"));
	text = shell("openssl x509 -in server.crt -noout -nameopt RFC2253 -subject -issuer -ext "
		     "basicConstraints,keyUsage");
	ASSERT_STR(text, "subject=CN=k3s-server-ca@1\nissuer=CN=k3s-intermediate-ca@1\n"
			 "X509v3 Basic Constraints: critical\n    CA:TRUE\n"
			 "X509v3 Key Usage: critical\n    Digital Signature, Key Encipherment, "
			 "Certificate Sign\n");
	free(text);
	/* the authority key id of each is the subject key id of the one above; a root's is its own
	 */
	text = shell(
		"for p in 'server.crt rest.crt' 'root.crt root.crt'; do set -- $p;"
		"a=$(openssl x509 -in $1 -noout -ext authorityKeyIdentifier | tail -n 1 | sed "
		"'s/keyid://' | tr -d ' ');"
		"b=$(openssl x509 -in $2 -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' ');"
		"[ -n \"$a\" ] && [ \"$a\" = \"$b\" ] && echo same; done");
	ASSERT_STR(text, "same\nsame\n");
}

TEST(leaves_carry_their_names_and_use)
{
	CLEANUP(ca_done) struct ca ca = make_ca("ca", NULL, PKI_EC_P256);
	struct pki_spec spec = { .profile = PKI_SERVER,
				 .cn = "www",
				 .org = "o",
				 .not_before_s = time(NULL) - DAY,
				 .not_after_s = time(NULL) + DAY,
				 .dns = (const char *const[]){ "a.example", "b.example", NULL } };
	cleanup_pkey EVP_PKEY *key = NULL;
	cleanup_x509 X509 *cert = NULL;
	cleanup_free char *pem = NULL, *text = NULL;
	struct err err = { 0 };
	struct ip_addr addrs[2];
	int64_t end;

	ASSERT_EQ(ip_addr_parse("192.168.14.3", &addrs[0]), 0);
	ASSERT_EQ(ip_addr_parse("fd12::3", &addrs[1]), 0);
	spec.addrs = addrs;
	spec.addrs_len = 2;
	ASSERT_OK(pki_key_new(PKI_EC_P256, &key, &err), &err);
	ASSERT_OK(pki_sign(&spec, key, ca.cert, ca.key, &cert, &err), &err);
	ASSERT_OK(pki_check_pair(cert, key, &err), &err);
	ASSERT_EQ(pki_check_pair(cert, ca.key, &err), -EKEYREJECTED);
	ASSERT_OK(pki_cert_expiry(cert, &end, &err), &err);
	ASSERT_EQ(end, spec.not_after_s);
	ASSERT_OK(pki_cert_to_pem(cert, &pem, NULL, &err), &err);
	put("leaf.crt", pem);
	put("ca.crt", ca.pem);
	text = shell("openssl verify -CAfile ca.crt -purpose sslserver leaf.crt; openssl verify "
		     "-CAfile ca.crt -purpose sslclient leaf.crt;"
		     "openssl x509 -in leaf.crt -noout -nameopt RFC2253 -subject -ext "
		     "extendedKeyUsage,subjectAltName");
	ASSERT_STR(text, "leaf.crt: OK\n" /* and no second OK: it is no client */
			 "subject=CN=www,O=o\nX509v3 Extended Key Usage: \n    TLS Web Server "
			 "Authentication\n"
			 "X509v3 Subject Alternative Name: \n    DNS:a.example, DNS:b.example, IP "
			 "Address:192.168.14.3, "
			 "IP Address:FD12:0:0:0:0:0:0:3\n");
}

TEST(keys_are_written_in_traditional_form_and_read_back)
{
	static const struct {
		enum pki_key_kind kind;
		const char *head;
	} cases[] = {
		{ PKI_EC_P256, "-----BEGIN EC PRIVATE KEY-----\n" },
		{ PKI_RSA_2048, "-----BEGIN RSA PRIVATE KEY-----\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_pkey EVP_PKEY *key = NULL, *back = NULL;
		cleanup_free char *pem = NULL;
		struct err err = { 0 };
		size_t len = 0;

		ASSERT_OK(pki_key_new(cases[i].kind, &key, &err), &err);
		ASSERT_OK(pki_key_to_pem(key, &pem, &len, &err), &err);
		ASSERT_EQ(strncmp(pem, cases[i].head, strlen(cases[i].head)), 0);
		ASSERT_OK(pki_key_from_pem(pem, len, &back, &err), &err);
		ASSERT_EQ(EVP_PKEY_eq(key, back), 1);
		put("key", pem);
		free(shell("openssl pkey -in key -noout -check"));
		ASSERT_EQ(pki_key_from_pem(pem, len / 2, &back, &err), -EINVAL);
		ASSERT_EQ(strncmp(err.msg, "not a private key in PEM", 24), 0);
	}
}

TEST(k10_hash_is_what_k3s_computes)
{
	CLEANUP(ca_done) struct ca root = make_ca("root", NULL, PKI_EC_P256);
	CLEANUP(ca_done) struct ca mid = make_ca("mid", &root, PKI_EC_P256);
	CLEANUP(ca_done) struct ca server = make_ca("server", &mid, PKI_EC_P256);
	CLEANUP(ca_done) struct ca other = make_ca("other", NULL, PKI_EC_P256);
	cleanup_free char *bundle = NULL, *want = NULL, *broken = NULL;
	char hash[PKI_K10_MAX];
	struct err err = { 0 };

	/* one certificate: its text, to the byte */
	put("root.crt", root.pem);
	want = shell("sha256sum <root.crt | cut -c1-64 | tr -d '\\n'");
	ASSERT_OK(pki_k10_hash(root.pem, root.len, hash, &err), &err);
	ASSERT_STR(hash, want);
	free(TAKE_PTR(want));
	/* a chain: the root's DER */
	ASSERT(asprintf(&bundle, "%s%s%s", server.pem, mid.pem, root.pem) > 0);
	want = shell(
		"openssl x509 -in root.crt -outform DER | sha256sum | cut -c1-64 | tr -d '\\n'");
	ASSERT_OK(pki_k10_hash(bundle, strlen(bundle), hash, &err), &err);
	ASSERT_STR(hash, want);
	/* without the link in the middle, and with text that is no certificate */
	ASSERT(asprintf(&broken, "%s%s", server.pem, other.pem) > 0);
	ASSERT_EQ(pki_k10_hash(broken, strlen(broken), hash, &err), -EINVAL);
	ASSERT_STR(err.msg,
		   "the CA bundle does not lead to a root: unable to get local issuer certificate");
	ASSERT_EQ(pki_k10_hash("", 0, hash, &err), -EINVAL);
	ASSERT_STR(err.msg, "no certificate in PEM");
	ASSERT_EQ(pki_k10_hash(bundle, server.len + 100, hash, &err), -EINVAL);
	ASSERT_STR(hash, want);
}

/* ---- under faults: our own calls and OpenSSL's heap ---- */

static void *ossl_malloc(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(n);
}
static void *ossl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return realloc(p, n);
}
static void ossl_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

struct pki_job {
	EVP_PKEY *key;
	X509 *cert;
	const char *key_pem, *cert_pem;
	X509 *signed_cert; /* of the last run */
};

static int sign_leaf(void *arg, struct err *err)
{
	struct pki_job *job = arg;
	const char *const names[] = { "cow", "cow.example.org", NULL };
	struct pki_spec spec = { .profile = PKI_SERVER,
				 .cn = "cow",
				 .org = "system:nodes",
				 .not_before_s = 1700000000,
				 .not_after_s = 1800000000,
				 .dns = names };
	cleanup_free char *pem = NULL;
	X509 *cert = NULL;
	int64_t expiry = 0;
	size_t len;
	int r = pki_sign(&spec, job->key, job->cert, job->key, &cert, err);

	if (r >= 0)
		r = pki_check_pair(cert, job->key, err);
	if (r >= 0)
		r = pki_cert_expiry(cert, &expiry, err);
	if (r >= 0)
		r = pki_cert_to_pem(cert, &pem, &len, err);
	if (r >= 0) {
		ASSERT_EQ(expiry, 1800000000);
		ASSERT(strncmp(pem, "-----BEGIN CERTIFICATE-----\n", 28) == 0);
	}
	job->signed_cert = cert;
	return r;
}

/* Whole, or not made at all. */
static void signed_or_not(void *arg, const struct fault_result *result)
{
	struct pki_job *job = arg;

	ASSERT(result->r < 0 || job->signed_cert);
	if (job->signed_cert)
		ASSERT_EQ(X509_verify(job->signed_cert, job->key), 1);
	X509_free(job->signed_cert);
	job->signed_cert = NULL;
}

static int read_back(void *arg, struct err *err)
{
	const struct pki_job *job = arg;
	STACK_OF(X509) *certs = NULL;
	cleanup_free char *again = NULL;
	EVP_PKEY *key = NULL;
	char hash[PKI_K10_MAX];
	size_t len;
	int r = pki_key_from_pem(job->key_pem, strlen(job->key_pem), &key, err);

	if (r >= 0)
		r = pki_key_to_pem(key, &again, &len, err);
	if (r >= 0)
		ASSERT_STR(again, job->key_pem);
	if (r >= 0)
		r = pki_certs_from_pem(job->cert_pem, strlen(job->cert_pem), &certs, err);
	if (r >= 0)
		ASSERT_EQ(sk_X509_num(certs), 1);
	if (r >= 0)
		r = pki_k10_hash(job->cert_pem, strlen(job->cert_pem), hash, err);
	if (r >= 0)
		ASSERT_EQ(strlen(hash), 64);
	sk_X509_pop_free(certs, X509_free);
	EVP_PKEY_free(key);
	return r;
}

static int new_key(void *arg, struct err *err)
{
	EVP_PKEY *key = NULL;
	int r = pki_key_new(PKI_EC_P256, &key, err);

	(void)arg;
	ASSERT((r >= 0) == (key != NULL));
	EVP_PKEY_free(key);
	return r;
}

/* A key that was not made, or not whole, is never handed out; and no key is in an error. */
static void no_key_told(void *arg, const struct fault_result *result)
{
	(void)arg;
	ASSERT(!strstr(result->err->msg, "PRIVATE"));
}

TEST(keys_and_certificates_under_every_fault)
{
	/* the test is a process of its own: OpenSSL has not been used in it */
	bool own_heap = CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free);
	CLEANUP(ca_done) struct ca ca = make_ca("k3s-server-ca@1", NULL, PKI_EC_P256);
	struct pki_job job = { .key = ca.key, .cert = ca.cert, .cert_pem = ca.pem };
	cleanup_free char *key_pem = NULL;
	struct err err = { 0 };
	long calls[3];
	size_t len;

	ASSERT(own_heap);
	ASSERT_OK(pki_key_to_pem(ca.key, &key_pem, &len, &err), &err);
	job.key_pem = key_pem;
	calls[0] = fault_loop(new_key, no_key_told, NULL);
	calls[1] = fault_loop(sign_leaf, signed_or_not, &job);
	calls[2] = fault_loop(read_back, no_key_told, &job);
	printf("# key %ld, sign %ld, read %ld calls failed in turn\n", calls[0], calls[1],
	       calls[2]);
	ASSERT(calls[0] > 20 && calls[1] > 200 && calls[2] > 100);
}
