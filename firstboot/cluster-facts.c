#include "cluster-facts.h"

#include "agent.h"
#include "base64.h"
#include "clock.h"
#include "file.h"
#include "json.h"

#include <string.h>

#define FSID_FILE "fsid"
#define FSID_LEN 36
#define FSID_SECRET "/api/v1/namespaces/rook-ceph/secrets/rook-ceph-mon"
#define AGAIN_MS 60000
#define IMAGES_MAX 4096

static void strings_done(struct json_strings *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct json_strings){ 0 };
}

void cluster_facts_done(struct cluster_facts *f)
{
	strings_done(&f->images);
	*f = (struct cluster_facts){ 0 };
}

int cluster_images_parse(const char *text, struct json_strings *ret)
{
	CLEANUP(strings_done) struct json_strings s = { 0 };

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		char **items;

		if (n > 0) {
			items = s.len < IMAGES_MAX
					? reallocarray(s.items, s.len + 1, sizeof(*items))
					: NULL;
			if (!items)
				return -ENOMEM;
			s.items = items;
			s.items[s.len] = strndup(p, n);
			if (!s.items[s.len])
				return -ENOMEM;
			s.len++;
		}
		p += n + (p[n] == '\n');
	}
	*ret = s;
	s = (struct json_strings){ 0 };
	return 0;
}

