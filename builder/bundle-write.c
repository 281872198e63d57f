/* bundle-write - bundle.tar: the index, then each object as canonical JSON, the same bytes for the
 * same inputs */
#include "archive-util.h"
#include "bundle-model.h"
#include "digest.h"
#include "file.h"
#include "kval-write.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define OBJECT_MAX ((size_t)3 << 20)

struct text {
	char sha256[SHA256_HEX_MAX];
	char *data; /* owned */
	size_t len;
};
struct texts {
	struct text *items;
	size_t len;
};
static void texts_done(struct texts *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->items[i].data)
			explicit_bzero(t->items[i].data, t->items[i].len); /* some hold secrets */
		free(t->items[i].data);
	}
	free(t->items);
}
#define cleanup_texts CLEANUP(texts_done)

static int make_text(const struct bundle_item *it, struct text *ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(OBJECT_MAX);
	int r = kval_write_json(it->v, &b);

	if (r == -E2BIG)
		return err_setf(err, r, "%s '%s' is larger than %zu MiB, the API server's limit",
				it->kind, it->name, OBJECT_MAX >> 20);
	if (r < 0)
		return err_nomem(err);
	(void)sha256_mem_hex(b.data, b.len, ret->sha256);
	ret->data = buf_steal(&b, &ret->len);
	return 0;
}

/* Strings of the index are borrowed from the model: only its arrays are freed. */
static void index_arrays_done(struct bundle_index *x)
{
	for (size_t i = 0; i < x->components.len; i++) {
		free(x->components.items[i].gates.items);
		free(x->components.items[i].images.items);
		free(x->components.items[i].objects.items);
	}
	free(x->components.items);
}
#define cleanup_index_arrays CLEANUP(index_arrays_done)

static void index_object(const struct bundle_item *it, const struct text *t,
			 struct bundle_object *o)
{
	*o = (struct bundle_object){
		.group = (char *)it->group,
		.version = (char *)it->version,
		.kind = (char *)it->kind,
		.plural = (char *)it->plural,
		.namespaced = it->namespaced,
		.namespace = (char *)it->namespace,
		.name = (char *)it->name,
		.wave = it->wave,
		.gate = it->gate,
		.hook = it->hook,
		.crd = it->crd,
		.handover = it->handover,
		.secret = it->secret,
		.sha256 = (char *)t->sha256,
		.bytes = t->len,
	};
}

static int index_part(const struct bundle_part *p, struct text *texts, struct bundle_component *c,
		      struct err *err)
{
	c->name = (char *)p->def.name;
	c->namespace = (char *)p->def.namespace;
	c->after = (struct json_strings){ (char **)p->after, p->after_len };
	c->application = (char *)p->application;
	c->gates.items = calloc(p->gates_len + 1, sizeof(*c->gates.items));
	c->objects.items = calloc(p->len + 1, sizeof(*c->objects.items));
	c->images.items = calloc(p->images_len + 1, sizeof(*c->images.items));
	if (!c->gates.items || !c->objects.items || !c->images.items)
		return err_nomem(err);
	for (size_t i = 0; i < p->images_len; i++)
		c->images.items[c->images.len++] = (char *)p->images[i].name;
	for (size_t i = 0; i < p->gates_len; i++)
		c->gates.items[c->gates.len++] = (struct bundle_gate_spec){
			(char *)p->gates[i].name,
			p->gates[i].hard,
			p->gates[i].timeout_s,
			p->gates[i].args,
		};
	for (size_t i = 0; i < p->len; i++) {
		int r = make_text(&p->items[i], &texts[i], err);

		if (r < 0)
			return r;
		index_object(&p->items[i], &texts[i], &c->objects.items[c->objects.len++]);
	}
	return 0;
}

static int make_index(const struct bundle_model *m, struct texts *texts, char **ret,
		      size_t *ret_len, struct err *err)
{
	cleanup_index_arrays struct bundle_index x = { .cluster_id = (char *)m->cluster_id,
						       .kubernetes = (char *)m->kubernetes };
	size_t total = 0;

	for (size_t i = 0; i < m->len; i++)
		total += m->parts[i].len;
	texts->items = calloc(total + 1, sizeof(*texts->items));
	x.components.items = calloc(m->len + 1, sizeof(*x.components.items));
	if (!texts->items || !x.components.items)
		return err_nomem(err);
	for (size_t i = 0; i < m->len; i++) {
		int r;

		x.components.len = i + 1;
		r = index_part(&m->parts[i], texts->items + texts->len, &x.components.items[i],
			       err);
		texts->len += m->parts[i].len;
		if (r < 0)
			return err_wrapf(err, r, "component '%s'", m->parts[i].def.name);
	}
	return bundle_index_format(&x, ret, ret_len, err);
}

static int add_member(struct archive *a, const char *name, const char *data, size_t len,
		      struct err *err)
{
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();

	if (!e)
		return err_nomem(err);
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, (int64_t)len);
	archive_entry_set_mtime(e, 0, 0);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write '%s'", name);
	if (archive_write_data(a, data, len) != (ssize_t)len)
		return err_archive(err, a, "cannot write '%s'", name);
	return 0;
}

static int text_cmp(const void *a, const void *b)
{
	return strcmp(((const struct text *)a)->sha256, ((const struct text *)b)->sha256);
}

static int write_tar(int fd, const char *index, size_t index_len, struct texts *texts,
		     struct err *err)
{
	cleanup_archive_write struct archive *a = archive_write_new();
	int r;

	if (!a)
		return err_nomem(err);
	if (archive_write_set_format_ustar(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 512) != 0 ||
	    archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return err_archive(err, a, "cannot begin the bundle");
	r = add_member(a, "index.json", index, index_len, err);
	qsort(texts->items, texts->len, sizeof(*texts->items), text_cmp);
	for (size_t i = 0; i < texts->len && r == 0; i++) {
		char name[100];

		if (i > 0 && text_cmp(&texts->items[i - 1], &texts->items[i]) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "objects/%s.json", texts->items[i].sha256);
		r = add_member(a, name, texts->items[i].data, texts->items[i].len, err);
	}
	if (r == 0 && archive_write_close(a) != ARCHIVE_OK)
		r = err_archive(err, a, "cannot end the bundle");
	return r;
}

int bundle_write(struct bundle_model *m, const char *path, char ret_sha256[65], uint64_t *ret_bytes,
		 struct err *err)
{
	cleanup_tempfile struct tempfile *t = NULL;
	cleanup_texts struct texts texts = { 0 };
	cleanup_free char *index = NULL;
	struct stat st;
	size_t len;
	int r;

	r = make_index(m, &texts, &index, &len, err);
	if (r == 0)
		r = tempfile_new(path, &t, err);
	if (r == 0)
		r = write_tar(t->fd, index, len, &texts, err);
	if (r < 0)
		return r;
	if (fstat(t->fd, &st) < 0 || lseek(t->fd, 0, SEEK_SET) < 0)
		return err_errnof(err, -errno, "cannot read back '%s'", path);
	r = sha256_fd(t->fd, ret_sha256, err);
	if (r < 0)
		return r;
	*ret_bytes = (uint64_t)st.st_size;
	return tempfile_commit(t, path, 0600, err);
}
