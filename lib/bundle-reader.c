#include "bundle-reader.h"

#include "digest.h"
#include "file.h"
#include "parse.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 512
#define MEMBERS_MAX 100000

struct member {
	uint8_t sha256[SHA256_LEN];
	uint64_t offset_bytes, size_bytes;
};
struct bundle_reader {
	char *path;
	int fd;
	struct bundle_index index;
	struct member *members; /* sorted by sha256 */
	size_t len, size;
};

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag;
	char linkname[100], magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8];
	char prefix[155], pad[12];
} __attribute__((packed));
_Static_assert(sizeof(struct tar_header) == BLOCK, "a tar header is one block");

void bundle_reader_free(struct bundle_reader *b)
{
	if (!b)
		return;
	free(b->path);
	close_fdp(&b->fd);
	bundle_index_done(&b->index);
	free(b->members);
	free(b);
}

const struct bundle_index *bundle_reader_index(const struct bundle_reader *b)
{
	return &b->index;
}

/* Octal digits, ended by NUL or a blank or the end of the field. */
static bool octal(const char *field, size_t len, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		n = n << 3 | (uint64_t)(field[i] - '0');
	if (i == 0 || (i < len && field[i] != '\0' && field[i] != ' '))
		return false;
	*ret = n;
	return true;
}

static bool header_ok(const struct tar_header *h, uint64_t *ret_size)
{
	const unsigned char *bytes = (const unsigned char *)h;
	uint64_t sum = 0, want;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= offsetof(struct tar_header, chksum) &&
				       i < offsetof(struct tar_header, typeflag)
			       ? ' '
			       : bytes[i];
	return memcmp(h->magic, "ustar", 6) == 0 && octal(h->chksum, sizeof(h->chksum), &want) &&
	       sum == want && octal(h->size, sizeof(h->size), ret_size) &&
	       (h->typeflag == '0' || h->typeflag == '\0') && h->prefix[0] == '\0' &&
	       memchr(h->name, '\0', sizeof(h->name));
}

static int damaged(const struct bundle_reader *b, uint64_t at, const char *what, struct err *err)
{
	return err_setf(err, -EBADMSG, "'%s': %s at byte %llu", b->path, what,
			(unsigned long long)at);
}

static int read_at(const struct bundle_reader *b, uint64_t offset, uint64_t size, char **ret,
		   struct err *err)
{
	cleanup_free char *text = malloc(size + 1);
	ssize_t n;

	if (!text)
		return err_nomem(err);
	n = pread_upto(b->fd, text, size, offset);
	if (n < 0)
		return err_errnof(err, (int)n, "cannot read '%s'", b->path);
	if ((uint64_t)n < size)
		return damaged(b, offset + (uint64_t)n, "the file ends", err);
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int add_member(struct bundle_reader *b, const struct tar_header *h, uint64_t at,
		      uint64_t size, struct err *err)
{
	static const char dir[] = "objects/";
	char hex[SHA256_HEX_MAX];
	struct member *m;

	if (b->len == b->size) {
		size_t more = b->size ? b->size * 2 : 512;

		m = b->len < MEMBERS_MAX ? reallocarray(b->members, more, sizeof(*m)) : NULL;
		if (!m)
			return err_nomem(err);
		b->members = m;
		b->size = more;
	}
	m = &b->members[b->len];
	*m = (struct member){ .offset_bytes = at, .size_bytes = size };
	if (strlen(h->name) != sizeof(dir) - 1 + 64 + 5 ||
	    memcmp(h->name, dir, sizeof(dir) - 1) != 0 ||
	    strcmp(h->name + sizeof(dir) - 1 + 64, ".json") != 0)
		return damaged(b, at, "a member that is no object", err);
	memcpy(hex, h->name + sizeof(dir) - 1, 64);
	hex[64] = '\0';
	if (hex_decode(hex, m->sha256, SHA256_LEN) < 0)
		return damaged(b, at, "a member that is no object", err);
	b->len++;
	return 0;
}

static int read_index(struct bundle_reader *b, uint64_t at, uint64_t size, struct err *err)
{
	cleanup_free char *text = NULL;
	int r;

	if (size > BUNDLE_INDEX_MAX)
		return damaged(b, at, "index.json is too large", err);
	r = read_at(b, at, size, &text, err);
	if (r == 0)
		r = bundle_index_parse(text, size, &b->index, err);
	return r < 0 ? err_wrapf(err, r, "'%s'", b->path) : 0;
}

/* The header at @at, whose contents lie inside of the file; 0: the end. */
static int read_header(const struct bundle_reader *b, uint64_t at, uint64_t file_bytes,
		       struct tar_header *ret, uint64_t *ret_size, struct err *err)
{
	static const char zeros[BLOCK];
	ssize_t n = pread_upto(b->fd, ret, sizeof(*ret), at);

