/* secrets-ca - the cluster's certificate authorities and tokens, as K3s reads them */
#include "secrets-make.h"

#include "buf.h"
#include "pki.h"

#include <inttypes.h>
#include <string.h>

#define DAY_S ((int64_t)86400)
#define NOT_BEFORE_S ((int64_t)1704067200) /* 2024-01-01 */
#define TLS "k3s/server/tls/"
#define SERVICE_KEY TLS "service.key"
#define PEM_MAX ((size_t)64 << 10)
#define TOKEN_BYTES 32

struct authority {
	const char *name; /* of the files, without .crt and .key */
	const char *cn;	  /* "k3s-<cn>-ca@<epoch>" */
	enum pki_key_kind kind;
	int64_t days;
	const struct authority *issuer;
};
static const struct authority root_ca = { "root-ca", "root", PKI_RSA_4096, 7300, NULL };
static const struct authority intermediate_ca = { "intermediate-ca", "intermediate", PKI_RSA_4096,
						  7300, &root_ca };
static const struct authority leaf_cas[] = {
	{ TLS "server-ca", "server", PKI_EC_P256, 3700, &intermediate_ca },
	{ TLS "client-ca", "client", PKI_EC_P256, 3700, &intermediate_ca },
	{ TLS "request-header-ca", "request-header", PKI_EC_P256, 3700, &intermediate_ca },
	{ TLS "etcd/peer-ca", "etcd-peer", PKI_EC_P256, 3700, &intermediate_ca },
	{ TLS "etcd/server-ca", "etcd-server", PKI_EC_P256, 3700, &intermediate_ca },
};

struct signer {
	EVP_PKEY *key;
	X509 *cert;
	struct secret chain; /* PEM of the certificate and all above it */
};

static void signer_done(struct signer *s)
{
	EVP_PKEY_free(s->key);
	X509_free(s->cert);
	secret_done(&s->chain);
}

static const char *with_suffix(const char *name, const char *suffix, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s%s", name, suffix);
	return dst;
}

/* The key of that name; made if it is missing. */
static int load_or_make_key(struct vault *v, const char *name, enum pki_key_kind kind,
			    EVP_PKEY **ret, struct err *err)
{
	cleanup_pkey EVP_PKEY *key = NULL;
	cleanup_secret struct secret pem = { 0 };
	bool there;
	int r = vault_has(v, name, &there, err);

	if (r >= 0 && there) {
		r = vault_get(v, name, &pem, err);
		if (r >= 0)
			r = pki_key_from_pem(pem.data, pem.len, &key, err);
	} else if (r >= 0) {
		r = pki_key_new(kind, &key, err);
		if (r >= 0)
			r = pki_key_to_pem(key, &pem.data, &pem.len, err);
		if (r >= 0)
			r = vault_add(v, name, pem.data, pem.len, err);
	}
	if (r < 0)
		return err_wrapf(err, r, "key '%s'", name);
	*ret = TAKE_PTR(key);
	return 0;
}

static int sign(const struct authority *a, const struct signer *issuer, int64_t now_s,
		EVP_PKEY *key, X509 **ret, struct err *err)
{
	char cn[64];
	struct pki_spec spec = {
		.profile = PKI_CA,
		.cn = cn,
		.not_before_s = NOT_BEFORE_S,
		.not_after_s = now_s + a->days * DAY_S,
	};

	(void)snprintf(cn, sizeof(cn), "k3s-%s-ca@%" PRId64, a->cn, now_s);
	return pki_sign(&spec, key, issuer ? issuer->cert : NULL, issuer ? issuer->key : NULL, ret,
			err);
}

/* Certificate first, then what is above it: the order that K3s wants. */
static int make_chain(X509 *cert, const struct signer *issuer, struct secret *ret, struct err *err)
{
	cleanup_free char *own = NULL;
	cleanup_buf struct buf b = BUF_INIT(PEM_MAX);
	int r = pki_cert_to_pem(cert, &own, NULL, err);

	if (r < 0)
		return r;
	(void)buf_adds(&b, own);
	if (issuer)
		(void)buf_add(&b, issuer->chain.data, issuer->chain.len);
	ret->data = buf_steal(&b, &ret->len);
	return ret->data ? 0 : err_nomem(err);
}

/* The first certificate of the file must belong to the key, or K3s would fail much later. */
static int load_signer(const struct vault *v, const char *crt, struct signer *s, struct err *err)
{
	cleanup_x509_stack STACK_OF(X509) *certs = NULL;
	int r = vault_get(v, crt, &s->chain, err);

	if (r >= 0)
		r = pki_certs_from_pem(s->chain.data, s->chain.len, &certs, err);
	if (r >= 0)
		r = pki_check_pair(sk_X509_value(certs, 0), s->key, err);
	if (r < 0)
		return err_wrapf(err, r, "certificate '%s'", crt);
	s->cert = sk_X509_shift(certs);
	return 0;
}

