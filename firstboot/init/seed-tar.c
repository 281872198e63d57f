#include "seed-tar.h"

#include "archive-util.h"
#include "buf.h"
#include "file.h"
#include "path.h"

#include <string.h>
#include <sys/stat.h>

#define CHUNK (64U << 10)

static void member_done(struct seed_member *m)
{
	free(m->path);
	free(m->target);
	*m = (struct seed_member){ 0 };
}
#define cleanup_member CLEANUP(member_done)

void seed_manifest_done(struct seed_manifest *m)
{
	for (size_t i = 0; i < m->len; i++)
		member_done(&m->members[i]);
	free(m->members);
	seed_json_done(&m->json);
	*m = (struct seed_manifest){ 0 };
}

static int member_cmp(const void *a, const void *b)
{
	return strcmp(((const struct seed_member *)a)->path, ((const struct seed_member *)b)->path);
}

const struct seed_member *seed_manifest_find(const struct seed_manifest *m, const char *path)
{
	struct seed_member key = { .path = (char *)path };

	if (!m->len)
		return NULL;
	return bsearch(&key, m->members, m->len, sizeof(*m->members), member_cmp);
}

/* The tar must end as a tar does: whole blocks, the last two of zeros. */
static int check_end(int fd, struct err *err)
{
	static const char zeros[1024];
	char end[1024];
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n;

	if (size < 0)
		return err_errnof(err, -errno, "cannot seek in the seed");
	if (size < 2048 || size % 512 != 0)
		return err_setf(err, -EBADMSG, "the seed is no tar, or cut short: it has %jd bytes",
				(intmax_t)size);
	n = pread_upto(fd, end, sizeof(end), (uint64_t)size - sizeof(end));
	if (n < 0)
		return err_errnof(err, (int)n, "cannot read the seed");
	if (n != (ssize_t)sizeof(end) || memcmp(end, zeros, sizeof(end)) != 0)
		return err_setf(err, -EBADMSG, "the seed is cut short: it has no end");
	return 0;
}

static int open_tar(int fd, struct archive **ret, struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();

	if (!a)
		return err_nomem(err);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errnof(err, -errno, "cannot seek in the seed");
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK)
		return err_archive(err, a, "cannot read the seed");
	*ret = TAKE_PTR(a);
	return 0;
}

/* 1: a member, 0: the end. A warning of libarchive's is a failure here. */
static int next_member(struct archive *a, struct archive_entry **ret, struct err *err)
{
	int r = archive_read_next_header(a, ret);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_OK)
		return 1;
	(void)err_archive(err, a, "the seed is damaged");
	err->code = -EBADMSG;
	return -EBADMSG;
}

static int read_block(struct archive *a, char *chunk, const char *name, struct err *err)
{
	la_ssize_t n = archive_read_data(a, chunk, CHUNK);

	if (n >= 0)
		return (int)n;
	(void)err_archive(err, a, "the seed is damaged in '%s'", name);
	err->code = -EBADMSG;
	return -EBADMSG;
}

static int read_json(struct archive *a, struct archive_entry *e, struct seed_json *ret,
		     struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(SEED_JSON_MAX);
	cleanup_free char *chunk = malloc(CHUNK);
	int n, r;

	if (!chunk)
		return err_nomem(err);
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
		return err_setf(err, -EBADMSG, "the seed's 'seed.json' is no file");
	while ((n = read_block(a, chunk, "seed.json", err)) > 0)
		(void)buf_add(&text, chunk, (size_t)n);
	if (n < 0)
		return n;
	r = buf_error(&text);
	if (r < 0)
		return err_errnof(err, r, "cannot read the seed's 'seed.json'");
	r = seed_json_parse(buf_str(&text), text.len, ret, err);
	if (r < 0)
		return err_wrapf(err, r, "seed.json");
	return 0;
}

static int check_path(const char *name, struct err *err)
{
	size_t len;
	const char *last;

	if (!name)
		return err_setf(err, -EBADMSG, "a member's name is not plain text");
	if (strncmp(name, "root/", 5) != 0)
		return err_setf(err, -EBADMSG, "member '%s' is not below 'root/'", name);
	len = strlen(name);
	last = strrchr(name, '/') + 1;
	if (len > SEED_PATH_MAX || strlen(last) > SEED_NAME_MAX)
		return err_setf(err, -EBADMSG, "member '%.80s...' has too long a name", name);
	if (!path_is_clean(name + 4))
		return err_setf(err, -EBADMSG, "member '%s' has no clean path", name);
	return 0;
}

