#include "seed-import.h"

#include "buf.h"
#include "file.h"
#include "seed-apply.h"
#include "seed-files.h"
#include "seed-pending.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SEED_DIR_NAME "kiln"
#define SEEDS_MAX 8
#define SEED_BEGUN "seed.new" /* what `kiln push` began and did not end */
#define HEX_LEN (SHA256_HEX_MAX - 1)
#define WIPE_CHUNK (64U << 10)

struct seed {
	char name[SHA256_HEX_MAX + 16];
	char digest[SHA256_HEX_MAX];
	bool good;
	struct seed_manifest manifest;
};
struct import {
	const struct seed_place *place;
	int dir_fd; /* kiln/ on the boot partition */
	struct seed seeds[SEEDS_MAX];
	size_t len;
	bool begun;		 /* SEED_BEGUN is there */
	struct seed_json record; /* of the root */
	bool has_record;
	struct buf notes;
};

static void import_done(struct import *i)
{
	for (size_t n = 0; n < i->len; n++)
		seed_manifest_done(&i->seeds[n].manifest);
	seed_json_done(&i->record);
	buf_done(&i->notes);
	close_fdp(&i->dir_fd);
}
#define cleanup_import CLEANUP(import_done)

void seed_info_done(struct seed_info *info)
{
	seed_json_done(&info->json);
	free(info->notes);
	*info = (struct seed_info){ 0 };
}

static bool is_seed_name(const char *name, char ret_digest[SHA256_HEX_MAX])
{
	if (strncmp(name, "seed-", 5) != 0 || strspn(name + 5, "0123456789abcdef") != HEX_LEN ||
	    strcmp(name + 5 + HEX_LEN, ".tar") != 0)
		return false;
	memcpy(ret_digest, name + 5, HEX_LEN);
	ret_digest[HEX_LEN] = '\0';
	return true;
}

