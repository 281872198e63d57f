#include "image.h"
#include "bake-time.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>

int image_now(uint64_t *ret, struct err *err)
{
	return bake_time(ret, err);
}

char *image_out_path(const struct cluster *c, const char *node, const char *suffix)
{
	char *path = NULL;

	return asprintf(&path, "%s/out/%s%s", c->dir, node, suffix) < 0 ? NULL : path;
}

int image_json_load(const char *path, struct image_json *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	r = file_read_at(AT_FDCWD, path, IMAGE_JSON_MAX, &text, &len, err);
	if (r == 0)
		r = image_json_parse(text, len, ret, err);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", path);
	return 0;
}

static void copy_text(char *dst, size_t size, const char *src)
{
	(void)snprintf(dst, size, "%s", src);
}

int image_json_layout(const struct image_json *j, struct layout *ret, struct err *err)
{
	struct layout l = { .disk_bytes = j->size_bytes };

	if (j->partitions.len != LAYOUT_PARTS)
		return err_setf(err, -EINVAL, "image.json lists %zu partitions, not %d",
				j->partitions.len, LAYOUT_PARTS);
	for (size_t i = 0; i < LAYOUT_PARTS; i++) {
		const struct image_partition *p = &j->partitions.items[i];

		copy_text(l.parts[i].label, sizeof(l.parts[i].label), p->label);
		copy_text(l.parts[i].type, sizeof(l.parts[i].type), p->type);
		copy_text(l.parts[i].uuid, sizeof(l.parts[i].uuid), p->uuid);
		l.parts[i].start_bytes = p->start_bytes;
		l.parts[i].size_bytes = p->size_bytes;
	}
	*ret = l;
	return 0;
}