char *cluster_images_format(const struct json_strings *images)
{
	cleanup_buf struct buf b = BUF_INIT((size_t)512 << 10);

	for (size_t i = 0; i < images->len; i++)
		(void)buf_addf(&b, "%s\n", images->items[i]);
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

int cluster_facts_load(struct agent *a, struct err *err)
{
	cleanup_free char *text = NULL;
	int r;

	if (a->node.cluster.fsid)
		return 0;
	r = file_read_at(a->state_fd, FSID_FILE, 256, &text, NULL, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (json_rule_uuid.ok(text)) /* a damaged one is learned again; until then none is known */
		a->node.cluster.fsid = TAKE_PTR(text);
	return 0;
}

/* What the seed says is kept: a person decides when the two differ. */
static int learn_fsid(struct agent *a, const char *fsid, struct err *err)
{
	char line[FSID_LEN + 2];
	int r;

	if (a->node.cluster.fsid) {
		(void)snprintf(a->facts.differs, sizeof(a->facts.differs), "%s",
			       strcmp(a->node.cluster.fsid, fsid) ? fsid : "");
		return 0;
	}
	(void)snprintf(line, sizeof(line), "%s\n", fsid);
	r = file_replace_at(a->state_fd, FSID_FILE, line, strlen(line), 0644, err);
	if (r >= 0)
		r = journal_add(a->journal, "report", "fsid", fsid, err);
	if (r < 0)
		return r;
	a->node.cluster.fsid = strdup(fsid);
	return a->node.cluster.fsid ? 0 : err_nomem(err);
}

/* 1: it is not there (yet). Else as a step's turn. */
static int get(struct agent *a, const char *path, json_t **ret, struct step_turn *turn,
	       struct err *err)
{
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = path,
						 .timeout_ms = 4000 };
	int r = kube_do(a->kube, &req, err);

	if (r < 0)
		return r;
	if (req.reply.class == KUBE_ABSENT || req.reply.class == KUBE_NO_NAMESPACE)
		return 1;
	if (req.reply.class == KUBE_AUTH && a->node.node.role != NODE_CONTROL_PLANE) {
		step_reasonf(turn, "waiting for the control-plane to let this node in: %s",
			     req.reply.message);
		return 1;
	}
	if (req.reply.class != KUBE_OK) {
		step_reasonf(turn, "%s: %s", path, req.reply.message);
		return 1;
	}
	*ret = kube_reply_json(&req.reply, err);
	return *ret ? 0 : -EBADMSG;
}

/* "" when Rook has made none yet. */
static int fsid_of_rook(struct agent *a, char ret[FSID_LEN + 1], struct step_turn *turn,
			struct err *err)
{
	cleanup_json json_t *secret = NULL;
	cleanup_free char *text = NULL;
	const char *b64;
	size_t len;
	int r = get(a, FSID_SECRET, &secret, turn, err);

	ret[0] = '\0';
	if (r != 0)
		return r < 0 ? r : 0;
	b64 = json_string_value(js_at(secret, "data.fsid"));
	r = b64 ? base64_decode(b64, &text, &len) : -EINVAL;
	if (r >= 0 && len == FSID_LEN && json_rule_uuid.ok(text))
		(void)snprintf(ret, FSID_LEN + 1, "%s", text);
	return r == -ENOMEM ? err_nomem(err) : 0;
}

static bool same(const json_t *data, const char *key, const char *want)
{
	const char *have = json_string_value(json_object_get(data, key));

	return !want[0] || (have && strcmp(have, want) == 0);
}

static void set_images(struct cluster_facts *f, struct json_strings images)
{
	strings_done(&f->images);
	f->images = images;
	f->images_known = true;
}

static int parse_images(struct agent *a, const char *text, struct err *err)
{
	struct json_strings images;

	if (cluster_images_parse(text, &images) < 0)
		return err_nomem(err);
	set_images(&a->facts, images);
	return 0;
}

/* A control-plane's part: the ConfigMap gets what it lacks. */
static int publish(struct agent *a, const json_t *data, const char *fsid, const char *images,
		   struct step_turn *turn, struct err *err)
{
	cleanup_json json_t *body = NULL;
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	cleanup_kube_req struct kube_req req = { .method = "PATCH",
						 .path = CLUSTER_MAP "?fieldManager=kiln",
						 .content_type = "application/merge-patch+json",
						 .timeout_ms = 4000 };
	int r;

	if (same(data, "fsid", fsid) && same(data, "images", images))
		return TURN_DONE;
	body = json_pack("{s:{}}", "data");
	if (!body ||
	    (fsid[0] &&
	     json_object_set_new(json_object_get(body, "data"), "fsid", json_string(fsid)) < 0) ||
	    json_object_set_new(json_object_get(body, "data"), "images", json_string(images)) < 0 ||
	    js_canonical(body, &b) < 0)
		return err_nomem(err);
	req.body = b.data;
	req.body_len = b.len;
	r = kube_do(a->kube, &req, err);
	if (r < 0 || req.reply.class == KUBE_OK)
		return r < 0 ? r : TURN_DONE;
	step_reasonf(turn, CLUSTER_MAP ": %s", req.reply.message);
	return TURN_WAIT;
}

/* Stands the name in a component before, or before it in its own? */
static bool is_listed(const struct bundle_index *x, size_t component, size_t at)
{
	const char *name = x->components.items[component].images.items[at];

	for (size_t i = 0; i <= component; i++) {
		const struct json_strings *s = &x->components.items[i].images;

		for (size_t k = 0; k < (i == component ? at : s->len); k++)
			if (strcmp(s->items[k], name) == 0)
				return true;
	}
	return false;
}

int cluster_facts_bundle(struct agent *a, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT((size_t)512 << 10);
	const struct bundle_index *x;
	struct json_strings images;
	int r = a->node.bundle ? agent_bundle(a, err) : 0;

	if (r < 0 || a->facts.images_known)
		return r;
	x = a->bundle ? bundle_reader_index(a->bundle) : NULL;
	for (size_t i = 0; x && i < x->components.len; i++)
		for (size_t k = 0; k < x->components.items[i].images.len; k++)
			if (!is_listed(x, i, k))
				(void)buf_addf(&b, "%s\n", x->components.items[i].images.items[k]);
	if (buf_error(&b) < 0 || cluster_images_parse(buf_str(&b), &images) < 0)
		return err_nomem(err);
	set_images(&a->facts, images);
	return 0;
}

static int turn_control_plane(struct agent *a, const json_t *data, char fsid[FSID_LEN + 1],
			      struct step_turn *turn, struct err *err)
{
	cleanup_free char *images = NULL;
	char rook[FSID_LEN + 1];
	int r = fsid_of_rook(a, rook, turn, err);

	if (r >= 0)
		r = cluster_facts_bundle(a, err);
	if (r < 0)
		return r;
	images = cluster_images_format(&a->facts.images);
	if (!images)
		return err_nomem(err);
	if (rook[0])
		memcpy(fsid, rook, sizeof(rook));
	return publish(a, data, fsid, images, turn, err);
}

int cluster_facts_turn(struct agent *a, struct step_turn *turn, struct err *err)
{
	bool control_plane = a->node.node.role == NODE_CONTROL_PLANE;
	const json_t *data = NULL;
	cleanup_json json_t *map = NULL;
	char fsid[FSID_LEN + 1] = "";
	const char *text;
	int r;

	if (a->facts.fresh && clock_ms() < a->facts.next_ms)
		return TURN_DONE;
	r = get(a, CLUSTER_MAP, &map, turn, err);
	if (r != 0) {
		if (r > 0 && !turn->reason[0])
			step_reasonf(turn,
				     "waiting for the control-plane to make ConfigMap cluster");
		return r < 0 ? r : TURN_WAIT;
	}
	data = json_object_get(map, "data");
	text = json_string_value(json_object_get(data, "fsid"));
	if (text && json_rule_uuid.ok(text))
		(void)snprintf(fsid, sizeof(fsid), "%s", text);
	text = json_string_value(json_object_get(data, "images"));
	if (control_plane)
		r = turn_control_plane(a, data, fsid, turn, err);
	else if (text)
		r = parse_images(a, text, err);
	if (r == TURN_DONE && fsid[0])
		r = learn_fsid(a, fsid, err);
	if (r == TURN_DONE) {
		a->facts.fresh = true;
		a->facts.next_ms = clock_ms() + AGAIN_MS;
	}
	return r;
}
