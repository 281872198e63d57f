#include "oci-archive.h"

#include "archive-util.h"
#include "cache.h"
#include "file.h"
#include "json.h"
#include "oci-doc.h"
#include "oci-fetch.h"
#include "oci-work.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT "kiln-oci-1" /* changes when the same lock gives another archive */
#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define COPY_BYTES (1U << 20)
#define INDEX_MAX (16U << 20)

bool oci_archive_needed(const struct lock *l, const char *arch)
{
	for (size_t i = 0; i < l->images_len; i++)
		if (lock_platform(&l->images[i], arch))
			return true;
	return false;
}

static char *pointer(const struct lock *l, const char *arch, struct err *err)
{
	char hex[SHA256_HEX_MAX], rel[80], *path = NULL;
	struct sha256 sum;

	sha256_init(&sum);
	sha256_update(&sum, FORMAT, sizeof(FORMAT));
	sha256_update(&sum, arch, strlen(arch) + 1);
	for (size_t i = 0; i < l->images_len; i++) {
		const struct lock_platform *p = lock_platform(&l->images[i], arch);

		if (!p)
			continue;
		sha256_update(&sum, l->images[i].name, strlen(l->images[i].name) + 1);
		sha256_update(&sum, l->images[i].sha256, SHA256_HEX_MAX);
		sha256_update(&sum, p->sha256, SHA256_HEX_MAX);
	}
	(void)snprintf(rel, sizeof(rel), "oci/%s", sha256_final_hex(&sum, hex));
	return cache_path(rel, &path, err) < 0 ? NULL : path;
}

int oci_archive_find(const struct lock *l, const char *arch, char **ret,
		     char ret_sha256[SHA256_HEX_MAX], struct err *err)
{
	cleanup_free char *path = pointer(l, arch, err), *text = NULL;
	struct err none = { 0 };
	size_t len;

	if (!path)
		return -EIO;
	/* what cannot be read is made again */
	if (file_read_at(AT_FDCWD, path, SHA256_HEX_MAX, &text, &len, &none) < 0 ||
	    len != SHA256_HEX_MAX - 1 || strspn(text, "0123456789abcdef") != len)
		return 0;
	memcpy(ret_sha256, text, SHA256_HEX_MAX);
	return cache_find(ret_sha256, ret, err);
}

struct writer {
	struct archive *archive; /* borrowed */
	int fd;
	struct sha256 sum;
	char (*done)[SHA256_HEX_MAX]; /* owned; blobs to write */
	size_t len, size;
};

static void writer_done(struct writer *w)
{
	free(w->done);
}
#define cleanup_writer CLEANUP(writer_done)

static la_ssize_t write_block(struct archive *a, void *arg, const void *data, size_t len)
{
	struct writer *w = arg;

	if (write_all(w->fd, data, len) < 0) {
		archive_set_error(a, errno, "%s", strerror(errno));
		return -1;
	}
	sha256_update(&w->sum, data, len);
	return (la_ssize_t)len;
}

static int begin_member(struct writer *w, const char *name, uint64_t size_bytes, struct err *err)
{
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();

	if (!e)
		return err_nomem(err);
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (int64_t)size_bytes);
	archive_entry_set_mtime(e, 0, 0);
	if (archive_write_header(w->archive, e) != ARCHIVE_OK)
		return err_archive(err, w->archive, "cannot write '%s'", name);
	return 0;
}

static int put_text(struct writer *w, const char *name, const char *text, size_t len,
		    struct err *err)
{
	int r = begin_member(w, name, len, err);

	if (r >= 0 && archive_write_data(w->archive, text, len) != (la_ssize_t)len)
		r = err_archive(err, w->archive, "cannot write '%s'", name);
	return r;
}

static int damaged(const char *path, const char *sha256, struct err *err)
{
	(void)unlink(path);
	return err_setf(err, -EBADMSG,
			"'%s' was damaged and is removed; 'kiln fetch' brings SHA-256 %s again",
			path, sha256);
}

static int copy_blob(struct writer *w, int fd, const char *path, const char *sha256,
		     struct err *err)
{
	cleanup_free char *block = malloc(COPY_BYTES);
	char hex[SHA256_HEX_MAX];
	struct sha256 sum;
	ssize_t got;

	if (!block)
		return err_nomem(err);
	sha256_init(&sum);
	while ((got = read_upto(fd, block, COPY_BYTES)) > 0) {
		sha256_update(&sum, block, (size_t)got);
		if (archive_write_data(w->archive, block, (size_t)got) != got)
			return err_archive(err, w->archive, "cannot write '%s'", sha256);
	}
	if (got < 0)
		return err_errnof(err, (int)got, "cannot read '%s'", path);
	return strcmp(sha256_final_hex(&sum, hex), sha256) == 0 ? 0 : damaged(path, sha256, err);
}

