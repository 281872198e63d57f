#include "kubeconfig.h"

#include "base64.h"
#include "clock.h"
#include "pki.h"

#include <string.h>

#define DAY_S ((int64_t)86400)
#define CLIENT_CA "k3s/server/tls/client-ca"

int kubeconfig_server(const struct cluster *c, char **ret, struct err *err)
{
	char text[IP_TEXT_MAX] = "";
	const struct ip_addr *a = NULL;
	bool six;

	for (size_t i = 0; !a && i < c->nodes_len; i++)
		if (c->nodes[i].role == ROLE_CONTROL_PLANE && c->nodes[i].addresses.len > 0)
			a = &c->nodes[i].addresses.items[0].addr;
	if (!c->api && !a)
		return err_setf(err, -ENOENT,
				"there is neither cluster.api nor a control-plane with an address");
	if (!c->api)
		(void)ip_addr_format(a, text);
	six = !c->api && a->family == IP_V6;
	if (asprintf(ret, "https://%s%s%s:6443", six ? "[" : "", c->api ? c->api : text,
		     six ? "]" : "") < 0) {
		*ret = NULL;
		return err_nomem(err);
	}
	return 0;
}

struct client_ca {
	EVP_PKEY *key;
	X509 *cert;
};

static void client_ca_done(struct client_ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

static int load_client_ca(const struct cluster *c, struct client_ca *ret, struct err *err)
{
	cleanup_secret struct secret crt = { 0 }, key = { 0 };
	cleanup_x509_stack STACK_OF(X509) *certs = NULL;
	int r = secrets_get(c, CLIENT_CA ".crt", &crt, err);

	if (r >= 0)
		r = secrets_get(c, CLIENT_CA ".key", &key, err);
	if (r >= 0)
		r = pki_certs_from_pem(crt.data, crt.len, &certs, err);
	if (r >= 0)
		r = pki_key_from_pem(key.data, key.len, &ret->key, err);
	if (r >= 0)
		r = pki_check_pair(sk_X509_value(certs, 0), ret->key, err);
	if (r < 0)
		return err_wrapf(err, r, "client CA");
	ret->cert = sk_X509_shift(certs);
	return 0;
}

static int check_validity(const struct client_ca *ca, int64_t now_s, uint64_t valid_s,
			  struct err *err)
{
	int64_t end_s;
	int r = pki_cert_expiry(ca->cert, &end_s, err);

	if (r < 0)
		return r;
	if (end_s <= now_s || valid_s > (uint64_t)(end_s - now_s))
		return err_setf(
			err, -ERANGE,
			"the certificate would outlive the client CA, which ends in %lld days",
			(long long)((end_s - now_s) / DAY_S));
	return 0;
}

/* The leaf and the CA that signed it, as K3s' own client certificates are. */
static int sign_admin(const struct client_ca *ca, uint64_t valid_s, struct secret *ret_crt,
		      struct secret *ret_key, struct err *err)
{
	int64_t now_s = (int64_t)clock_wall_s();
	struct pki_spec spec = {
		.profile = PKI_CLIENT,
		.cn = "kiln-admin",
		.org = "system:masters",
		.not_before_s = now_s - DAY_S,
		.not_after_s = now_s + (int64_t)valid_s,
	};
	cleanup_free char *own = NULL, *above = NULL;
	cleanup_pkey EVP_PKEY *key = NULL;
	cleanup_x509 X509 *cert = NULL;
	int len, r = check_validity(ca, now_s, valid_s, err);

	if (r >= 0)
		r = pki_key_new(PKI_EC_P256, &key, err);
	if (r >= 0)
		r = pki_sign(&spec, key, ca->cert, ca->key, &cert, err);
	if (r >= 0)
		r = pki_cert_to_pem(cert, &own, NULL, err);
	if (r >= 0)
		r = pki_cert_to_pem(ca->cert, &above, NULL, err);
	if (r >= 0)
		r = pki_key_to_pem(key, &ret_key->data, &ret_key->len, err);
	if (r < 0)
		return r;
	len = asprintf(&ret_crt->data, "%s%s", own, above);
	if (len < 0) {
		ret_crt->data = NULL;
		return err_nomem(err);
	}
	ret_crt->len = (size_t)len;
	return 0;
}

static int encode(const struct secret *s, struct secret *ret)
{
	ret->data = base64_encode(s->data, s->len);
	ret->len = ret->data ? strlen(ret->data) : 0;
	return ret->data ? 0 : -ENOMEM;
}

int kubeconfig_admin(const struct cluster *c, uint64_t valid_s, struct secret *ret_ca,
		     struct secret *ret_crt, struct secret *ret_key, struct err *err)
{
	CLEANUP(client_ca_done) struct client_ca signer = { 0 };
	int r = secrets_get(c, "k3s/server/tls/server-ca.crt", ret_ca, err);

	if (r >= 0)
		r = load_client_ca(c, &signer, err);
	if (r >= 0)
		r = sign_admin(&signer, valid_s, ret_crt, ret_key, err);
	return r < 0 ? r : 0;
}

int kubeconfig_make(const struct cluster *c, const char *server, uint64_t valid_s,
		    struct secret *ret, struct err *err)
{
	cleanup_secret struct secret ca = { 0 }, crt = { 0 }, key = { 0 }, ca64 = { 0 },
				     crt64 = { 0 }, key64 = { 0 };
	int len, r = kubeconfig_admin(c, valid_s, &ca, &crt, &key, err);

	if (r < 0)
		return r;
	if (encode(&ca, &ca64) < 0 || encode(&crt, &crt64) < 0 || encode(&key, &key64) < 0)
		return err_nomem(err);
	len = asprintf(&ret->data,
		       "apiVersion: v1\n"
		       "kind: Config\n"
		       "clusters:\n"
		       "- name: %1$s\n"
		       "  cluster:\n"
		       "    server: %2$s\n"
		       "    certificate-authority-data: %3$s\n"
		       "users:\n"
		       "- name: %1$s-admin\n"
		       "  user:\n"
		       "    client-certificate-data: %4$s\n"
		       "    client-key-data: %5$s\n"
		       "contexts:\n"
		       "- name: %1$s\n"
		       "  context:\n"
		       "    cluster: %1$s\n"
		       "    user: %1$s-admin\n"
		       "current-context: %1$s\n",
		       c->name, server, ca64.data, crt64.data, key64.data);
	if (len < 0) {
		ret->data = NULL;
		return err_nomem(err);
	}
	ret->len = (size_t)len;
	return 0;
}
