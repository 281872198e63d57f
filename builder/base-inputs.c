#include "base-apt.h"
#include "base-arch.h"
#include "base-inputs.h"
#include "base-list.h"
#include "base-native.h"
#include "base-payload.h"
#include "buf.h"
#include "cache.h"
#include "datadir.h"
#include "digest.h"
#include "log.h"

#include <fcntl.h>
#include <string.h>

#define KEY_TEXT_MAX (4U << 20)
#define ROUNDS_MAX 4 /* each moves packages with scripts to the native half */

/* Raise when the same inputs give another root. */
#define NATIVE_VERSION 2
#define ROOT_VERSION 4
#define EMULATED_VERSION 1

void base_inputs_done(struct base_inputs *in)
{
	lock_done(&in->lock);
	free(in->agent_deb);
	*in = (struct base_inputs){ 0 };
}

char *base_native_set(const struct board *b)
{
	char *name;

	return asprintf(&name, "native:%s", b->name) < 0 ? NULL : name;
}

static bool has(const struct string_list *l, const char *s)
{
	for (size_t i = 0; i < l->len; i++)
		if (strcmp(l->items[i], s) == 0)
			return true;
	return false;
}

/* What cluster.yaml asks for now must be what the set was resolved for. */
static int check_names(const struct lock_set *s, const struct string_list *want, bool exact,
		       struct err *err)
{
	for (size_t i = 0; i < want->len; i++)
		if (!has(&s->names, want->items[i]))
			return err_setf(err, -ENOENT,
					"package '%s' is not in kiln.lock for '%s'; "
					"'kiln update' resolves it",
					want->items[i], s->board);
	for (size_t i = 0; exact && i < s->names.len; i++)
		if (!has(want, s->names.items[i]))
			return err_setf(err, -ENOENT,
					"kiln.lock has package '%s' for '%s', which is no "
					"longer asked for; run 'kiln update'",
					s->names.items[i], s->board);
	return 0;
}

static int find_sets(const struct cluster *c, const struct board *b, struct base_inputs *in,
		     struct err *err)
{
	cleanup_lock_list struct string_list target = { 0 }, native = { 0 };
	cleanup_free char *name = base_native_set(b);
	int r;

	if (!name)
		return err_nomem(err);
	r = base_names_board(c, b, &target, err);
	if (r >= 0)
		r = base_names_native(c, &native, err);
	if (r < 0)
		return r;
	in->target = lock_set(&in->lock, b->name, b->arch);
	in->native = lock_set(&in->lock, name, deb_arch_desk()->name);
	if (!in->target || !in->native)
		return err_setf(err, -ENOENT,
				"kiln.lock has no packages for board '%s' baked on %s; "
				"'kiln update' resolves them",
				b->name, deb_arch_desk()->name);
	r = check_names(in->target, &target, true, err);
	return r >= 0 ? check_names(in->native, &native, false, err) : r;
}

static int add_set(struct buf *b, const struct lock *l, const struct lock_set *s)
{
	for (size_t i = 0; i < s->names.len; i++)
		(void)buf_addf(b, "name %s\n", s->names.items[i]);
	for (size_t i = 0; i < s->packages.len; i++) {
		const struct lock_package *p = lock_find(l, s->packages.items[i]);

		(void)buf_addf(b, "package %s %s\n", s->packages.items[i], p ? p->sha256 : "");
	}
	return buf_error(b);
}

static int make_keys(const struct cluster *c, const struct board *b, unsigned int flags,
		     struct base_inputs *in, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(KEY_TEXT_MAX);
	bool emulate = flags & BASE_EMULATE;
	int r;

	(void)buf_addf(&text, "kiln native %d %s\n", NATIVE_VERSION, in->native->arch);
	if (add_set(&text, &in->lock, in->native) < 0)
		return err_nomem(err);
	r = native_inputs(c, &in->lock, &text, err);
	if (r < 0)
		return r;
	(void)sha256_mem_hex(buf_str(&text), text.len, in->native_key);
	buf_clear(&text);
	(void)buf_addf(&text, "kiln root %d %s %s\nnative %s\nagent %s\n",
		       emulate ? EMULATED_VERSION : ROOT_VERSION, b->arch,
		       emulate ? "emulated" : "twin", in->native_key, in->agent_sha256);
	if (add_set(&text, &in->lock, in->target) < 0)
		return err_nomem(err);
	(void)sha256_mem_hex(buf_str(&text), text.len, in->key);
	return 0;
}

static int find_agent(const struct board *b, char **ret, struct err *err)
{
	char rel[128];

	(void)snprintf(rel, sizeof(rel), "agent/%s/kiln-node.deb", b->arch);
	return datadir_path(rel, ret, err);
}

int base_inputs_get(const struct cluster *c, const struct board *b, unsigned int flags,
		    struct base_inputs *ret, struct err *err)
{
	cleanup_base_inputs struct base_inputs in = { 0 };
	int r;

	r = lock_load(c, &in.lock, err);
	if (r >= 0)
		r = find_sets(c, b, &in, err);
	if (r >= 0)
		r = find_agent(b, &in.agent_deb, err);
	if (r >= 0)
		r = sha256_file_at(AT_FDCWD, in.agent_deb, in.agent_sha256, err);
	if (r >= 0)
		r = make_keys(c, b, flags, &in, err);
	if (r < 0)
		return r;
	*ret = in;
	in = (struct base_inputs){ 0 };
	return 0;
}

