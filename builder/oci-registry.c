#include "oci-registry.h"

#include "cache.h"
#include "oci-doc.h"
#include "oci-work.h"
#include "spawn.h"
#include "tempfile.h"

#include <string.h>

#define ASK_TIMEOUT_MS (5U * 60 * 1000)
#define COPY_TIMEOUT_MS (4U * 3600 * 1000)
#define ARGS_MAX 16
#define TRIES 4 /* with 1, 2, 4 s between them */

struct call {
	const char *argv[ARGS_MAX];
	size_t len;
};

static void add(struct call *c, const char *arg)
{
	c->argv[c->len++] = arg;
}

/* skopeo itself does not look at the variable that its sisters know. */
static void begin(struct call *c, const char *command)
{
	const char *conf = getenv("CONTAINERS_REGISTRIES_CONF");

	add(c, "skopeo");
	if (conf && *conf) {
		add(c, "--registries-conf");
		add(c, conf);
	}
	add(c, command);
}

/* "docker://quay.io/x/y@sha256:..." or, without a digest, the name; owned by the caller. */
static char *source(const char *name, const char *sha256)
{
	const char *at = strchr(name, '@'), *slash = strrchr(name, '/');
	const char *colon = strchr(slash ? slash : name, ':');
	size_t len = colon && (!at || colon < at) ? (size_t)(colon - name)
		     : at			  ? (size_t)(at - name)
						  : strlen(name);
	char *ret = NULL;

	if (!sha256 && at)
		sha256 = at + 1 + strlen("sha256:");
	if (!sha256)
		return asprintf(&ret, "docker://%s", name) < 0 ? NULL : ret;
	return asprintf(&ret, "docker://%.*s@sha256:%s", (int)len, name, sha256) < 0 ? NULL : ret;
}

/* What skopeo says when another try would be told the same. */
static bool is_final(const char *text)
{
	static const char *const words[] = {
		"manifest unknown", "name unknown", "unauthorized",
		"denied",	    "certificate",  "no such host",
		"did not match",    "policy",	    "registries.conf",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* skopeo's own --retry-times gives up at a transfer that was cut. */
static int run(struct call *c, size_t out_max, uint64_t timeout_ms, char **ret, size_t *ret_len,
	       struct err *err)
{
	int r = spawn_find("skopeo", NULL, err);

	if (r < 0)
		return err_wrapf(err, r, "container images need skopeo");
	for (unsigned int i = 0; i < TRIES; i++) {
		cleanup_spawn struct spawn s = { .argv = c->argv,
						 .out_max = out_max,
						 .timeout_ms = timeout_ms };
		struct err inner = { 0 };

		r = spawn_run(&s, &inner);
		if (r >= 0 && ret) {
			*ret = TAKE_PTR(s.out);
			*ret_len = s.out_len;
		}
		if (r >= 0)
			return 0;
		(void)err_setf(err, r, "%s", inner.msg);
		if (r != -ECHILD || is_final(inner.msg))
			break;
		if (i + 1 < TRIES)
			(void)sleep(1U << i);
	}
	return r;
}

static int take(const char *text, size_t len, const char *want, char hex[SHA256_HEX_MAX],
		struct err *err)
{
	(void)sha256_mem_hex(text, len, hex);
	if (want && strcmp(want, hex) != 0)
		return err_setf(err, -EBADMSG, "the registry sent SHA-256 %s, not %s", hex, want);
	return cache_put(text, len, hex, err);
}

/* What `skopeo inspect` says as it is, checked and kept in the cache. */
static int inspect_raw(const char *from, bool config, const char *want, char **ret, size_t *ret_len,
		       char ret_sha256[SHA256_HEX_MAX], struct err *err)
{
	cleanup_free char *text = NULL;
	struct call c = { 0 };
	size_t len = 0;
	int r;

	if (!from)
		return err_nomem(err);
	begin(&c, "inspect");
	add(&c, "--raw");
	if (config)
		add(&c, "--config");
	add(&c, from);
	r = run(&c, OCI_DOC_MAX, ASK_TIMEOUT_MS, &text, &len, err);
	if (r >= 0)
		r = take(text, len, want, ret_sha256, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

int oci_registry_doc(const char *name, const char *sha256, char **ret, size_t *ret_len,
		     char ret_sha256[SHA256_HEX_MAX], struct err *err)
{
	cleanup_free char *from = source(name, sha256);
	const char *at = strchr(name, '@'), *want = sha256;

	if (!want && at)
		want = at + 1 + strlen("sha256:");
	return inspect_raw(from, false, want, ret, ret_len, ret_sha256, err);
}

int oci_registry_config(const char *name, const char *sha256, const char *config_sha256, char **ret,
			size_t *ret_len, struct err *err)
{
	cleanup_free char *from = source(name, sha256);
	char hex[SHA256_HEX_MAX];
	int r = inspect_raw(from, true, config_sha256, ret, ret_len, hex, err);

	return r < 0 ? err_wrapf(err, r, "its configuration") : 0;
}

/*
 * skopeo writes each blob under its digest where we keep them; the manifest that it makes,
 * and the configuration of an image of Docker's form, are OCI's and of no use: we have the
 * originals.
 */
int oci_registry_layers(const char *name, const char *sha256, struct err *err)
{
	cleanup_free char *from = source(name, sha256), *shared = NULL, *tmp = NULL, *to = NULL;
	cleanup_tempfile struct tempfile *dir = NULL;
	struct call c = { 0 };
	int r = cache_path("sha256/x", &shared, err);

	if (r >= 0)
		r = oci_work_dir(&tmp, err);
	if (r < 0)
		return r;
	*(strrchr(shared, '/') - strlen("/sha256")) = '\0';
	r = tempfile_new_dir(tmp, "fetch-", &dir, err);
	if (r < 0)
		return r;
	if (!from || asprintf(&to, "oci:%s:image", dir->path) < 0)
		return err_nomem(err);
	begin(&c, "copy");
	add(&c, "--quiet");
	add(&c, "--remove-signatures");
	add(&c, "--dest-shared-blob-dir");
	add(&c, shared);
	add(&c, "--dest-oci-accept-uncompressed-layers");
	add(&c, from);
	add(&c, to);
	return run(&c, 0, COPY_TIMEOUT_MS, NULL, NULL, err);
}
