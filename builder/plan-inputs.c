/* plan-inputs - what a bake reads, and what of it is here already */
#include "plan.h"

#include "base.h"
#include "cache.h"
#include "lock.h"
#include "oci-archive.h"

#include <string.h>
#include <sys/stat.h>

#define SECRETS_DIR ".kiln/secrets"
#define LOCK_FILE "kiln.lock"

static int add_input(struct plan *p, const char *name, const char *version, const char *state,
		     uint64_t size_bytes, struct err *err)
{
	struct plan_input *bigger = reallocarray(p->inputs, p->inputs_len + 1, sizeof(*bigger));
	struct plan_input *in;

	if (!bigger)
		return err_nomem(err);
	p->inputs = bigger;
	in = &bigger[p->inputs_len++];
	*in = (struct plan_input){
		.name = strdup(name),
		.version = version ? strdup(version) : NULL,
		.state = strdup(state),
		.size_bytes = size_bytes,
	};
	return in->name && in->state && (in->version || !version) ? 0 : err_nomem(err);
}

/* "<folder of cluster.yaml>/<rel>", or rel itself when it is absolute; NULL: no memory. */
static char *beside(const struct cluster *c, const char *rel)
{
	char *path = NULL;

	if (rel[0] == '/')
		return strdup(rel);
	return asprintf(&path, "%s/%s", c->dir, rel) < 0 ? NULL : path;
}

int plan_secrets(struct plan *p, struct err *err)
{
	cleanup_free char *path = beside(p->cluster, SECRETS_DIR "/cluster-id");
	struct stat st;

	if (!path)
		return err_nomem(err);
	p->has_secrets = stat(path, &st) == 0;
	p->secrets = p->has_secrets ? &secret_source_disk : &secret_source_stand_in;
	return 0;
}

static int local_k3s(struct plan *p, struct err *err)
{
	const struct cluster *c = p->cluster;
	cleanup_free char *path = beside(c, c->k3s.binary);
	struct stat st;
	bool there;

	if (!path)
		return err_nomem(err);
	there = stat(path, &st) == 0;
	return add_input(p, c->k3s.binary, c->k3s.version, there ? "there" : "missing",
			 there ? (uint64_t)st.st_size : 0, err);
}

static int in_cache(const char *sha256, uint64_t *ret_bytes, struct err *err)
{
	cleanup_free char *path = NULL;
	struct stat st;
	int r = cache_find(sha256, &path, err);

	*ret_bytes = r > 0 && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
	return r;
}

static int locked_files(struct plan *p, const struct lock *l, struct err *err)
{
	for (size_t i = 0; i < l->files_len; i++) {
		const struct lock_file *f = &l->files[i];
		cleanup_free char *name = NULL;
		uint64_t bytes = 0;
		int r;

		if (asprintf(&name, "%s (%s)", f->name, f->arch) < 0)
			return err_nomem(err);
		r = in_cache(f->sha256, &bytes, err);
		if (r < 0)
			return r;
		r = add_input(p, name, f->version, r > 0 ? "cached" : "to be fetched", bytes, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* All Debian packages in one line: there are hundreds. */
static int locked_packages(struct plan *p, const struct lock *l, struct err *err)
{
	cleanup_free char *state = NULL;
	uint64_t total = 0, bytes;
	size_t missing = 0;

	for (size_t i = 0; i < l->packages_len; i++) {
		int r = in_cache(l->packages[i].sha256, &bytes, err);

		if (r < 0)
			return r;
		missing += r == 0;
		total += l->packages[i].size_bytes;
	}
	if (asprintf(&state, "%zu locked, %zu to be fetched", l->packages_len, missing) < 0)
		return err_nomem(err);
	return add_input(p, "Debian packages", NULL, state, total, err);
}

/* By architecture: what its archive is made of. */
static int locked_images(struct plan *p, const struct lock *l, const char *arch, struct err *err)
{
	cleanup_free char *name = NULL, *state = NULL, *path = NULL;
	char hex[SHA256_HEX_MAX];
	uint64_t total = 0;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < l->images_len; i++) {
		const struct lock_platform *of = lock_platform(&l->images[i], arch);

		n += of != NULL;
		total += of ? of->size_bytes : 0;
	}
	if (n == 0)
		return 0;
	r = oci_archive_find(l, arch, &path, hex, err);
	if (r < 0)
		return r;
	if (asprintf(&name, "container images (%s)", arch) < 0 ||
	    asprintf(&state, "%zu locked, %s", n, r > 0 ? "cached" : "to be fetched") < 0)
		return err_nomem(err);
	return add_input(p, name, NULL, state, total, err);
}

static int base_roots(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->boards_len; i++) {
		cleanup_base_root struct base_root root = { 0 };
		cleanup_free char *name = NULL;
		struct err why = { 0 };
		int r = base_root_find(p->cluster, p->boards[i], &root, &why);

		if (asprintf(&name, "base root of %s", p->boards[i]->name) < 0)
			return err_nomem(err);
		if (r >= 0)
			r = add_input(p, name, root.kernel, "cached", root.tar_bytes, err);
		else
			r = add_input(p, name, p->boards[i]->kernel.package,
				      r == -ENOENT ? "to be built" : why.msg, 0, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_inputs(struct plan *p, struct err *err)
{
	cleanup_lock struct lock l = { 0 };
	struct err why = { 0 };
	int r, locked;

	r = add_input(p, SECRETS_DIR, NULL,
		      p->has_secrets ? "there" : "not made yet: run 'kiln init'", 0, err);
	if (r < 0)
		return r;
	if (p->cluster->k3s.binary) {
		r = local_k3s(p, err);
		if (r < 0)
			return r;
	}
	locked = lock_load(p->cluster, &l, &why);
	if (locked == -ENOENT)
		return add_input(p, LOCK_FILE, NULL, "not made yet: run 'kiln update'", 0, err);
	if (locked < 0)
		return err_setf(err, locked, "%s", why.msg);
	r = locked_files(p, &l, err);
	if (r >= 0)
		r = locked_packages(p, &l, err);
	if (r >= 0)
		r = locked_images(p, &l, "amd64", err);
	if (r >= 0)
		r = locked_images(p, &l, "arm64", err);
	return r < 0 ? r : base_roots(p, err);
}
