#include "agent.h"

#include "clock.h"
#include "file.h"
#include "notify.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int open_dir(struct agent *a, const char *path, mode_t mode, struct err *err)
{
	int fd;

	if (mkdirat(a->root_fd, path, mode) < 0 && errno != EEXIST)
		return err_errnof(err, -errno, "cannot make '/%s'", path);
	fd = neg_errno(openat(a->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '/%s'", path);
	return fd;
}

int agent_read(const struct agent *a, const char *path, char **ret, struct err *err)
{
	return file_read_at(a->root_fd, path + strspn(path, "/"), (size_t)1 << 20, ret, NULL, err);
}

char *agent_path(const struct agent *a, const char *path)
{
	char *p = NULL;

	path += strspn(path, "/");
	if (asprintf(&p, "%s%s%s", a->root, strcmp(a->root, "/") == 0 ? "" : "/", path) < 0)
		return NULL;
	return p;
}

const char *agent_prefix(const struct agent *a)
{
	return strcmp(a->root, "/") == 0 ? "" : a->root;
}

char *agent_device(const struct agent *a, const char *name)
{
	char *p = NULL;

	return asprintf(&p, "%s/dev/%s", agent_prefix(a), name) < 0 ? NULL : p;
}

static int read_node(struct agent *a, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = file_read_at(a->root_fd, "etc/kiln/node.json", NODE_JSON_MAX, &text, &len, err);
	if (r == -ENOENT)
		return err_setf(
			err, r,
			"'/etc/kiln/node.json' is missing: no seed was imported; bake the node "
			"again and put its seed on the boot partition");
	if (r >= 0)
		r = node_json_parse(text, len, &a->node, err);
	return r < 0 ? err_wrapf(err, r, "/etc/kiln/node.json") : 0;
}

static void read_boot_id(struct agent *a)
{
	cleanup_free char *text = NULL;
	struct err ignored = { 0 };

	if (file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL, &ignored) >=
	    0)
		(void)snprintf(a->boot_id, sizeof(a->boot_id), "%.36s", text);
}

int agent_open_reading(struct agent *a, struct err *err)
{
	const char *root = getenv("KILN_ROOT");
	int r;

	*a = (struct agent)AGENT_INIT;
	a->root = strdup(root && *root ? root : "/");
	if (!a->root)
		return err_nomem(err);
	a->root_fd = neg_errno(open(a->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (a->root_fd < 0)
		return err_errnof(err, a->root_fd, "cannot open '%s'", a->root);
	r = a->run_fd = open_dir(a, RUN_DIR, 0755, err);
	if (r >= 0)
		r = read_node(a, err);
	if (r >= 0)
		r = a->state_fd = open_dir(a, STATE_DIR, 0700, err);
	return r < 0 ? r : cluster_facts_load(a, err);
}

int agent_open(struct agent *a, const struct step *steps, struct err *err)
{
	int r = agent_open_reading(a, err);

	if (r >= 0)
		r = journal_open(a->state_fd, "journal", &a->journal, err);
	if (r >= 0)
		r = engine_init(&a->engine, steps, a->journal, err);
	a->started_s = (int64_t)(clock_ms() / 1000);
	read_boot_id(a);
	return r < 0 ? r : 0;
}

void agent_done(struct agent *a)
{
	sequence_free(a->sequence);
	journal_free(a->sequence_journal);
	bundle_reader_free(a->bundle);
	cluster_facts_done(&a->facts);
	kube_free(a->kube);
	journal_free(a->journal);
	node_json_done(&a->node);
	close_fdp(&a->run_fd);
	close_fdp(&a->state_fd);
	address_probe_done(&a->twins);
	close_fdp(&a->root_fd);
	free(a->root);
	*a = (struct agent)AGENT_INIT;
}

int agent_bundle(struct agent *a, struct err *err)
{
	const struct node_bundle *b = a->node.bundle;
	cleanup_free char *path = b ? agent_path(a, b->path) : NULL;
	int r;

	if (a->bundle)
		return 0;
	if (!b)
		return err_setf(err, -ENOENT, "no bundle on this node");
	if (!path)
		return err_nomem(err);
	r = bundle_reader_open(AT_FDCWD, path, b->sha256, &a->bundle, err);
	return r < 0 ? err_wrapf(err, r, "'%s': bake this node anew", b->path) : 0;
}

static enum status_phase phase_of(const struct engine *e)
{
	bool failed = false, waiting = false;

	if (engine_all_done(e))
		return PHASE_READY;
	for (size_t i = 0; i < e->len; i++) {
		failed |= e->status[i].state == STEP_FAILED;
		waiting |= e->status[i].state == STEP_WAITING;
	}
	return failed ? PHASE_FAILED : waiting ? PHASE_WAITING : PHASE_WORKING;
}

/* The first step that is not through: what a person wants to know. */
static const char *current_step(const struct engine *e, const struct step_status **ret)
{
	for (size_t i = 0; i < e->len; i++) {
		if (e->status[i].state != STEP_DONE && e->status[i].state != STEP_PENDING) {
			*ret = &e->status[i];
			return e->steps[i].name;
		}
	}
	*ret = NULL;
	return NULL;
}

int agent_write_status(struct agent *a, struct err *err)
{
	struct status_step steps[STEPS_MAX] = { 0 };
	const struct engine *e = &a->engine;
	const struct step_status *now;
	cleanup_free char *text = NULL;
	struct status_json s = {
		.node = a->node.node.name,
		.boot_id = a->boot_id,
		.updated_at = clock_wall_s(),
		.phase = phase_of(e),
		.addresses = a->node.node.addresses,
	};
	const char *name = current_step(e, &now);
	size_t len;
	int r;

	for (size_t i = 0; i < e->len; i++) {
		steps[i].name = (char *)(uintptr_t)e->steps[i].name;
		steps[i].state = e->status[i].state;
		steps[i].reason =
			e->status[i].reason[0] ? (char *)(uintptr_t)e->status[i].reason : NULL;
		steps[i].since = (uint64_t)e->status[i].since_s;
		steps[i].attempt = e->status[i].attempt;
	}
	s.steps.items = steps;
	s.steps.len = e->len;
	if (a->sequence) /* borrowed: the formatter only reads */
		s.components.items = (struct status_component *)(uintptr_t)sequence_status(
			a->sequence, &s.components.len);
	r = status_json_format(&s, &text, &len, err);
	if (r >= 0)
		r = file_replace_at(a->run_fd, "status.json", text, len, 0644, err);
	if (name)
		notify_sendf("STATUS=%s: %s %s", name, step_state_to_string(now->state),
			     now->reason);
	else
		notify_sendf("STATUS=all steps are done");
	return r;
}
