#include "btrfs.h"
#include "file.h"
#include "spawn.h"
#include "tree.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MAKE_TIMEOUT_MS (30u * 60 * 1000)
#define CHECK_TIMEOUT_MS (15u * 60 * 1000)
#define SUBVOLUMES_MAX 16
#define ROOM_BYTES                                                                                 \
	(UINT64_C(512) << 20) /* logs, apt lists, K3s' first files, before root grows              \
			       */
#define SUPER_AT 0x10000
#define ROOM_LEFT_BYTES (256U << 10) /* a disk with less is full */

struct estimate {
	uint64_t bytes;
};

static int count(void *arg, const struct tree_entry *e, struct err *err)
{
	struct estimate *t = arg;

	(void)err;
	/* what mkfs.btrfs itself reckons (btrfs_mkfs_size_dir), twice as metadata is DUP: it
	 * makes the file longer when that does not fit */
	t->bytes += 2 * (3 * 4096 + 4096);
	if (S_ISREG(e->st->st_mode))
		t->bytes += ((uint64_t)e->st->st_size + 4095) / 4096 * 4096;
	return 0;
}

int btrfs_estimate(const char *tree, uint64_t *ret_bytes, struct err *err)
{
	struct estimate t = { 0 };
	int r;

	r = tree_walk_at(AT_FDCWD, tree, count, &t, err);
	if (r < 0)
		return r;
	*ret_bytes = t.bytes + ROOM_BYTES;
	return 0;
}

static int make_file(const char *path, uint64_t size_bytes, struct err *err)
{
	cleanup_close int fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	int r;

	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s'", path);
	r = neg_errno(ftruncate(fd, 0));
	if (r == 0)
		r = neg_errno(ftruncate(fd, (off_t)size_bytes));
	if (r < 0)
		return err_errnof(err, r, "cannot size '%s'", path);
	return 0;
}

/* mkfs.btrfs makes a file longer that it finds too short; the partition would not be. */
static int check_length(const struct btrfs_make *m, struct err *err)
{
	struct stat st;

	if (stat(m->image, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", m->image);
	if ((uint64_t)st.st_size != m->size_bytes)
		return err_setf(err, -ENOSPC,
				"root file system: mkfs.btrfs wants %llu bytes, %llu were planned",
				(unsigned long long)st.st_size, (unsigned long long)m->size_bytes);
	return 0;
}

/* mkfs.btrfs tells of a full disk first and of what it had in hand, line by line, after that. */
struct said {
	bool full;
	char end[32]; /* of the piece before: the words may lie across two */
};

static int take_words(void *arg, const char *data, size_t len)
{
	static const char words[] = "No space left on device";
	char joined[sizeof(words) + sizeof(((struct said *)0)->end)];
	struct said *s = arg;
	size_t n = len < sizeof(words) - 2 ? len : sizeof(words) - 2;

	(void)snprintf(joined, sizeof(joined), "%s%.*s", s->end, (int)n, data);
	s->full |= strstr(joined, words) || memmem(data, len, words, sizeof(words) - 1);
	(void)snprintf(s->end, sizeof(s->end), "%.*s", (int)n, data + len - n);
	return 0;
}

/* Not each of its versions and not each failed write says so; then the disk itself tells. */
static bool is_full(const struct btrfs_make *m, const struct said *s)
{
	struct statvfs fs;

	return s->full ||
	       (statvfs(m->image, &fs) == 0 && fs.f_bavail < ROOM_LEFT_BYTES / fs.f_frsize);
}

int btrfs_make(const struct btrfs_make *m, struct err *err)
{
	char preload[PATH_MAX], seed[64], when[64];
	const char *const env[] = { preload, seed, when, NULL };
	const char *argv[32 + 2 * SUBVOLUMES_MAX];
	char subvolumes[SUBVOLUMES_MAX][72];
	cleanup_spawn struct spawn s = { .argv = argv, .timeout_ms = MAKE_TIMEOUT_MS };
	struct said said = { 0 };
	size_t n = 0, i = 0;
	int r;

	r = make_file(m->image, m->size_bytes, err);
	if (r < 0)
		return r;
	if (m->repro) {
		(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", m->repro);
		(void)snprintf(seed, sizeof(seed), "KILN_REPRO_SEED=%s", m->uuid);
		(void)snprintf(when, sizeof(when), "KILN_REPRO_TIME=%llu",
			       (unsigned long long)m->mtime_s);
		s.env_add = env;
	}
	for (const char *const *a =
		     (const char *const[]){ "mkfs.btrfs", "--quiet", "--nodiscard", "--sectorsize",
					    "4096", "--rootdir", NULL };
	     *a; a++)
		argv[n++] = *a;
	argv[n++] = m->tree;
	argv[n++] = "--uuid";
	argv[n++] = m->uuid;
	argv[n++] = "--device-uuid";
	argv[n++] = m->device_uuid;
	argv[n++] = "--label";
	argv[n++] = m->label;
	if (m->compress) {
		argv[n++] = "--compress";
		argv[n++] = m->compress;
	}
	for (; m->subvolumes[i]; i++) {
		if (i == SUBVOLUMES_MAX)
			return err_setf(err, -E2BIG, "more than %d subvolumes", SUBVOLUMES_MAX);
		(void)snprintf(subvolumes[i], sizeof(subvolumes[i]), "rw:%s", m->subvolumes[i]);
		argv[n++] = "--subvol";
		argv[n++] = subvolumes[i];
	}
	argv[n++] = m->image;
	argv[n] = NULL;
	s.err_fn = take_words;
	s.arg = &said;
	r = spawn_run(&s, err);
	if (r < 0 && is_full(m, &said))
		r = err_setf(err, -ENOSPC, "mkfs.btrfs cannot write '%s': %s", m->image,
			     strerror(ENOSPC));
	if (r < 0)
		return err_wrapf(err, r, "root file system");
	return check_length(m, err);
}

int btrfs_check(const char *image, struct err *err)
{
	const char *const argv[] = { "btrfs", "check", "--readonly", image, NULL };
	cleanup_spawn struct spawn s = { .argv = argv, .timeout_ms = CHECK_TIMEOUT_MS };
	int r = spawn_run(&s, err);

	if (r < 0)
		return err_wrapf(err, r, "root file system");
	return 0;
}

int btrfs_total_bytes(int fd, uint64_t start_bytes, uint64_t *ret, struct err *err)
{
	/* btrfs-dev-docs, on-disk format: magic at 0x40, total_bytes at 0x70 of the superblock */
	uint8_t super[0x80];
	ssize_t n = pread_upto(fd, super, sizeof(super), start_bytes + SUPER_AT);
	uint64_t total;

	if (n < 0)
		return err_errnof(err, (int)n, "cannot read the superblock of root");
	if ((size_t)n != sizeof(super) || memcmp(super + 0x40, "_BHRfS_M", 8) != 0)
		return err_setf(err, -EINVAL, "no Btrfs at %llu", (unsigned long long)start_bytes);
	memcpy(&total, super + 0x70, 8);
	*ret = le64toh(total);
	return 0;
}
