/* base-fetch - bring what kiln.lock names into the cache, by apt's own methods; see base-apt.h */
#include "base-apt.h"
#include "cache.h"
#include "file.h"
#include "spawn.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OUT_MAX (16U << 20)
#define FETCH_MS (3600U * 1000)
#define BATCH 64U /* downloads in one run of apt-helper */

/* One run of apt-helper for some packages: its methods, proxies and retries. */
static int fetch_batch(const struct lock_package *const *p, size_t len, const char *dir,
		       struct err *err)
{
	const char *argv[3 * BATCH + 8];
	cleanup_lock_list struct string_list own = { 0 };
	cleanup_spawn struct spawn s = { .timeout_ms = FETCH_MS, .out_max = OUT_MAX };
	size_t n = 0;
	int r = 0;

	argv[n++] = "/usr/lib/apt/apt-helper";
	argv[n++] = "-oAcquire::Retries=3";
	argv[n++] = geteuid() == 0 ? "-oAPT::Sandbox::User=root" : "-qq";
	argv[n++] = "-qq";
	argv[n++] = "download-file";
	for (size_t i = 0; i < len && r >= 0; i++) {
		char path[4096], hash[128];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, p[i]->sha256);
		(void)snprintf(hash, sizeof(hash), "SHA256:%s", p[i]->sha256);
		r = lock_list_add(&own, path);
		if (r >= 0)
			r = lock_list_add(&own, hash);
	}
	if (r < 0)
		return err_nomem(err);
	for (size_t i = 0; i < len; i++) {
		argv[n++] = p[i]->url;
		argv[n++] = own.items[2 * i];
		argv[n++] = own.items[2 * i + 1];
	}
	argv[n] = NULL;
	s.argv = argv;
	r = spawn_run(&s, err);
	for (size_t i = 0; i < len && r >= 0; i++)
		r = cache_add(own.items[2 * i], p[i]->sha256, NULL, NULL, err);
	if (r < 0)
		return err_wrapf(err, r,
				 "cannot fetch %zu packages beginning with '%s' (a mirror keeps "
				 "only the newest: 'kiln update' locks those)",
				 len, p[0]->name);
	return 0;
}

struct batch {
	const struct lock_package *items[BATCH];
	size_t len;
	struct tempfile *tmp; /* owned; where apt-helper writes, inside the cache */
};

static void batch_done(struct batch *b)
{
	tempfile_free(b->tmp);
}

static int batch_flush(struct batch *b, struct err *err)
{
	cleanup_free char *parent = NULL;
	int r = 0;

	if (!b->len)
		return 0;
	if (!b->tmp) {
		r = cache_path("tmp/x", &parent, err);
		if (r < 0)
			return r;
		*strrchr(parent, '/') = '\0';
		r = tempfile_new_dir(parent, "debs-", &b->tmp, err);
	}
	if (r >= 0)
		r = fetch_batch(b->items, b->len, b->tmp->path, err);
	b->len = 0;
	return r;
}

static bool all_there(const struct lock *l, const struct lock_set *s)
{
	struct err ignored = { 0 };

	for (size_t i = 0; i < s->packages.len; i++) {
		const struct lock_package *p = lock_find(l, s->packages.items[i]);

		if (!p || cache_find(p->sha256, NULL, &ignored) <= 0)
			return false;
	}
	return true;
}

/* One process fetches at a time: boards share most packages, and none comes twice. */
static int wait_for_turn(int *ret_fd, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	int r = cache_path("tmp/fetch.lock", &path, err);

	if (r < 0)
		return r;
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	do
		r = neg_errno(flock(fd, LOCK_EX));
	while (r == -EINTR);
	if (r < 0)
		return err_errnof(err, r, "cannot lock '%s'", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int apt_fetch(const struct lock *l, const struct lock_set *s, bool offline, struct err *err)
{
	CLEANUP(batch_done) struct batch batch = { 0 };
	cleanup_close int turn = -EBADF;
	int r;

	if (all_there(l, s))
		return 0;
	r = offline ? 0 : wait_for_turn(&turn, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->packages.len; i++) {
		const struct lock_package *p = lock_find(l, s->packages.items[i]);

		r = p ? cache_find(p->sha256, NULL, err) : -EINVAL;
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (offline)
			return err_setf(err, -ENOENT,
					"package '%s' (%s, %s) is not in the cache; "
					"'kiln fetch' brings it",
					p->name, p->version, p->arch);
		batch.items[batch.len++] = p;
		if (batch.len == BATCH) {
			r = batch_flush(&batch, err);
			if (r < 0)
				return r;
		}
	}
	return batch_flush(&batch, err);
}