/* What a seed does not need is refused, so that nobody has to think about it. */
static int check_kind(struct archive_entry *e, const char *name, enum seed_type *ret,
		      struct err *err)
{
	if (archive_entry_hardlink(e))
		return err_setf(err, -EBADMSG, "member '%s' is a hard link", name);
	if (archive_entry_xattr_count(e) || archive_entry_acl_types(e) ||
	    archive_entry_sparse_count(e))
		return err_setf(err, -EBADMSG, "member '%s' is sparse or has attributes", name);
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		*ret = SEED_FILE;
		return 0;
	case AE_IFDIR:
		*ret = SEED_DIR;
		return 0;
	case AE_IFLNK:
		*ret = SEED_SYMLINK;
		break;
	default:
		return err_setf(err, -EBADMSG, "member '%s' is neither file, folder nor symlink",
				name);
	}
	if (!archive_entry_symlink(e) || !*archive_entry_symlink(e) ||
	    strlen(archive_entry_symlink(e)) > SEED_PATH_MAX)
		return err_setf(err, -EBADMSG, "symlink '%s' has no usable target", name);
	return 0;
}

static int digest_data(struct archive *a, struct seed_member *m, struct err *err)
{
	cleanup_free char *chunk = malloc(CHUNK);
	struct sha256 sum;
	uint64_t size = 0;
	int n;

	if (!chunk)
		return err_nomem(err);
	sha256_init(&sum);
	while ((n = read_block(a, chunk, m->path, err)) > 0) {
		sha256_update(&sum, chunk, (size_t)n);
		size += (uint64_t)n;
	}
	if (n < 0)
		return n;
	if (size != m->size_bytes)
		return err_setf(err, -EBADMSG, "member '%s' is cut short", m->path);
	(void)sha256_final_hex(&sum, m->sha256);
	return 0;
}

static int take_owner(struct archive_entry *e, const char *name, struct seed_member *m,
		      struct err *err)
{
	if (archive_entry_uid(e) < 0 || archive_entry_uid(e) > UINT32_MAX - 1 ||
	    archive_entry_gid(e) < 0 || archive_entry_gid(e) > UINT32_MAX - 1)
		return err_setf(err, -EBADMSG, "member '%s' has no usable owner", name);
	m->mode = archive_entry_perm(e) & 07777;
	m->uid = (uid_t)archive_entry_uid(e);
	m->gid = (gid_t)archive_entry_gid(e);
	return 0;
}

static int take_contents(struct archive *a, struct archive_entry *e, const char *name,
			 struct seed_member *m, struct err *err)
{
	if (m->type == SEED_FILE) {
		if (archive_entry_size(e) < 0 || (uint64_t)archive_entry_size(e) > SEED_BYTES_MAX)
			return err_setf(err, -EBADMSG, "member '%s' is too large", name);
		m->size_bytes = (uint64_t)archive_entry_size(e);
		return digest_data(a, m, err);
	}
	if (m->type == SEED_SYMLINK) {
		m->target = strdup(archive_entry_symlink(e));
		if (!m->target)
			return err_nomem(err);
		(void)sha256_mem_hex(m->target, strlen(m->target), m->sha256);
	}
	return 0;
}

static int read_member(struct archive *a, struct archive_entry *e, struct seed_member *m,
		       struct err *err)
{
	const char *raw = archive_entry_pathname(e);
	cleanup_free char *name = raw ? strdup(raw) : NULL;
	size_t len = name ? strlen(name) : 0;
	int r;

	if (raw && !name)
		return err_nomem(err);
	if (len > 1 && name[len - 1] == '/' && archive_entry_filetype(e) == AE_IFDIR)
		name[len - 1] = '\0'; /* how tar writes folders */
	r = check_path(name, err);
	if (r >= 0)
		r = check_kind(e, name, &m->type, err);
	if (r >= 0)
		r = take_owner(e, name, m, err);
	if (r < 0)
		return r;
	m->path = strdup(name + 4);
	return m->path ? take_contents(a, e, name, m, err) : err_nomem(err);
}

static int append(struct seed_manifest *m, struct seed_member *member, struct err *err)
{
	if ((m->len & (m->len - 1)) == 0) { /* 0, 1, 2, 4 ...: time to grow */
		struct seed_member *members =
			reallocarray(m->members, m->len ? m->len * 2 : 1, sizeof(*members));

		if (!members)
			return err_nomem(err);
		m->members = members;
	}
	m->members[m->len++] = *member;
	*member = (struct seed_member){ 0 };
	return 0;
}

