#include "push.h"

#include "base-json.h"
#include "buf.h"
#include "clock.h"
#include "node-json.h"
#include "seed-read.h"
#include "spawn.h"

#include <string.h>
#include <time.h>

#define ASK_MS 60000
#define SEND_MS 600000
#define ANSWER_MAX ((size_t)256 << 10)
#define POLL_S 3
#define NODE_JSON "/etc/kiln/node.json"
#define TLS "/var/lib/rancher/k3s/server/tls/"

void push_done(struct push *p)
{
	if (p->tar)
		explicit_bzero(p->tar, p->len);
	free(p->tar);
	seed_json_done(&p->json);
	fileset_done(&p->files);
}

int push_read(struct push *p, const char *image, struct err *err)
{
	int r = seed_read_tar(image, &p->tar, &p->len, err);

	if (r < 0)
		return r;
	r = seed_read_json(p->tar, p->len, &p->json, err);
	if (r >= 0 && strcmp(p->json.node, p->node->name) != 0)
		r = err_setf(err, -EINVAL, "it is the seed of node '%s', not of '%s'", p->json.node,
			     p->node->name);
	if (r >= 0)
		r = seed_read_files(p->tar, p->len, &p->files, err);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", image);
	(void)sha256_mem_hex(p->tar, p->len, p->digest);
	return 0;
}

/* Runs @command on the node; what it printed is in @s. */
static int on_node(const struct push *p, const char *command, struct spawn *s, struct err *err)
{
	struct node_ssh ssh;
	int r;

	if (!node_ssh_leads(&p->way, p->node))
		return err_setf(err, -ENOENT, "'%s': no way to it was given", p->node->name);
	node_ssh_prepare(&ssh, &p->way, p->node, command);
	s->argv = ssh.argv;
	if (!s->timeout_ms)
		s->timeout_ms = ASK_MS;
	s->out_max = ANSWER_MAX;
	r = spawn_run(s, err);
	s->argv = NULL;
	return r < 0 ? err_wrapf(err, r, "'%s'", p->node->name) : 0;
}

static int check_base(const struct push *p, struct err *err)
{
	CLEANUP(base_json_done) struct base_json base = { 0 };
	cleanup_spawn struct spawn s = { 0 };
	int r = on_node(p, "cat /usr/lib/kiln/base.json", &s, err);

	if (r < 0)
		return r;
	r = base_json_parse(s.out, s.out_len, &base, err);
	if (r < 0)
		return err_wrapf(err, r, "base.json of '%s'", p->node->name);
	if (strcmp(base.cluster_id, p->json.cluster_id) != 0)
		return err_setf(err, -EPERM, "'%s' is of another cluster", p->node->name);
	if (strcmp(base.id, p->json.base) != 0)
		return err_setf(
			err, -EPERM,
			"'%s' runs base image %.12s, and its seed was baked for %.12s: packages, "
			"kernel, K3s, container images or Kiln itself are others; that takes the "
			"whole image, not a seed",
			p->node->name, base.id, p->json.base);
	return 0;
}

static int check_machine(const struct push *p, struct err *err)
{
	cleanup_spawn struct spawn s = { 0 };
	int r;

	if (!p->json.machine.mac)
		return 0;
	r = on_node(p, "cat /sys/class/net/*/address", &s, err);
	if (r >= 0 && !strcasestr(s.out, p->json.machine.mac))
		r = err_setf(err, -EPERM,
			     "'%s' has no MAC address %s: it would refuse this seed; the node's "
			     "mac in cluster.yaml is that of another machine",
			     p->node->name, p->json.machine.mac);
	return r;
}

