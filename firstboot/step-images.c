/*
 * Every image the bundle needs is on this node, as its Node object says (nodeStatusMaxImages is
 * -1, so that all are named). K3s imports the archives in agent/images before the kubelet starts
 * and passes over one that is damaged: here it is seen which image that cost. Without archives,
 * or when it stays away, it is told and left to K3s, which pulls it from the internet.
 */
#include "agent.h"
#include "clock.h"
#include "image-names.h"
#include "json.h"

#include <dirent.h>
#include <string.h>

#define IMPORT_PATIENCE_MS ((uint64_t)300 * 1000)

/* What K3s takes for an archive of images: .tar, and packed .tar.zst, .tzst and so on. */
static bool has_archives(const struct agent *a)
{
	cleanup_free char *dir = NULL, *path = NULL;
	const struct dirent *e;
	bool found = false;
	DIR *d;

	if (asprintf(&dir, "%s/agent/images", a->node.k3s.data_dir) < 0) {
		dir = NULL;
		return false;
	}
	path = agent_path(a, dir);
	d = path ? opendir(path) : NULL;
	while (d && !found && (e = readdir(d)))
		found = strstr(e->d_name, ".tar") || strstr(e->d_name, ".tgz") ||
			strstr(e->d_name, ".tzst") || strstr(e->d_name, ".tbz");
	if (d)
		(void)closedir(d);
	return found;
}

static int read_node(struct agent *a, json_t **ret, struct step_turn *turn, struct err *err)
{
	char path[512];
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = path,
						 .timeout_ms = 5000 };
	int r;

	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s", a->node.node.name);
	r = kube_do(a->kube, &req, err);
	if (r < 0)
		return r;
	if (req.reply.class != KUBE_OK) {
		step_reasonf(turn, "%s: %s", path, req.reply.message);
		return TURN_WAIT;
	}
	*ret = kube_reply_json(&req.reply, err);
	return *ret ? TURN_DONE : -EBADMSG;
}

/* The missing ones by name, as many as fit. */
static size_t list_missing(const struct json_strings *want, const json_t *node, char *dst,
			   size_t size)
{
	size_t missing = 0, n = 0;

	*dst = '\0';
	for (size_t i = 0; i < want->len; i++) {
		if (image_is_listed(js_at(node, "status.images"), want->items[i]))
			continue;
		if (n + strlen(want->items[i]) + 16 < size)
			n += (size_t)snprintf(dst + n, size - n, "%s%s", missing ? ", " : "",
					      want->items[i]);
		else if (n + 4 < size && (n < 3 || strcmp(dst + n - 3, "...") != 0))
			n += (size_t)snprintf(dst + n, size - n, "...");
		missing++;
	}
	return missing;
}

static int judge(struct agent *a, const json_t *node, struct step_turn *turn)
{
	const struct json_strings *want = &a->facts.images;
	char names[300];
	size_t missing = list_missing(want, node, names, sizeof(names));
	bool archives = has_archives(a);

	if (!want->len) {
		step_reasonf(turn, "no bundle: none is asked for");
		return TURN_DONE;
	}
	if (!missing) {
		step_reasonf(turn, "all %zu are here", want->len);
		return TURN_DONE;
	}
	if (!a->images_since_ms)
		a->images_since_ms = clock_ms();
	step_reasonf(turn, "%zu of %zu %s: %s", missing, want->len,
		     !archives ? "are not here and are left to K3s to pull"
			       : "were in no archive that K3s could import",
		     names);
	return archives && clock_ms() - a->images_since_ms < IMPORT_PATIENCE_MS ? TURN_WAIT
										: TURN_DONE;
}

int step_images(struct agent *a, struct step_turn *turn, struct err *err)
{
	cleanup_json json_t *node = NULL;
	int r = a->node.node.role == NODE_CONTROL_PLANE ? cluster_facts_bundle(a, err)
							: cluster_facts_turn(a, turn, err);

	if (r == TURN_DONE && a->facts.images.len)
		r = read_node(a, &node, turn, err);
	return r == TURN_DONE ? judge(a, node, turn) : r;
}
