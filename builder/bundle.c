#include "bundle.h"

#include "buf.h"
#include "bundle-model.h"
#include "oci-lock.h"
#include "secrets.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>

void bundle_result_done(struct bundle_result *r)
{
	free(r->path);
	free(r->warnings);
	*r = (struct bundle_result){ 0 };
}

int bundle_make(struct bundle_model *m, const struct cluster *c, const char *cluster_id,
		struct err *err)
{
	int r = bundle_collect(m, c, cluster_id, err);

	if (r == 0)
		r = bundle_hooks(m, err);
	if (r == 0)
		r = bundle_classify(m, err);
	if (r == 0)
		r = bundle_applications(m, err);
	if (r == 0)
		r = bundle_images(m, err);
	return r == 0 ? bundle_lint(m, err) : r;
}

/* Errors go to @err, all of them; the rest is text for people. */
static int report(const struct bundle_model *m, char **ret_warnings, struct err *err)
{
	cleanup_buf struct buf warnings = BUF_INIT(1 << 20), errors = BUF_INIT(1 << 20);
	size_t n = 0;

	(void)buf_adds(&warnings, "");
	for (size_t i = 0; i < m->findings_len; i++) {
		const struct bundle_finding *f = &m->findings[i];
		bool bad = f->level == FINDING_ERROR;

		n += bad;
		(void)buf_addf(bad ? &errors : &warnings, "%s%s [%s]\n",
			       bad			  ? ""
			       : f->level == FINDING_INFO ? "info: "
							  : "warning: ",
			       f->text, f->rule);
	}
	if (buf_error(&warnings) < 0 || buf_error(&errors) < 0)
		return err_nomem(err);
	if (n > 0)
		return err_setf(err, -EINVAL, "the bundle has %zu mistake%s:\n%.*s", n,
				n > 1 ? "s" : "", (int)errors.len - 1, buf_str(&errors));
	*ret_warnings = buf_steal(&warnings, NULL);
	return 0;
}

static int cluster_identity(const struct cluster *c, unsigned int flags, char id[33],
			    struct err *err)
{
	cleanup_secret struct secret s = { 0 };
	int r = secrets_get(c, "cluster-id", &s, err);

	if (r == -ENOENT && flags & BUNDLE_NO_SECRETS) {
		(void)memset(id, '0', 32); /* before 'kiln init' */
		id[32] = '\0';
		return 0;
	}
	if (r < 0)
		return r;
	(void)snprintf(id, 33, "%.*s", (int)strcspn(s.data, "\n"), s.data);
	return 0;
}

/* Beside the cluster's secrets, never in a cache that others share. */
int bundle_path(const struct cluster *c, unsigned int flags, char **ret, struct err *err)
{
	cleanup_free char *dir = NULL;
	int r;

	if (asprintf(&dir, "%s/.kiln/bundle", c->dir) < 0)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, dir, 0700, err);
	if (r < 0)
		return r;
	return asprintf(ret, "%s/%s", dir,
			flags & BUNDLE_NO_SECRETS ? "plain.tar"
			: flags & BUNDLE_COMPARE  ? "compare.tar"
						  : "bundle.tar") < 0
		       ? err_nomem(err)
		       : 0;
}

int bundle_build(const struct cluster *c, unsigned int flags, struct bundle_result *ret,
		 struct err *err)
{
	cleanup_bundle_model struct bundle_model m = { 0 };
	cleanup_bundle_result struct bundle_result result = { 0 };
	struct err inner = { 0 };
	char id[33];
	int r = cluster_identity(c, flags, id, &inner);

	if (r < 0)
		return err_setf(err, r, "%s", inner.msg);
	r = bundle_make(&m, c, id, err);
	if (r == 0)
		r = report(&m, &result.warnings, err);
	if (r == 0 && flags & BUNDLE_LOCKED)
		r = oci_lock_check(&m, err);
	if (r == 0 && !(flags & BUNDLE_NO_SECRETS))
		r = bundle_secrets(&m, err);
	if (r < 0)
		return r;
	r = bundle_path(c, flags, &result.path, err);
	if (r == 0)
		r = bundle_write(&m, result.path, result.sha256, &result.bytes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < m.len; i++) {
		result.objects += (unsigned int)m.parts[i].len;
		for (size_t k = 0; k < m.parts[i].len; k++)
			result.crds += m.parts[i].items[k].crd;
	}
	result.components = (unsigned int)m.len;
	*ret = result;
	result = (struct bundle_result){ 0 };
	return 0;
}