/* -ENOENT: no kiln/ there. */
static int list_seeds(int boot_fd, struct import *i, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	int r;

	i->dir_fd = neg_errno(
		openat(boot_fd, SEED_DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (i->dir_fd == -ENOENT)
		return 0;
	if (i->dir_fd < 0)
		return err_errnof(err, i->dir_fd,
				  "cannot open '" SEED_DIR_NAME "' on the boot partition");
	r = tree_list_at(i->dir_fd, ".", &names, err);
	if (r < 0)
		return err_wrapf(err, r, "boot partition");
	for (size_t n = 0; n < names.len && i->len < SEEDS_MAX; n++) {
		struct seed *s = &i->seeds[i->len];

		*s = (struct seed){ 0 };
		i->begun = i->begun || strcmp(names.items[n], SEED_BEGUN) == 0;
		if (!is_seed_name(names.items[n], s->digest))
			continue;
		(void)snprintf(s->name, sizeof(s->name), "%s", names.items[n]);
		i->len++;
	}
	return 0;
}

static int open_seed(const struct import *i, const struct seed *s, int flags, struct err *err)
{
	int fd = neg_errno(openat(i->dir_fd, s->name, flags | O_NOFOLLOW | O_CLOEXEC));

	return fd < 0 ? err_errnof(err, fd, "cannot open it") : fd;
}

static int check_digest(int fd, const struct seed *s, struct err *err)
{
	char hex[SHA256_HEX_MAX];
	int r = sha256_fd(fd, hex, err);

	if (r < 0)
		return r;
	if (strcmp(hex, s->digest) != 0)
		return err_setf(
			err, -EBADMSG,
			"it is damaged: its contents have digest %.12s, its name says %.12s", hex,
			s->digest);
	return 0;
}

static int examine(const struct import *i, struct seed *s, struct err *err)
{
	cleanup_close int fd = open_seed(i, s, O_RDONLY, err);
	int r = fd < 0 ? fd : check_digest(fd, s, err);

	if (r >= 0)
		r = seed_tar_scan(fd, &s->manifest, err);
	if (r >= 0)
		r = seed_check(&s->manifest, i->place->base, i->place->machine, err);
	return r;
}

/* Zeros over the contents, on the disk before the name goes. */
static int wipe(const struct import *i, const struct seed *s, struct err *err)
{
	cleanup_close int fd = open_seed(i, s, O_WRONLY, err);
	cleanup_free char *zeros = calloc(1, WIPE_CHUNK);
	struct stat st;

	if (fd < 0)
		return fd;
	if (!zeros)
		return err_nomem(err);
	if (fstat(fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at it");
	for (uint64_t at = 0; at < (uint64_t)st.st_size;) {
		uint64_t left = (uint64_t)st.st_size - at;
		size_t n = left < WIPE_CHUNK ? (size_t)left : WIPE_CHUNK;
		int r = pwrite_all(fd, zeros, n, at);

		if (r < 0)
			return err_errnof(err, r, "cannot overwrite it");
		at += n;
	}
	if (fsync(fd) < 0)
		return err_errnof(err, -errno, "cannot sync it");
	if (unlinkat(i->dir_fd, s->name, 0) < 0)
		return err_errnof(err, -errno, "cannot remove it");
	if (fsync(i->dir_fd) < 0)
		return err_errnof(err, -errno, "cannot sync '" SEED_DIR_NAME "'");
	return 0;
}

/* The seed is in the root: a boot partition that cannot be written is worth a note only. */
static void wipe_or_note(struct import *i, const struct seed *s)
{
	struct err err = { 0 };

	if (wipe(i, s, &err) < 0)
		(void)buf_addf(&i->notes,
			       "seed %.12s is imported but still on the boot partition, with its "
			       "secrets: %s\n",
			       s->digest, err.msg);
}

/* A piece of a seed, with secrets, that the power's end or a lost connection left. */
static void wipe_begun(struct import *i)
{
	struct seed s = { .name = SEED_BEGUN };
	struct err err = { 0 };

	if (i->begun && wipe(i, &s, &err) < 0)
		(void)buf_addf(&i->notes, "'" SEED_BEGUN "' stays on the boot partition: %s\n",
			       err.msg);
}

static int read_record(struct import *i, struct err *err)
{
	cleanup_free char *text = NULL;
	struct err own = { 0 };
	size_t len;
	int r;

	r = seed_state_read(i->place->root_fd, SEED_RECORD, SEED_JSON_MAX, &text, &len, err);
	if (r <= 0)
		return r;
	i->has_record = true;
	if (seed_json_parse(text, len, &i->record, &own) < 0)
		(void)buf_addf(&i->notes, "'" SEED_RECORD "' is damaged: %s\n", own.msg);
	return 0;
}

static bool is_recorded(const struct import *i, const struct seed *s)
{
	return i->record.digest && strcmp(i->record.digest, s->digest) == 0;
}

/* Removes what was imported before, judges the rest; the one to import, or NULL. */
static struct seed *choose(struct import *i)
{
	struct seed *best = NULL;

	for (size_t n = 0; n < i->len; n++) {
		struct seed *s = &i->seeds[n];
		struct err err = { 0 };

		if (is_recorded(i, s)) {
			wipe_or_note(i, s);
			continue;
		}
		if (examine(i, s, &err) < 0) {
			(void)buf_addf(&i->notes, "seed %.12s is refused and left alone: %s\n",
				       s->digest, err.msg);
			continue;
		}
		s->good = true;
		if (!best || s->manifest.json.baked_at > best->manifest.json.baked_at)
			best = s;
	}
	return best;
}

static int apply(struct import *i, struct seed *s, bool *ret_done, struct err *err)
{
	cleanup_close int fd = open_seed(i, s, O_RDONLY, err);
	bool torn = false;
	int r;

	r = fd < 0 ? fd : seed_apply(i->place->root_fd, fd, &s->manifest, s->digest, &torn, err);
	if (r < 0 && !torn) {
		(void)buf_addf(&i->notes, "seed %.12s cannot be imported and is left alone: %s\n",
			       s->digest, err->msg);
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return err_wrapf(
			err, r,
			"seed %.12s: the import stopped halfway and is done again at the next boot",
			s->digest);
	*ret_done = true;
	for (size_t n = 0; n < i->len; n++) /* older ones are superseded */
		if (i->seeds[n].good)
			wipe_or_note(i, &i->seeds[n]);
	return 0;
}

int seed_import(const struct seed_place *place, struct seed_info *ret, struct err *err)
{
	cleanup_import struct import i = { .place = place,
					   .dir_fd = -EBADF,
					   .notes = BUF_INIT(64 << 10) };
	struct seed_info info = { 0 };
	struct seed *s;
	int r;

	r = read_record(&i, err);
	if (r >= 0)
		r = list_seeds(place->boot_fd, &i, err);
	if (r < 0)
		return r;
	wipe_begun(&i);
	if (i.has_record) { /* a cut after the record, before the list of temporaries went */
		r = seed_pending_clean(place->root_fd, err);
		if (r < 0)
			return r;
	}
	s = choose(&i);
	if (s) {
		r = apply(&i, s, &info.imported, err);
		if (r < 0)
			return r;
	}
	info.seeded = info.imported || i.has_record;
	info.json = info.imported ? s->manifest.json : i.record;
	if (info.imported)
		s->manifest.json = (struct seed_json){ 0 };
	else
		i.record = (struct seed_json){ 0 };
	if (info.imported && !(info.json.digest = strdup(s->digest)))
		r = err_nomem(err);
	if (i.notes.len)
		info.notes = buf_steal(&i.notes, NULL);
	if (r < 0) {
		seed_info_done(&info);
		return r;
	}
	*ret = info;
	return 0;
}

int seed_peek(int boot_fd, struct seed_json *ret)
{
	cleanup_import struct import i = { .dir_fd = -EBADF };
	struct err err = { 0 };

	if (list_seeds(boot_fd, &i, &err) < 0)
		return 0;
	for (size_t n = 0; n < i.len; n++) {
		struct seed *s = &i.seeds[n];
		cleanup_close int fd = open_seed(&i, s, O_RDONLY, &err);

		if (fd < 0 || check_digest(fd, s, &err) < 0 ||
		    seed_tar_scan(fd, &s->manifest, &err) < 0)
			continue;
		*ret = s->manifest.json;
		s->manifest.json = (struct seed_json){ 0 };
		return 1;
	}
	return 0;
}