/* Key first, certificate after it: whatever has a certificate is complete. */
static int make_authority(struct vault *v, const struct authority *a, const struct signer *issuer,
			  int64_t now_s, struct signer *ret, struct err *err)
{
	CLEANUP(signer_done) struct signer s = { 0 };
	char key[128], crt[128];
	bool has_key, has_crt;
	int r;

	(void)with_suffix(a->name, ".key", key, sizeof(key));
	(void)with_suffix(a->name, ".crt", crt, sizeof(crt));
	r = vault_has(v, key, &has_key, err);
	if (r >= 0)
		r = vault_has(v, crt, &has_crt, err);
	if (r < 0)
		return r;
	if (has_crt && !has_key)
		return err_setf(err, -ENOKEY,
				"'%s' is there but its key '%s' is gone; restore it from a backup",
				crt, key);
	r = load_or_make_key(v, key, a->kind, &s.key, err);
	if (r >= 0 && has_crt)
		r = load_signer(v, crt, &s, err);
	if (r >= 0 && !has_crt) {
		r = sign(a, issuer, now_s, s.key, &s.cert, err);
		if (r >= 0)
			r = make_chain(s.cert, issuer, &s.chain, err);
		if (r >= 0)
			r = vault_add(v, crt, s.chain.data, s.chain.len, err);
	}
	if (r < 0)
		return r;
	*ret = s;
	s = (struct signer){ 0 };
	return 0;
}

int secrets_make_ca(struct vault *v, int64_t now_s, struct err *err)
{
	CLEANUP(signer_done) struct signer root = { 0 }, intermediate = { 0 };
	cleanup_pkey EVP_PKEY *service = NULL;
	int r = make_authority(v, &root_ca, NULL, now_s, &root, err);

	if (r >= 0)
		r = make_authority(v, &intermediate_ca, &root, now_s, &intermediate, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(leaf_cas); i++) {
		CLEANUP(signer_done) struct signer leaf = { 0 };

		r = make_authority(v, &leaf_cas[i], &intermediate, now_s, &leaf, err);
	}
	if (r >= 0)
		r = load_or_make_key(v, SERVICE_KEY, PKI_RSA_2048, &service, err);
	return r;
}

static int make_token(struct vault *v, const char *name, const char *user, const char *hash,
		      struct err *err)
{
	cleanup_secret struct secret password = { 0 };
	char line[256];
	bool there;
	int r = vault_has(v, name, &there, err);

	if (r < 0 || there)
		return r;
	r = vault_random_hex(TOKEN_BYTES, &password, err);
	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "K10%s::%s:%s\n", hash, user, password.data);
	r = vault_add(v, name, line, strlen(line), err);
	explicit_bzero(line, sizeof(line));
	return r;
}

int secrets_make_tokens(struct vault *v, struct err *err)
{
	cleanup_secret struct secret ca = { 0 };
	char hash[PKI_K10_MAX];
	int r = vault_get(v, TLS "server-ca.crt", &ca, err);

	if (r >= 0)
		r = pki_k10_hash(ca.data, ca.len, hash, err);
	if (r >= 0)
		r = make_token(v, "token-server", "server", hash, err);
	return r < 0 ? r : make_token(v, "token-agent", "node", hash, err);
}

int secrets_check_identity(const struct vault *v, struct err *err)
{
	static const char *const others[] = { SERVICE_KEY, "token-server", "token-agent" };
	char name[128];
	bool there = true;
	int r = 0;

	/* root and intermediate may have gone to a safe place: nothing needs them any more */
	for (size_t i = 0; r >= 0 && there && i < 2 * ARRAY_SIZE(leaf_cas); i++)
		r = vault_has(v,
			      with_suffix(leaf_cas[i / 2].name, i % 2 ? ".key" : ".crt", name,
					  sizeof(name)),
			      &there, err);
	for (size_t i = 0; r >= 0 && there && i < ARRAY_SIZE(others); i++)
		r = vault_has(v, with_suffix(others[i], "", name, sizeof(name)), &there, err);
	if (r < 0)
		return r;
	if (!there)
		return err_setf(err, -ENOKEY,
				"'%s/%s' is gone, a part of this cluster's identity that cannot be "
				"made again; "
				"restore it from a backup",
				v->path, name);
	return 0;
}