static int put_blob(struct writer *w, const char *sha256, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	char name[100];
	struct stat st;
	int r = cache_find(sha256, &path, err);

	if (r == 0)
		return err_setf(err, -ENOENT, "SHA-256 %s is not in the cache; run 'kiln fetch'",
				sha256);
	if (r < 0)
		return r;
	fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errnof(err, fd < 0 ? fd : -errno, "cannot open '%s'", path);
	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", sha256);
	r = begin_member(w, name, (uint64_t)st.st_size, err);
	return r >= 0 ? copy_blob(w, fd, path, sha256, err) : r;
}

static int note_blob(struct writer *w, const char *sha256)
{
	if (w->len == w->size) {
		size_t size = w->size ? w->size * 2 : 64;
		void *bigger = reallocarray(w->done, size, sizeof(*w->done));

		if (!bigger)
			return -ENOMEM;
		w->done = bigger;
		w->size = size;
	}
	memcpy(w->done[w->len++], sha256, SHA256_HEX_MAX);
	return 0;
}

static int read_doc(const char *sha256, struct oci_doc *ret, struct err *err)
{
	cleanup_free char *path = NULL, *text = NULL;
	char hex[SHA256_HEX_MAX];
	size_t len;
	int r = cache_find(sha256, &path, err);

	if (r == 0)
		return err_setf(err, -ENOENT, "SHA-256 %s is not in the cache; run 'kiln fetch'",
				sha256);
	if (r >= 0)
		r = file_read_at(AT_FDCWD, path, OCI_DOC_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (strcmp(sha256_mem_hex(text, len, hex), sha256) != 0)
		return damaged(path, sha256, err);
	return oci_doc_parse(text, len, ret, err);
}

static int add_name(json_t *list, const struct lock_image *i, const char *type, const char *name)
{
	json_t *o = json_pack("{s:s, s:s+, s:I, s:{s:s, s:s}}", "mediaType", type, "digest",
			      "sha256:", i->sha256, "size", (json_int_t)i->size_bytes,
			      "annotations", "io.containerd.image.name", name,
			      "org.opencontainers.image.ref.name", name);

	return o && json_array_append_new(list, o) == 0 ? 0 : -ENOMEM;
}

/* "<repository>@sha256:<digest>", owned by the caller. */
static char *digest_name(const struct lock_image *i)
{
	const char *slash = strrchr(i->name, '/');
	size_t len = (size_t)((slash ? slash : i->name) - i->name);
	char *ret = NULL;

	len += strcspn(i->name + len, ":@");
	return asprintf(&ret, "%.*s@sha256:%s", (int)len, i->name, i->sha256) < 0 ? NULL : ret;
}

static int add_names(json_t *list, const struct lock_image *i, const char *type, struct err *err)
{
	cleanup_free char *by_digest = digest_name(i);
	int r = by_digest ? add_name(list, i, type, i->name) : -ENOMEM;

	if (r == 0 && strcmp(by_digest, i->name) != 0)
		r = add_name(list, i, type, by_digest);
	return r < 0 ? err_nomem(err) : 0;
}

/* Notes all blobs of one image and its names. */
static int add_image(struct writer *w, json_t *list, const struct lock_image *i,
		     const struct lock_platform *p, struct err *err)
{
	cleanup_oci_doc struct oci_doc top = { 0 }, d = { 0 };
	int r = read_doc(i->sha256, &top, err);

	if (r >= 0)
		r = read_doc(p->sha256, &d, err);
	if (r >= 0)
		r = add_names(list, i, top.media_type, err);
	if (r < 0)
		return err_wrapf(err, r, "image '%s' for %s", i->name, p->arch);
	r = note_blob(w, i->sha256);
	if (r == 0)
		r = note_blob(w, p->sha256);
	for (size_t k = 0; k < d.len && r == 0; k++)
		r = note_blob(w, d.entries[k].sha256);
	return r < 0 ? err_nomem(err) : 0;
}

static int blob_cmp(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_HEX_MAX);
}

static int put_index(struct writer *w, json_t *list, struct err *err)
{
	cleanup_json json_t *root = json_pack("{s:i, s:O}", "schemaVersion", 2, "manifests", list);
	cleanup_buf struct buf b = BUF_INIT(INDEX_MAX);

	if (!root || js_canonical(root, &b) < 0)
		return err_nomem(err);
	return put_text(w, "index.json", buf_str(&b), b.len, err);
}