/* A file of the cache that is no longer what its name says is taken away. */
static int drop_damaged(const struct lock *l, const struct lock_set *s, size_t *ret_dropped,
			struct err *err)
{
	*ret_dropped = 0;
	for (size_t i = 0; i < s->packages.len; i++) {
		const struct lock_package *p = lock_find(l, s->packages.items[i]);
		cleanup_free char *path = NULL;
		char hex[SHA256_HEX_MAX];
		int r = cache_find(p->sha256, &path, err);

		if (r > 0)
			r = sha256_file_at(AT_FDCWD, path, hex, err);
		if (r < 0)
			return r;
		if (!path || strcmp(hex, p->sha256) == 0)
			continue;
		log_debugf("cached package '%s' is damaged: removed", path);
		if (unlink(path) < 0)
			return err_errnof(err, -errno, "cannot remove the damaged '%s'", path);
		(*ret_dropped)++;
	}
	return 0;
}

int base_debs(const struct base_inputs *in, const struct lock_set *s, bool offline,
	      struct string_list *ret, struct err *err)
{
	size_t dropped;
	int r;

	r = drop_damaged(&in->lock, s, &dropped, err);
	if (r >= 0)
		r = apt_fetch(&in->lock, s, offline, err);
	for (size_t i = 0; i < s->packages.len && r >= 0; i++) {
		const struct lock_package *p = lock_find(&in->lock, s->packages.items[i]);
		cleanup_free char *path = NULL;

		r = cache_find(p->sha256, &path, err);
		if (r == 0)
			return err_setf(err, -ENOENT, "package '%s' left the cache meanwhile",
					p->name);
		if (r > 0 && lock_list_add(ret, path) < 0)
			return err_nomem(err);
	}
	if (r < 0 && dropped)
		return err_wrapf(err, r, "%zu package%s of the cache %s damaged", dropped,
				 dropped == 1 ? "" : "s", dropped == 1 ? "was" : "were");
	return r < 0 ? r : 0;
}

static bool set_has_name(const struct lock_set *s, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < s->packages.len; i++)
		if (strncmp(s->packages.items[i], name, len) == 0 &&
		    s->packages.items[i][len] == '_')
			return true;
	return false;
}

/* Packages of the target alone that cannot be payload become names of the native half. */
static int find_scripted(const struct lock *l, const struct lock_set *target,
			 const struct lock_set *native, struct string_list *names,
			 size_t *ret_added, struct err *err)
{
	*ret_added = 0;
	for (size_t i = 0; i < target->packages.len; i++) {
		const struct lock_package *p = lock_find(l, target->packages.items[i]);
		cleanup_deb struct deb d = { 0 };
		cleanup_free char *path = NULL;
		const char *why;
		int r;

		if (set_has_name(native, p->name))
			continue;
		r = cache_find(p->sha256, &path, err);
		if (r >= 0)
			r = deb_read_control(path, &d, err);
		if (r < 0)
			return r;
		if (payload_ok(&d, &why))
			continue;
		if (lock_list_add(names, p->name) < 0)
			return err_nomem(err);
		(*ret_added)++;
	}
	return 0;
}

static int lock_native(const struct cluster *c, const struct board *b, struct string_list *names,
		       struct lock *l, size_t *ret_added, struct err *err)
{
	cleanup_free char *name = base_native_set(b);
	struct board half = *b;
	struct apt_request rq = {
		.cluster = c, .board = &half, .arch = deb_arch_desk()->name, .names = names
	};
	cleanup_lock struct lock trial = { 0 };
	int r;

	if (!name)
		return err_nomem(err);
	half.name = name;
	r = apt_resolve(&rq, &trial, err);
	if (r < 0)
		return r;
	r = find_scripted(l, lock_set(l, b->name, b->arch), lock_set(&trial, name, rq.arch), names,
			  ret_added, err);
	if (r < 0 || *ret_added)
		return r;
	for (size_t i = 0; i < trial.packages_len; i++)
		if (lock_add_package(l, &trial.packages[i]) < 0)
			return err_nomem(err);
	return lock_add_set(l, lock_set(&trial, name, rq.arch)) < 0 ? err_nomem(err) : 0;
}

int base_inputs_lock(const struct cluster *c, const struct board *b, struct lock *l,
		     struct err *err)
{
	cleanup_lock_list struct string_list target = { 0 }, native = { 0 };
	cleanup_free char *agent = NULL;
	struct apt_request rq = { .cluster = c, .board = b, .arch = b->arch, .names = &target };
	size_t added = 1;
	int r;

	r = base_names_board(c, b, &target, err);
	if (r >= 0)
		r = base_names_native(c, &native, err);
	if (r >= 0)
		r = find_agent(b, &agent, err);
	if (r < 0)
		return r;
	rq.local_deb = agent;
	r = apt_resolve(&rq, l, err);
	if (r >= 0)
		r = apt_fetch(l, lock_set(l, b->name, b->arch), false, err);
	for (int round = 0; r >= 0 && added && round < ROUNDS_MAX; round++)
		r = lock_native(c, b, &native, l, &added, err);
	if (r >= 0 && added)
		r = err_setf(err, -EINVAL,
			     "board '%s': some of its packages exist only for %s and have "
			     "scripts that must run",
			     b->name, b->arch);
	return r;
}
