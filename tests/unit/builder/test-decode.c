#include "component-options.h"
#include "fault.h"
#include "k3s-options.h"
#include "schema.h"
#include "test.h"

static char *slurp(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	ASSERT(f && text);
	*ret_len = fread(text, 1, (1 << 16) - 1, f);
	(void)fclose(f);
	return text;
}

TEST(nearest_word_finds_typing_mistakes)
{
	static const char *const words[] = { "size", "compress", "gateways", "dns", "at" };
	static const struct {
		const char *word, *near;
	} cases[] = {
		{ "siez", "size" },
		{ "gateway", "gateways" },
		{ "comprss", "compress" },
		{ "gate", "gateways" },
		{ "dnss", "dns" },
		{ "colour", NULL },
		{ "", NULL },
		{ "xy", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *near = nearest_word(cases[i].word, words, ARRAY_SIZE(words));

		ASSERT_STR(near ? near : "(none)", cases[i].near ? cases[i].near : "(none)");
	}
}

TEST(k3s_options_know_their_role)
{
	const struct k3s_option *server = k3s_option_find("etcd-snapshot-retention");
	const struct k3s_option *both = k3s_option_find("kubelet-arg");

	ASSERT(server && both);
	ASSERT(k3s_option_for(server, ROLE_CONTROL_PLANE));
	ASSERT(!k3s_option_for(server, ROLE_WORKER));
	ASSERT(k3s_option_for(both, ROLE_CONTROL_PLANE) && k3s_option_for(both, ROLE_WORKER));
	ASSERT(k3s_option_find("flannel") == NULL);
	ASSERT_EQ(k3s_version_minor("v1.35.2+k3s1"), 35);
	ASSERT_EQ(k3s_version_minor("v2.0"), 0);
	ASSERT_EQ(k3s_version_minor(NULL), 0);
}

/* Every default of the tables is a value its own row takes. */
static void check_defaults(const struct field *fields)
{
	for (const struct field *f = fields; f->key; f++) {
		ASSERT(f->doc != NULL);
		if (f->type == &type_map) {
			check_defaults(f->arg);
		} else if (f->def) {
			struct diag_list diags = { 0 };
			struct decode d = { .diags = &diags };
			struct ynode n = { .kind = YNODE_SCALAR,
					   .text = strdup(f->def),
					   .width = 1 };
			char value[4096] = { 0 };

			f->type->decode(&d, &n, f, value);
			if (diags.len)
				test_fail(__FILE__, __LINE__, "%s: %s", f->key, diags.items[0].msg);
			if (f->type->done)
				f->type->done(value);
			free(n.text);
		}
	}
}
TEST(component_defaults_decode)
{
	for (const struct component_kind *k = component_kinds; k->name; k++)
		check_defaults(k->options);
}

TEST(cluster_of_defaults)
{
	static const char text[] =
		"kiln: 1\ncluster:\n  name: a\n  domain: a.example\n  k3s: {version: "
		"v1.35.2+k3s1}\n"
		"  pods: [10.42.0.0/16]\n  services: [10.43.0.0/16]\n  load_balancer: "
		"[10.0.0.9-10.0.0.9]\n"
		"network: {subnets: [10.0.0.0/24], gateways: [10.0.0.1], dns: [10.0.0.1]}\n"
		"system: {ssh_keys: [ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAIJK1kc46TfnwfycF/mqHOdhCmC4ztqRu0lvcfVPpoyty]}\n"
		"nodes: {n: {board: rpi5, role: control-plane, addresses: [10.0.0.2], mac: "
		"d8:3a:dd:00:00:01,"
		" disks: {system: {transport: mmc}}}}\n"
		"components: [cilium]\n";
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;

	if (cluster_parse("c.yaml", text, strlen(text), &c, &diags) < 0)
		test_fail(__FILE__, __LINE__, "%u:%u: %s", diags.items[0].line, diags.items[0].col,
			  diags.items[0].msg);
	ASSERT(c->api == NULL);
	ASSERT(c->k3s.secrets_encryption);
	ASSERT_STR(c->system.timezone, "UTC");
	ASSERT_STR(c->system.locale, "C.UTF-8");
	ASSERT_STR(c->system.user, "k3s");
	ASSERT_EQ(c->system.image_gc_max_age_s, 72 * 3600);
	ASSERT_EQ(c->storage.root_size_bytes, UINT64_C(64) << 30);
	ASSERT_STR(c->storage.compress, "zstd:1");
	ASSERT_EQ(c->storage.replicas, 2);
	ASSERT(!c->power.has_shutdown);
	ASSERT_EQ(c->power.deadline_s, 900);
	ASSERT_EQ(c->network.ntp.len, 0);
	ASSERT_EQ(c->nodes[0].stepping, STEPPING_AUTO);
	ASSERT(!c->nodes[0].ceph_disk.present);
	ASSERT_EQ(c->nodes[0].addresses.items[0].bits, 24);
}

/* Whatever allocation fails, no half-made cluster comes back. */
TEST(cluster_parse_under_shortage_of_memory)
{
	cleanup_free char *text = NULL;
	char path[4096];
	size_t len;
	long faults = 0;

	(void)snprintf(path, sizeof(path), "%s/examples/home/cluster.yaml", test_srcdir());
	text = slurp(path, &len);
	for (long n = 0;; n += 7) { /* every seventh: the whole loop is thousands */
		struct diag_list diags = { 0 };
		struct cluster *c = NULL;
		bool failed;
		int r;

		fault_arm(n);
		r = cluster_parse("c.yaml", text, len, &c, &diags);
		failed = fault_disarm();
		ASSERT((r == 0) == (c != NULL));
		ASSERT(r == 0 || r == -ENOMEM || (failed && r == -EINVAL && diags.len > 0));
		cluster_free(c);
		diag_list_done(&diags);
		if (!failed) {
			ASSERT_EQ(r, 0);
			break;
		}
		faults++;
	}
	ASSERT(faults > 50);
}