	if (n < 0)
		return err_errnof(err, (int)n, "cannot read '%s'", b->path);
	if (n == 0 || (n == BLOCK && memcmp(ret, zeros, BLOCK) == 0))
		return 0;
	if (n < BLOCK || !header_ok(ret, ret_size))
		return damaged(b, at, "not a tar header of ours", err);
	if (*ret_size > file_bytes || at + BLOCK > file_bytes - *ret_size)
		return damaged(b, file_bytes, "the file ends", err);
	return 1;
}

static int read_members(struct bundle_reader *b, struct err *err)
{
	struct stat st;
	uint64_t at = 0;

	if (fstat(b->fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", b->path);

	for (bool first = true;; first = false) {
		struct tar_header h;
		uint64_t size = 0;
		int r = read_header(b, at, (uint64_t)st.st_size, &h, &size, err);

		if (r == 0 && first)
			return damaged(b, at, "no index.json", err);
		if (r <= 0)
			return r;
		at += BLOCK;
		if (first && strcmp(h.name, "index.json") != 0)
			return damaged(b, 0, "the first member is not index.json", err);
		r = first ? read_index(b, at, size, err) : add_member(b, &h, at, size, err);
		if (r < 0)
			return r;
		at += (size + BLOCK - 1) / BLOCK * BLOCK;
	}
}

static int member_cmp(const void *a, const void *b)
{
	return memcmp(((const struct member *)a)->sha256, ((const struct member *)b)->sha256,
		      SHA256_LEN);
}

static const struct member *find(const struct bundle_reader *b, const char *hex)
{
	struct member key;

	if (hex_decode(hex, key.sha256, SHA256_LEN) < 0 || b->len == 0)
		return NULL;
	return bsearch(&key, b->members, b->len, sizeof(key), member_cmp);
}

/* Every object of the index is there, and as long as it says. */
static int check_objects(const struct bundle_reader *b, struct err *err)
{
	for (size_t i = 0; i < b->index.components.len; i++) {
		const struct bundle_component *c = &b->index.components.items[i];

		for (size_t j = 0; j < c->objects.len; j++) {
			const struct bundle_object *o = &c->objects.items[j];
			const struct member *m = find(b, o->sha256);

			if (!m || m->size_bytes != o->bytes || m->size_bytes > BUNDLE_OBJECT_MAX)
				return err_setf(err, -EBADMSG,
						"'%s': %s '%s' of component '%s' is %s", b->path,
						o->kind, o->name, c->name,
						m ? "of another size" : "missing");
		}
	}
	return 0;
}

int bundle_reader_open(int dir_fd, const char *path, const char *sha256, struct bundle_reader **ret,
		       struct err *err)
{
	cleanup_bundle_reader struct bundle_reader *b = calloc(1, sizeof(*b));
	char hex[SHA256_HEX_MAX];
	int r;

	if (!b)
		return err_nomem(err);
	b->fd = -EBADF;
	b->path = strdup(path);
	if (!b->path)
		return err_nomem(err);
	b->fd = neg_errno(openat(dir_fd, path, O_RDONLY | O_CLOEXEC));
	if (b->fd < 0)
		return err_errnof(err, b->fd, "cannot open '%s'", path);
	if (sha256) {
		r = sha256_fd(b->fd, hex, err);
		if (r < 0)
			return err_wrapf(err, r, "'%s'", path);
		if (strcmp(hex, sha256) != 0)
			return err_setf(err, -EBADMSG, "'%s' has digest %s, not %s", path, hex,
					sha256);
	}
	r = read_members(b, err);
	if (r < 0)
		return r;
	qsort(b->members, b->len, sizeof(*b->members), member_cmp);
	r = check_objects(b, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b);
	return 0;
}

int bundle_reader_object(const struct bundle_reader *b, const struct bundle_object *o, char **ret,
			 size_t *ret_len, struct err *err)
{
	const struct member *m = find(b, o->sha256);
	cleanup_free char *text = NULL;
	char hex[SHA256_HEX_MAX];
	int r;

	if (!m)
		return err_setf(err, -ENOENT, "'%s' has no object %s", b->path, o->sha256);
	r = read_at(b, m->offset_bytes, m->size_bytes, &text, err);
	if (r < 0)
		return r;
	if (strcmp(sha256_mem_hex(text, m->size_bytes, hex), o->sha256) != 0)
		return err_setf(err, -EBADMSG, "'%s': %s '%s' is damaged: its digest is not %s",
				b->path, o->kind, o->name, o->sha256);
	*ret = TAKE_PTR(text);
	*ret_len = m->size_bytes;
	return 0;
}