/* Sorted: no path twice, and none below a member that is no folder. */
static int check_set(struct seed_manifest *m, struct err *err)
{
	if (m->len > 1)
		qsort(m->members, m->len, sizeof(*m->members), member_cmp);
	for (size_t i = 0; i < m->len; i++) {
		const char *path = m->members[i].path;

		if (i > 0 && strcmp(path, m->members[i - 1].path) == 0)
			return err_setf(err, -EBADMSG, "member 'root%s' is there twice", path);
		for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
			cleanup_free char *parent = strndup(path, (size_t)(p - path));
			const struct seed_member *above;

			if (!parent)
				return err_nomem(err);
			above = seed_manifest_find(m, parent);
			if (above && above->type != SEED_DIR)
				return err_setf(
					err, -EBADMSG,
					"member 'root%s' lies below '%s', which is no folder", path,
					parent);
		}
	}
	return 0;
}

static int scan(struct archive *a, struct seed_manifest *m, struct err *err)
{
	struct archive_entry *e;
	uint64_t total = 0;
	int r;

	r = next_member(a, &e, err);
	if (r < 0)
		return r;
	if (r == 0 || !archive_entry_pathname(e) ||
	    strcmp(archive_entry_pathname(e), "seed.json") != 0)
		return err_setf(err, -EBADMSG, "the seed's first member is not 'seed.json'");
	r = read_json(a, e, &m->json, err);
	if (r < 0)
		return r;
	while ((r = next_member(a, &e, err)) > 0) {
		cleanup_member struct seed_member member = { 0 };

		if (m->len >= SEED_MEMBERS_MAX)
			return err_setf(err, -EBADMSG, "the seed has more than %d members",
					SEED_MEMBERS_MAX);
		r = read_member(a, e, &member, err);
		total += member.size_bytes;
		if (r >= 0 && total > SEED_BYTES_MAX)
			r = err_setf(err, -EBADMSG, "the seed is too large");
		if (r >= 0)
			r = append(m, &member, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : check_set(m, err);
}

int seed_tar_scan(int fd, struct seed_manifest *ret, struct err *err)
{
	cleanup_archive_read struct archive *a = NULL;
	cleanup_seed_manifest struct seed_manifest m = { 0 };
	int r;

	r = check_end(fd, err);
	if (r >= 0)
		r = open_tar(fd, &a, err);
	if (r >= 0)
		r = scan(a, &m, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct seed_manifest){ 0 };
	return 0;
}

int seed_tar_each(int fd, const struct seed_manifest *m, seed_tar_fn *fn, void *arg,
		  struct err *err)
{
	cleanup_archive_read struct archive *a = NULL;
	struct archive_entry *e;
	int r;

	r = open_tar(fd, &a, err);
	if (r >= 0)
		r = next_member(a, &e, err); /* seed.json */
	if (r < 0)
		return r;
	while ((r = next_member(a, &e, err)) > 0) {
		char path[SEED_PATH_MAX + 8];
		const struct seed_member *member;
		size_t len;

		(void)snprintf(path, sizeof(path), "%s", archive_entry_pathname(e) ?: "");
		len = strlen(path);
		if (len > 5 && path[len - 1] == '/')
			path[len - 1] = '\0';
		member = len > 5 ? seed_manifest_find(m, path + 4) : NULL;
		if (!member)
			return err_setf(err, -EBADMSG, "the seed changed while it was read: '%s'",
					path);
		r = fn(arg, member, a, err);
		if (r < 0)
			return r;
	}
	return r;
}

int seed_tar_copy(struct archive *a, const struct seed_member *m, int out_fd, struct err *err)
{
	cleanup_free char *chunk = malloc(CHUNK);
	char hex[SHA256_HEX_MAX];
	struct sha256 sum;
	int n;

	if (!chunk)
		return err_nomem(err);
	sha256_init(&sum);
	while ((n = read_block(a, chunk, m->path, err)) > 0) {
		int r = write_all(out_fd, chunk, (size_t)n);

		if (r < 0)
			return err_errnof(err, r, "cannot write '%s'", m->path);
		sha256_update(&sum, chunk, (size_t)n);
	}
	if (n < 0)
		return n;
	if (strcmp(sha256_final_hex(&sum, hex), m->sha256) != 0)
		return err_setf(err, -EBADMSG, "the seed changed while it was read: '%s'", m->path);
	return 0;
}
