/*
 * seed-fixture - a root, a boot partition and seeds, as folders, for the tests of the import
 *
 * fixture_new() makes root/ and boot/kiln/ in the working directory. seed_write() writes a seed's
 * tar through libarchive and names it by its digest. tree_text() is the whole state of a
 * folder as text: type, mode, digest and path of everything in it.
 */
#pragma once

#include "archive-util.h"
#include "buf.h"
#include "digest.h"
#include "file.h"
#include "seed-import.h"
#include "test.h"
#include "tempfile.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#define BASE_ID "b000000000000000000000000000000000000000000000000000000000000001"
#define CLUSTER_ID "c0000000000000000000000000000001"

static struct err err;
static struct base_json base = { .id = (char *)BASE_ID, .cluster_id = (char *)CLUSTER_ID, .board = (char *)"rpi5" };
static struct machine machine = { .serial = "SER1", .macs = { "02:00:00:00:00:01" }, .macs_len = 1 };

struct item {
	const char *path;        /* as in the tar */
	mode_t type;             /* S_IFREG, S_IFDIR, S_IFLNK ...; S_IFMT: a hard link */
	mode_t mode;
	const char *data;        /* contents or target */
};

/* Texts that an assertion looks at once: released when 64 more came. */
static inline char *keep(char *text)
{
	static char *kept[64];
	static size_t next;

	free(kept[next]);
	kept[next] = text;
	next = (next + 1) % ARRAY_SIZE(kept);
	return text;
}
static inline char *slurp(const char *path)
{
	char *text = NULL;

	ASSERT_OK(file_read_at(AT_FDCWD, path, 64 << 20, &text, NULL, &err), &err);
	return keep(text);
}
static inline void spit(const char *path, const char *text)
{
	ASSERT_OK(file_replace_at(AT_FDCWD, path, text, strlen(text), 0644, &err), &err);
}

__attribute__((noinline, unused)) static char *seed_text(uint64_t baked_at)
{
	struct seed_json j = { .cluster = (char *)"home", .cluster_id = (char *)CLUSTER_ID, .node = (char *)"cow",
			       .board = (char *)"rpi5", .base = (char *)BASE_ID, .baked_at = baked_at,
			       .machine = { (char *)"02:00:00:00:00:01", (char *)"SER1" } };
	char *text = NULL;
	size_t len;

	ASSERT_OK(seed_json_format(&j, &text, &len, &err), &err);
	return text;
}

static inline void tar_add(struct archive *a, const struct item *i)
{
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();
	size_t len = i->type == S_IFREG ? strlen(i->data) : 0;

	archive_entry_set_pathname(e, i->path);
	archive_entry_set_uid(e, getuid());
	archive_entry_set_gid(e, getgid());
	if (i->type == S_IFMT) {
		archive_entry_set_mode(e, S_IFREG | 0644);
		archive_entry_set_hardlink(e, i->data);
	} else {
		archive_entry_set_mode(e, i->type | i->mode);
		archive_entry_set_size(e, (la_int64_t)len);
		if (i->type == S_IFLNK)
			archive_entry_set_symlink(e, i->data);
		if (i->mode == 01) { /* a mark: with an attribute */
			archive_entry_set_perm(e, 0644);
			archive_entry_xattr_add_entry(e, "user.a", "b", 1);
		}
	}
	ASSERT_EQ(archive_write_header(a, e), ARCHIVE_OK);
	if (len)
		ASSERT_EQ(archive_write_data(a, i->data, len), len);
}

/* The bytes of a seed's tar; @json NULL: none. */
static inline char *seed_bytes(const char *json, const struct item *items, size_t n, size_t *ret_len)
{
	cleanup_archive_write struct archive *a = archive_write_new();
	char *memory = malloc(16 << 20);
	struct item first = { "seed.json", S_IFREG, 0600, json };

	ASSERT_EQ(archive_write_set_format_pax_restricted(a), ARCHIVE_OK);
	ASSERT_EQ(archive_write_set_bytes_in_last_block(a, 1), ARCHIVE_OK);
	ASSERT_EQ(archive_write_open_memory(a, memory, 16 << 20, ret_len), ARCHIVE_OK);
	if (json)
		tar_add(a, &first);
	for (size_t i = 0; i < n; i++)
		tar_add(a, &items[i]);
	ASSERT_EQ(archive_write_close(a), ARCHIVE_OK);
	return memory;
}

/* Puts bytes on the boot partition as a seed; the path is static. */
static inline const char *seed_put(const char *bytes, size_t len)
{
	static char path[128];
	char hex[SHA256_HEX_MAX];

	(void)snprintf(path, sizeof(path), "boot/kiln/seed-%s.tar", sha256_mem_hex(bytes, len, hex));
	ASSERT_OK(file_replace_at(AT_FDCWD, path, bytes, len, 0644, &err), &err);
	return path;
}

static inline const char *seed_write(uint64_t baked_at, const struct item *items, size_t n)
{
	cleanup_free char *json = seed_text(baked_at);
	size_t len;
	cleanup_free char *bytes = seed_bytes(json, items, n, &len);

	return seed_put(bytes, len);
}

/* Moves into a folder in memory, where a sync costs nothing: for long loops. Gone at exit. */
static inline void in_memory(void)
{
	static struct tempfile *t;

	if (access("/dev/shm", W_OK) < 0)
		return;
	ASSERT_OK(tempfile_new_dir("/dev/shm", "kiln-test.", &t, &err), &err);
	ASSERT_EQ(chdir(t->path), 0);
}

static inline void fixture_new(void)
{
	ASSERT_EQ(mkdir("root", 0755), 0);
	ASSERT_EQ(mkdir("root/etc", 0755), 0);
	ASSERT_EQ(mkdir("root/var", 0755), 0);
	ASSERT_EQ(mkdir("root/var/lib", 0755), 0);
	ASSERT_EQ(mkdir("boot", 0755), 0);
	ASSERT_EQ(mkdir("boot/kiln", 0755), 0);
	spit("root/etc/hosts", "of the base\n");
	spit("boot/kiln/base.json", "{}\n");
}

/* Runs the import as kiln-init does. */
static inline int import(struct seed_info *info)
{
	cleanup_close int root_fd = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int boot_fd = open("boot", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct seed_place place = { root_fd, boot_fd, &base, &machine };

	err_clear(&err);
	return seed_import(&place, info, &err);
}

static inline int add_line(void *arg, const struct tree_entry *e, struct err *e2)
{
	char hex[SHA256_HEX_MAX] = "", target[4096] = "";

	if (S_ISREG(e->st->st_mode))
		ASSERT_OK(sha256_file_at(e->dir_fd, e->name, hex, e2), e2);
	if (S_ISLNK(e->st->st_mode))
		ASSERT(readlinkat(e->dir_fd, e->name, target, sizeof(target) - 1) >= 0);
	return buf_addf(arg, "%06o %.16s%s %s\n", e->st->st_mode, hex, target, e->path);
}
static inline char *tree_text(const char *dir)
{
	struct buf text = BUF_INIT(8 << 20);

	ASSERT_OK(tree_walk_at(AT_FDCWD, dir, add_line, &text, &err), &err);
	return buf_steal(&text, NULL);
}
