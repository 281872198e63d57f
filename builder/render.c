#include "render.h"

#include "overlay.h"

#include <string.h>

static int (*const concerns[])(const struct render *in, struct fileset *fs, struct err *err) = {
	render_host,	    render_network, render_ssh,	   render_k3s,
	render_k3s_secrets, render_storage, render_system, render_kiln,
};

int render_dir(struct fileset *fs, const char *path, mode_t mode, struct err *err)
{
	struct fileset_entry e = { .path = (char *)path, .type = FILESET_DIR, .mode = mode };

	return fileset_add(fs, &e, err);
}

int render_link(struct fileset *fs, const char *path, const char *target, struct err *err)
{
	struct fileset_entry e = {
		.path = (char *)path,
		.type = FILESET_SYMLINK,
		.mode = 0777,
		.data = (char *)target,
		.len = strlen(target),
	};

	return fileset_add(fs, &e, err);
}

int render_secret(const struct render *in, struct fileset *fs, const char *path, mode_t mode,
		  const char *name, struct err *err)
{
	cleanup_secret struct secret s = { 0 };
	int r = in->secrets->get(in->cluster, name, &s, err);

	if (r < 0)
		return r;
	struct fileset_entry e = {
		.path = (char *)path,
		.type = FILESET_FILE,
		.mode = mode,
		.flags = mode & 0044 ? 0 : FILESET_SECRET,
		.data = s.data,
		.len = s.len,
	};

	return fileset_add(fs, &e, err);
}

int render_node(const struct render *in, struct fileset *fs, struct err *err)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(concerns); i++) {
		r = concerns[i](in, fs, err);
		if (r < 0)
			return err_wrapf(err, r, "node '%s'", in->node->name);
	}
	r = overlay_add(in->node->role == ROLE_CONTROL_PLANE ? "control-plane" : "worker", fs, err);
	return r < 0 ? err_wrapf(err, r, "node '%s'", in->node->name) : 0;
}