static bool same_strings(const struct json_strings *a, const struct json_strings *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* Whatever their prefixes are. */
static bool same_first(const struct json_strings *a, const struct json_strings *b)
{
	size_t len = a->len ? strcspn(a->items[0], "/") : 0;

	return a->len && b->len && strcspn(b->items[0], "/") == len &&
	       strncmp(a->items[0], b->items[0], len) == 0;
}

/* etcd has its members by their first address; K3s' datastore has the ranges. */
static int check_fixed(const struct push *p, const struct node_json *is,
		       const struct node_json *new, struct err *err)
{
	const char *name = p->node->name;

	if (is->node.role != new->node.role)
		return err_setf(err, -EPERM, "'%s' has another role: that takes a flash", name);
	if (is->node.role != NODE_CONTROL_PLANE)
		return 0;
	if (!same_first(&is->node.addresses, &new->node.addresses))
		return err_setf(err, -EPERM,
				"'%s' is a control-plane at %s and would be at %s: etcd knows its "
				"members by their first address, and K3s would not start; of "
				"several control-planes delete the node and flash it",
				name,
				is->node.addresses.len ? is->node.addresses.items[0] : "no address",
				new->node.addresses.len ? new->node.addresses.items[0] : "none");
	if (!same_strings(&is->k3s.pods, &new->k3s.pods) ||
	    !same_strings(&is->k3s.services, &new->k3s.services))
		return err_setf(err, -EPERM,
				"'%s' has other ranges for pods or services: a cluster that runs "
				"cannot change these",
				name);
	return 0;
}

static int check_node(const struct push *p, struct err *err)
{
	const struct fileset_entry *f = fileset_find(&p->files, NODE_JSON);
	CLEANUP(node_json_done) struct node_json is = { 0 }, new = { 0 };
	cleanup_spawn struct spawn s = { 0 };
	int r;

	if (!f)
		return err_setf(err, -EBADMSG, "the seed has no '" NODE_JSON "'");
	r = on_node(p, "sudo -n cat " NODE_JSON, &s, err);
	if (r < 0)
		return r;
	r = node_json_parse(s.out, s.out_len, &is, err);
	if (r >= 0)
		r = node_json_parse(f->data, f->len, &new, err);
	return r < 0 ? err_wrapf(err, r, "node.json of '%s'", p->node->name)
		     : check_fixed(p, &is, &new, err);
}

static bool is_identity(const struct fileset_entry *f)
{
	return f->type == FILESET_FILE && (strncmp(f->path, TLS, strlen(TLS)) == 0 ||
					   strcmp(f->path, "/etc/rancher/k3s/token") == 0 ||
					   strcmp(f->path, "/etc/rancher/k3s/agent-token") == 0);
}

/* K3s can rotate its CAs and tokens; with older ones it would end at each start. */
static int check_identity(const struct push *p, struct err *err)
{
	cleanup_buf struct buf sums = BUF_INIT(1 << 20);
	cleanup_spawn struct spawn s = { 0 };
	char hex[SHA256_HEX_MAX];
	int r;

	for (size_t i = 0; i < p->files.len; i++) {
		const struct fileset_entry *f = &p->files.items[i];

		if (is_identity(f))
			(void)buf_addf(&sums, "%s  %s\n", sha256_mem_hex(f->data, f->len, hex),
				       f->path);
	}
	r = buf_error(&sums);
	if (r < 0)
		return err_errnof(err, r, "cannot list what the seed has");
	if (!sums.len)
		return 0;
	s.input = sums.data;
	s.input_len = sums.len;
	s.flags = SPAWN_ANY_STATUS;
	r = on_node(p, "sudo -n sha256sum -c --quiet -", &s, err);
	if (r < 0 || s.exit_status == 0)
		return r;
	if (s.out[0] != '/')
		return err_setf(err, -EIO,
				"'%s': cannot compare its CAs and tokens: ssh ended with status %d",
				p->node->name, s.exit_status);
	return err_setf(err, -EPERM,
			"'%s': its '%.*s' is another than .kiln/secrets has, and with the seed's "
			"K3s would not start; if K3s has rotated it, copy what the node has into "
			".kiln/secrets and bake anew",
			p->node->name, (int)strcspn(s.out, ":\n"), s.out);
}

int push_check(const struct push *p, struct err *err)
{
	int r = check_base(p, err);

	if (r >= 0)
		r = check_machine(p, err);
	if (r >= 0)
		r = check_node(p, err);
	if (r >= 0)
		r = check_identity(p, err);
	return r;
}

/*
 * %1$s: the digest. One push at a time; written beside, compared, synced, renamed: a seed is there
 * whole or not at all. Then the others go, for the node takes the newest: overwritten, as
 * kiln-init does it. FAT is only mounted while something stands in it.
 */
static const char send_script[] =
	"sudo -n sh -euc '"
	"cd /boot/firmware/kiln; exec 9<.; flock 9; gone=; "
	"drop() { for f in seed.new seed-*.tar; do "
	"if [ -e $f ] && [ $f != \"$1\" ]; then shred -n 0 -z --remove=unlink $f; gone=1; fi; "
	"done; }; "
	"if grep -qs %1$s /var/lib/kiln/seed.json; then cat >/dev/null; drop -; exit 1${gone:-0}; "
	"fi; "
	"trap \"[ ! -e seed.new ] || shred -n 0 -z --remove=unlink seed.new\" EXIT; "
	"trap \"exit 1\" HUP INT TERM; cat >seed.new; "
	"case $(sha256sum <seed.new) in %1$s*) ;; *) echo it arrived damaged >&2; exit 1;; esac; "
	"sync seed.new; mv seed.new seed-%1$s.tar; drop seed-%1$s.tar; sync .'";
#define HAD 10
#define HAD_AND_CLEAN 11

int push_send(const struct push *p, enum push_result *ret, struct err *err)
{
	cleanup_spawn struct spawn s = { .input = p->tar,
					 .input_len = p->len,
					 .timeout_ms = SEND_MS };
	cleanup_free char *script = NULL;
	int r;

	if (asprintf(&script, send_script, p->digest) < 0) {
		script = NULL;
		return err_nomem(err);
	}
	*ret = PUSH_SENT;
	r = on_node(p, script, &s, err);
	if (r == -ECHILD && (s.exit_status == HAD || s.exit_status == HAD_AND_CLEAN)) {
		*ret = s.exit_status == HAD ? PUSH_HAD : PUSH_HAD_AND_CLEAN;
		err_clear(err);
		return 0;
	}
	return r;
}

#define BOOT_ID "cat /proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN 36
#define TAKEN "taken"

/* 1: it has started anew and runs with the seed; 0: not yet, or it does not answer. */
static int is_back(const struct push *p, const char *boot_id, struct err *err)
{
	cleanup_spawn struct spawn s = { 0 };
	cleanup_free char *command = NULL;
	struct err silent = { 0 };
	const char *said;

	if (asprintf(&command,
		     BOOT_ID " && sudo -n sh -c 'if grep -q %s /var/lib/kiln/seed.json; then "
			     "echo " TAKEN "; else cat /run/kiln/init.log; fi'",
		     p->digest) < 0) {
		command = NULL;
		return err_nomem(err);
	}
	if (on_node(p, command, &s, &silent) < 0 || s.out_len <= BOOT_ID_LEN ||
	    strncmp(s.out, boot_id, BOOT_ID_LEN) == 0)
		return 0;
	said = s.out + BOOT_ID_LEN + 1;
	if (strcmp(said, TAKEN "\n") == 0)
		return 1;
	return err_setf(err, -EBADMSG, "'%s' has started anew, and not taken the seed: %s",
			p->node->name, said);
}

int push_reboot(struct push *p, uint64_t deadline_s, struct err *err)
{
	uint64_t end_ms = clock_ms() + deadline_s * 1000;
	cleanup_spawn struct spawn before = { 0 }, s = { 0 };
	int r = on_node(p, BOOT_ID, &before, err);

	if (r >= 0 && before.out_len < BOOT_ID_LEN)
		r = err_setf(err, -EBADMSG, "'%s' does not tell its boot id", p->node->name);
	if (r >= 0) /* after our session has ended, so that it ends well */
		r = on_node(p,
			    "sudo -n systemd-run -q --on-active=1s "
			    "--timer-property=AccuracySec=100ms systemctl reboot",
			    &s, err);
	if (r < 0)
		return r;
	p->way.host = NULL; /* it comes back at the address that the seed has */
	while (clock_ms() < end_ms) {
		(void)nanosleep(&(struct timespec){ .tv_sec = POLL_S }, NULL);
		r = is_back(p, before.out, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return err_setf(err, -ETIMEDOUT, "'%s' was started anew and has not answered for %llu s",
			p->node->name, (unsigned long long)deadline_s);
}
