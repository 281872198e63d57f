/* secrets-component - secrets that components need: ${secret:NAME} in bundle/ */
#include "secrets-make.h"

#include "base64.h"
#include "parse.h"

#include <crypt.h>
#include <string.h>

#define BCRYPT_COST 10 /* what Argo CD itself uses */

static int make_hex(struct vault *v, const char *name, size_t bytes, struct err *err)
{
	cleanup_secret struct secret text = { 0 };
	int r = vault_random_hex(bytes, &text, err);

	return r < 0 ? r : vault_add(v, name, text.data, text.len, err);
}

static int make_hex32(struct vault *v, const char *name, struct err *err)
{
	return make_hex(v, name, 32, err);
}

static int make_password(struct vault *v, const char *name, struct err *err)
{
	return make_hex(v, name, 12, err); /* 96 bits, and easily typed */
}

static int make_base64(struct vault *v, const char *name, struct err *err)
{
	cleanup_secret struct secret hex = { 0 }, text = { 0 };
	uint8_t raw[32];
	int r = vault_random_hex(sizeof(raw), &hex, err);

	if (r < 0)
		return r;
	r = hex_decode(hex.data, raw, sizeof(raw));
	text.data = r < 0 ? NULL : base64_encode(raw, sizeof(raw));
	explicit_bzero(raw, sizeof(raw));
	if (!text.data)
		return err_nomem(err);
	text.len = strlen(text.data);
	return vault_add(v, name, text.data, text.len, err);
}

/* argocd-secret holds the bcrypt hash; people keep the password. */
static int make_argocd_hash(struct vault *v, const char *name, struct err *err)
{
	cleanup_secret struct secret password = { 0 };
	struct crypt_data *data = NULL;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash;
	int r = vault_get(v, "component/argocd-admin-password", &password, err);

	if (r < 0)
		return r;
	data = calloc(1, sizeof(*data)); /* 32 KiB */
	if (!data)
		return err_nomem(err);
	if (!crypt_gensalt_rn("$2b$", BCRYPT_COST, NULL, 0, salt, sizeof(salt)))
		r = err_errnof(err, -errno, "cannot make a bcrypt salt");
	hash = r < 0 ? NULL : crypt_rn(password.data, salt, data, sizeof(*data));
	if (r >= 0 && !hash)
		r = err_errnof(err, -errno, "cannot hash Argo CD's password");
	if (r >= 0)
		r = vault_add(v, name, hash, strlen(hash), err);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return r;
}

static const struct {
	const char *name;
	int (*make)(struct vault *v, const char *name, struct err *err);
} secrets[] = {
	{ "component/garage-rpc-secret", make_hex32 },
	{ "component/garage-admin-token", make_hex32 },
	{ "component/argocd-admin-password", make_password },
	{ "component/argocd-admin-password-hash", make_argocd_hash }, /* after the password */
	{ "component/argocd-server-secretkey", make_base64 },
	{ "component/argocd-redis-password", make_hex32 },
};

int secrets_make_components(struct vault *v, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		bool there;
		int r = vault_has(v, secrets[i].name, &there, err);

		if (r >= 0 && !there)
			r = secrets[i].make(v, secrets[i].name, err);
		if (r < 0)
			return r;
	}
	return 0;
}
