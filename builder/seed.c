#include "seed.h"

#include "archive-util.h"
#include "buf.h"
#include "node-facts.h"
#include "seed-json.h"

#include <string.h>
#include <sys/stat.h>

#define TAR_RECORD_BYTES 10240

void seed_done(struct seed *s)
{
	if (s->data)
		explicit_bzero(s->data, s->len);
	free(s->data);
	*s = (struct seed){ 0 };
}

const char *seed_file_name(const struct seed *s, char dst[SEED_NAME_MAX])
{
	(void)snprintf(dst, SEED_NAME_MAX, "seed-%s.tar", s->digest);
	return dst;
}

/* ---- the tar, into memory ---- */

struct sink {
	struct buf buf;
};

static ssize_t sink_write(struct archive *a, void *data, const void *block, size_t len)
{
	struct sink *s = data;

	(void)a;
	(void)buf_add(&s->buf, block, len); /* it keeps its error, which write_tar() looks at */
	return (ssize_t)len;
}

static void sink_done(struct sink *s)
{
	if (s->buf.data)
		explicit_bzero(s->buf.data, s->buf.len);
	buf_done(&s->buf);
}

static int add_member(struct archive *a, const char *name, const struct fileset_entry *f,
		      uint64_t time_s, struct err *err)
{
	static const mode_t types[] = {
		[FILESET_FILE] = S_IFREG,
		[FILESET_DIR] = S_IFDIR,
		[FILESET_SYMLINK] = S_IFLNK,
	};
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();

	if (!e)
		return err_nomem(err);
	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, types[f->type] | f->mode);
	archive_entry_set_uid(e, f->uid);
	archive_entry_set_gid(e, f->gid);
	archive_entry_set_mtime(e, (time_t)time_s, 0);
	if (f->type == FILESET_SYMLINK)
		archive_entry_set_symlink(e, f->data);
	else
		archive_entry_set_size(e, f->type == FILESET_FILE ? (int64_t)f->len : 0);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return err_archive(err, a, "cannot add '%s' to the seed", name);
	if (f->type == FILESET_FILE && f->len > 0 &&
	    archive_write_data(a, f->data, f->len) != (ssize_t)f->len)
		return err_archive(err, a, "cannot add '%s' to the seed", name);
	return 0;
}

static int add_all(struct archive *a, const char *json, const struct fileset *fs, uint64_t time_s,
		   struct err *err)
{
	struct fileset_entry first = {
		.type = FILESET_FILE,
		.mode = 0600,
		.data = (char *)json,
		.len = strlen(json),
	};
	int r = add_member(a, "seed.json", &first, time_s, err);

	for (size_t i = 0; r >= 0 && i < fs->len; i++) {
		cleanup_free char *name = NULL;

		if (asprintf(&name, "root%s", fs->items[i].path) < 0)
			return err_nomem(err);
		r = add_member(a, name, &fs->items[i], time_s, err);
	}
	return r;
}

static int write_tar(const char *json, const struct fileset *fs, uint64_t time_s, struct sink *sink,
		     struct err *err)
{
	cleanup_archive_sink struct archive *a = archive_write_new();
	int r;

	if (!a)
		return err_nomem(err);
	if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, TAR_RECORD_BYTES) != ARCHIVE_OK ||
	    archive_write_open(a, sink, NULL, sink_write, NULL) != ARCHIVE_OK)
		return err_archive(err, a, "cannot begin the seed");
	r = add_all(a, json, fs, time_s, err);
	if (r < 0)
		return r;
	if (archive_write_close(a) != ARCHIVE_OK)
		return err_archive(err, a, "cannot finish the seed");
	r = buf_error(&sink->buf);
	if (r == -E2BIG)
		return err_setf(err, r, "more than %zu bytes", SEED_BYTES_MAX);
	return r < 0 ? err_nomem(err) : 0;
}

/* ---- seed.json ---- */

static int fill_json(const struct render *in, const char *base_id, struct seed_json *j)
{
	int r;

	j->cluster = strdup(in->cluster->name);
	j->node = strdup(in->node->name);
	j->board = strdup(in->node->board);
	j->base = strdup(base_id);
	if (!j->cluster || !j->node || !j->board || !j->base)
		return -ENOMEM;
	if (in->node->machine_serial) {
		j->machine.serial = strdup(in->node->machine_serial);
		if (!j->machine.serial)
			return -ENOMEM;
	}
	j->baked_at = in->baked_at;
	r = node_mac_text(in->node, &j->machine.mac);
	r = r ?: disk_match_from(&in->node->system_disk, &j->system_disk);
	for (size_t i = 0; r == 0 && in->wipe && in->wipe[i]; i++)
		r = json_strings_add(&j->wipe, in->wipe[i]);
	return r;
}

static int make_json(const struct render *in, const char *base_id, char **ret, struct err *err)
{
	cleanup_seed_json struct seed_json j = { 0 };
	int r;

	r = secret_line(in, "cluster-id", &j.cluster_id, err);
	if (r < 0)
		return r;
	r = fill_json(in, base_id, &j);
	if (r < 0)
		return err_nomem(err);
	return seed_json_format(&j, ret, NULL, err);
}

int seed_build(const struct cluster *c, const struct node *n, const struct seed_inputs *in,
	       struct seed *ret, struct err *err)
{
	const struct render render = {
		.cluster = c,
		.node = n,
		.board = in->board,
		.secrets = &secret_source_disk,
		.bundle_path = in->bundle_path,
		.wipe = in->wipe,
		.baked_at = in->baked_at,
	};
	CLEANUP(sink_done) struct sink sink = { BUF_INIT(SEED_BYTES_MAX) };
	cleanup_fileset struct fileset fs = { 0 };
	cleanup_free char *json = NULL;
	struct seed s = { 0 };
	int r;

	r = make_json(&render, in->base_id, &json, err);
	if (r < 0)
		return err_wrapf(err, r, "seed of node '%s'", n->name);
	r = render_node(&render, &fs, err);
	if (r < 0)
		return r;
	r = write_tar(json, &fs, in->baked_at, &sink, err);
	if (r < 0)
		return err_wrapf(err, r, "seed of node '%s'", n->name);
	(void)sha256_mem_hex(sink.buf.data, sink.buf.len, s.digest);
	s.data = buf_steal(&sink.buf, &s.len);
	if (!s.data)
		return err_nomem(err);
	*ret = s;
	return 0;
}
