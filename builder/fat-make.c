#include "fat-make.h"
#include "spawn.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define TIMEOUT_MS 120000
#define FAT32_CLUSTERS_MIN 65525u /* below, readers take it for FAT16 */
#define SLACK_CLUSTERS 512u	  /* tables and reserved sectors count too */

struct mtools_env {
	char epoch[48];
	const char *items[8];
};

/* A user's mtoolsrc or time zone must not change an image. */
static const char *const *mtools_env(const struct fat_make *m, struct mtools_env *e)
{
	(void)snprintf(e->epoch, sizeof(e->epoch), "SOURCE_DATE_EPOCH=%lld", (long long)m->mtime_s);
	e->items[0] = e->epoch;
	e->items[1] = "TZ=UTC";
	e->items[2] = "MTOOLSRC=/dev/null";
	e->items[3] = "MTOOLS_SKIP_CHECK=1";
	e->items[4] = "LC_ALL=C.UTF-8";
	e->items[5] = NULL;
	return e->items;
}

static int run(const struct fat_make *m, const char *const *argv, struct err *err)
{
	struct mtools_env env;
	cleanup_spawn struct spawn s = {
		.argv = argv,
		.env_add = mtools_env(m, &env),
		.timeout_ms = TIMEOUT_MS,
	};
	int r = spawn_run(&s, err);

	if (r < 0 && strstr(err->msg, "Disk full"))
		r = -ENOSPC;
	return r;
}

static int drive(const struct fat_make *m, char dst[PATH_MAX], struct err *err)
{
	if (snprintf(dst, PATH_MAX, "%s@@%llu", m->image, (unsigned long long)m->start_bytes) >=
	    PATH_MAX)
		return err_setf(err, -ENAMETOOLONG, "path '%s' is too long", m->image);
	return 0;
}

static unsigned int cluster_sectors(const struct fat_make *m)
{
	unsigned int n = 8; /* 4 KiB: what the Pi's builders use, and a page of flash */

	while (n > 1 && m->size_bytes / (512u * n) < FAT32_CLUSTERS_MIN + SLACK_CLUSTERS)
		n /= 2;
	return n;
}

int fat_make(const struct fat_make *m, struct err *err)
{
	char id[16], sectors[8], hidden[24], offset[24], blocks[24];
	const char *const argv[] = { "mkfs.vfat", "-F",	  "32",	    "-S",     "512", "-s",
				     sectors,	  "-R",	  "32",	    "-f",     "2",   "--invariant",
				     "-i",	  id,	  "-n",	    m->label, "-h",  hidden,
				     "--offset",  offset, m->image, blocks,   NULL };
	int r;

	if (m->size_bytes / (512u * cluster_sectors(m)) < FAT32_CLUSTERS_MIN + SLACK_CLUSTERS)
		return err_setf(err, -ERANGE, "%llu bytes are too few for FAT32",
				(unsigned long long)m->size_bytes);
	(void)snprintf(id, sizeof(id), "%08x", m->volume_id);
	(void)snprintf(sectors, sizeof(sectors), "%u", cluster_sectors(m));
	(void)snprintf(hidden, sizeof(hidden), "%llu",
		       (unsigned long long)m->disk_start_bytes / 512);
	(void)snprintf(offset, sizeof(offset), "%llu", (unsigned long long)m->start_bytes / 512);
	(void)snprintf(blocks, sizeof(blocks), "%llu", (unsigned long long)m->size_bytes / 1024);
	r = run(m, argv, err);
	if (r < 0)
		return err_wrapf(err, r, "boot partition");
	return 0;
}

struct adding {
	const struct fat_make *make;
	const char *dir;
	char drive[PATH_MAX];
};

static int add_entry(void *arg, const struct tree_entry *e, struct err *err)
{
	const struct adding *a = arg;
	char from[PATH_MAX], to[PATH_MAX];
	const char *const mkdir_argv[] = { "mmd", "-i", a->drive, to, NULL };
	const char *const copy_argv[] = { "mcopy", "-i", a->drive, "-m", "-Q", from, to, NULL };

	if (snprintf(from, sizeof(from), "%s/%s", a->dir, e->path) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "::/%s", e->path) >= (int)sizeof(to))
		return err_setf(err, -ENAMETOOLONG, "path '%s' is too long", e->path);
	if (S_ISDIR(e->st->st_mode))
		return run(a->make, mkdir_argv, err);
	if (!S_ISREG(e->st->st_mode))
		return err_setf(err, -EINVAL,
				"'%s' is neither a file nor a folder: FAT has no place for it",
				e->path);
	return run(a->make, copy_argv, err);
}

int fat_add_tree(const struct fat_make *m, const char *dir, struct err *err)
{
	struct adding a = { .make = m, .dir = dir };
	int r;

	r = drive(m, a.drive, err);
	if (r == 0)
		r = tree_walk_at(AT_FDCWD, dir, add_entry, &a, err);
	if (r < 0)
		return err_wrapf(err, r, "boot partition");
	return 0;
}

int fat_add_file(const struct fat_make *m, const char *from, const char *to, struct err *err)
{
	char on[PATH_MAX], target[PATH_MAX];
	const char *const argv[] = { "mcopy", "-i", on, "-m", "-Q", "-D", "o", from, target, NULL };
	int r;

	r = drive(m, on, err);
	if (r < 0)
		return r;
	(void)snprintf(target, sizeof(target), "::/%s", to);
	r = run(m, argv, err);
	if (r < 0)
		return err_wrapf(err, r, "boot partition");
	return 0;
}

int fat_remove_file(const struct fat_make *m, const char *path, struct err *err)
{
	char on[PATH_MAX], target[PATH_MAX];
	const char *const argv[] = { "mdel", "-i", on, target, NULL };
	int r;

	r = drive(m, on, err);
	if (r < 0)
		return r;
	(void)snprintf(target, sizeof(target), "::/%s", path);
	r = run(m, argv, err);
	if (r < 0)
		return err_wrapf(err, r, "boot partition");
	return 0;
}

int fat_check(const struct fat_make *m, struct err *err)
{
	const char *const argv[] = { "fsck.vfat", "-n", m->image, NULL };
	int r;

	if (m->start_bytes != 0)
		return err_setf(err, -EINVAL, "fsck.vfat cannot look inside an image");
	r = run(m, argv, err);
	if (r < 0)
		return err_wrapf(err, r, "boot partition");
	return 0;
}