static int put_all(struct writer *w, const struct lock *l, const char *arch, struct err *err)
{
	cleanup_json json_t *list = json_array();
	int r = list ? 0 : err_nomem(err);

	for (size_t i = 0; i < l->images_len && r >= 0; i++) {
		const struct lock_platform *p = lock_platform(&l->images[i], arch);

		if (p)
			r = add_image(w, list, &l->images[i], p, err);
	}
	if (r >= 0)
		r = put_text(w, "oci-layout", LAYOUT, strlen(LAYOUT), err);
	if (r >= 0)
		r = put_index(w, list, err);
	if (r >= 0 && w->len)
		qsort(w->done, w->len, sizeof(*w->done), blob_cmp);
	for (size_t i = 0; i < w->len && r >= 0; i++)
		if (i == 0 || blob_cmp(w->done[i - 1], w->done[i]) != 0)
			r = put_blob(w, w->done[i], err);
	return r;
}

static int write_archive(const struct lock *l, const char *arch, int fd,
			 char ret_sha256[SHA256_HEX_MAX], struct err *err)
{
	cleanup_archive_write struct archive *a = archive_write_new();
	cleanup_writer struct writer w = { .archive = a, .fd = fd };
	int r;

	if (!a)
		return err_nomem(err);
	sha256_init(&w.sum);
	if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, COPY_BYTES) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 512) != 0 ||
	    archive_write_open(a, &w, NULL, write_block, NULL) != ARCHIVE_OK)
		return err_archive(err, a, "cannot begin the archive");
	r = put_all(&w, l, arch, err);
	if (r >= 0 && archive_write_close(a) != ARCHIVE_OK)
		r = err_archive(err, a, "cannot end the archive");
	(void)sha256_final_hex(&w.sum, ret_sha256);
	return r;
}

static int archive_make(const struct lock *l, const char *arch, char **ret,
			char ret_sha256[SHA256_HEX_MAX], struct err *err)
{
	cleanup_free char *path = NULL, *work = NULL, *name = pointer(l, arch, err);
	cleanup_tempfile struct tempfile *t = NULL;
	char rel[80];
	int r = name ? cache_path("oci/new", &work, err) : -EIO;

	if (r >= 0)
		r = tempfile_new(work, &t, err);
	if (r >= 0)
		r = write_archive(l, arch, t->fd, ret_sha256, err);
	if (r >= 0) {
		(void)snprintf(rel, sizeof(rel), "sha256/%s", ret_sha256);
		r = cache_path(rel, &path, err);
	}
	if (r >= 0)
		r = tempfile_commit(t, path, 0644, err);
	if (r >= 0)
		r = file_replace_at(AT_FDCWD, name, ret_sha256, strlen(ret_sha256), 0644, err);
	if (r < 0)
		return err_wrapf(err, r, "images for %s", arch);
	*ret = TAKE_PTR(path);
	return 0;
}

static int bring(const struct lock *l, const char *arch, bool offline, struct phases *p,
		 struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < l->images_len && r >= 0; i++) {
		const struct lock_platform *of = lock_platform(&l->images[i], arch);

		if (!of)
			continue;
		phase_begin(p, "%s: image %s", arch, l->images[i].name);
		r = oci_fetch(&l->images[i], of, offline, err);
		if (r >= 0)
			phase_end(p, r > 0 ? "cached" : NULL);
	}
	return r;
}

int oci_archive_get(const struct lock *l, const char *arch, bool offline, struct phases *p,
		    char **ret, char ret_sha256[SHA256_HEX_MAX], struct err *err)
{
	struct phases quiet = { 0 };
	cleanup_close int lock_fd = -EBADF;
	int r = oci_archive_find(l, arch, ret, ret_sha256, err);

	if (r != 0)
		return r < 0 ? r : 0;
	p = p ? p : &quiet;
	lock_fd = oci_work_lock(p, err);
	if (lock_fd < 0)
		return lock_fd;
	r = oci_archive_find(l, arch, ret, ret_sha256, err); /* another kiln may have made it */
	if (r != 0)
		return r < 0 ? r : 0;
	r = bring(l, arch, offline, p, err);
	if (r < 0)
		return r;
	phase_begin(p, "%s: archive of images", arch);
	r = archive_make(l, arch, ret, ret_sha256, err);
	if (r >= 0)
		phase_end(p, NULL);
	return r;
}
