/* render-kiln - what kiln-node reads: node.json and, on control-planes, the bundle */
#include "render.h"

#include "digest.h"
#include "file.h"
#include "node-facts.h"

#include <fcntl.h>
#include <string.h>

#define BUNDLE_PATH "/var/lib/kiln/bundle.tar"

static int bundle(const struct render *in, struct fileset *fs, struct node_json *j, struct err *err)
{
	struct fileset_entry e = {
		.path = BUNDLE_PATH,
		.type = FILESET_FILE,
		.mode = 0600,
		.flags = FILESET_SECRET,
	};
	cleanup_free char *data = NULL;
	char hex[SHA256_HEX_MAX];
	int r;

	r = file_read_at(AT_FDCWD, in->bundle_path, BUNDLE_BYTES_MAX, &data, &e.len, err);
	if (r < 0)
		return err_wrapf(err, r, "bundle");
	e.data = data;
	r = fileset_add(fs, &e, err);
	(void)sha256_mem_hex(data, e.len, hex);
	explicit_bzero(data, e.len); /* it holds the components' secrets */
	if (r < 0)
		return r;
	j->bundle = calloc(1, sizeof(*j->bundle));
	if (!j->bundle)
		return err_nomem(err);
	j->bundle->path = strdup(BUNDLE_PATH);
	j->bundle->sha256 = strdup(hex);
	return j->bundle->path && j->bundle->sha256 ? 0 : err_nomem(err);
}

int render_kiln(const struct render *in, struct fileset *fs, struct err *err)
{
	cleanup_node_json struct node_json j = { 0 };
	cleanup_free char *text = NULL;
	int r;

	r = node_facts(in, &j, err);
	if (r < 0)
		return r;
	if (in->bundle_path && in->node->role == ROLE_CONTROL_PLANE) {
		r = render_dir(fs, "/var/lib/kiln", 0700, err);
		if (r >= 0)
			r = bundle(in, fs, &j, err);
		if (r < 0)
			return r;
	}
	r = node_json_format(&j, &text, NULL, err);
	if (r < 0)
		return r;
	return fileset_addf(fs, "/etc/kiln/node.json", 0600, 0, err, "%s", text);
}
