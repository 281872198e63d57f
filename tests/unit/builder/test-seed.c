#include "cluster.h"
#include "diag.h"
#include "fault.h"
#include "file.h"
#include "fileset.h"
#include "render.h"
#include "seed.h"
#include "seed-json.h"
#include "archive-util.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#define BAKED_AT UINT64_C(1795348800)
#define BASE_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct err err;

static void put(const char *path, const char *text)
{
	char dir[512];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		ASSERT(mkdir(dir, 0700) == 0 || errno == EEXIST);
		*p = '/';
	}
	ASSERT_OK(file_replace_at(AT_FDCWD, path, text, strlen(text), 0600, &err), &err);
}

/* examples/home in the test's own folder, with an identity. */
static struct cluster *home(void)
{
	static const char *const cas[] = {
		"server-ca.crt",      "server-ca.key",	       "client-ca.crt",
		"client-ca.key",      "request-header-ca.crt", "request-header-ca.key",
		"etcd/server-ca.crt", "etcd/server-ca.key",    "etcd/peer-ca.crt",
		"etcd/peer-ca.key",   "service.key",
	};
	static const char *const of_node[] = {
		"machine-id",		"node-password",
		"ssh_host_ed25519_key", "ssh_host_ed25519_key.pub",
		"ssh_host_ecdsa_key",	"ssh_host_ecdsa_key.pub",
		"ssh_host_rsa_key",	"ssh_host_rsa_key.pub",
	};
	static const char *const nodes[] = { "cow", "sheep", "duck" };
	struct diag_list diags = { 0 };
	struct cluster *c = NULL;
	char *source = NULL, *text = NULL;
	char path[256];

	ASSERT(setenv("CLOUDFLARE_API_TOKEN", "dummy", 1) == 0);
	ASSERT(asprintf(&source, "%sexamples/home/cluster.yaml", test_srcdir()) > 0);
	ASSERT_OK(file_read_at(AT_FDCWD, source, 1 << 20, &text, NULL, &err), &err);
	put("cluster.yaml", text);
	put(".kiln/secrets/cluster-id", "00112233445566778899aabbccddeeff\n");
	put(".kiln/secrets/token-server", "K10aa::server:s\n");
	put(".kiln/secrets/token-agent", "K10aa::node:a\n");
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
		(void)snprintf(path, sizeof(path), ".kiln/secrets/k3s/server/tls/%s", cas[i]);
		put(path, "PEM\n");
	}
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(of_node); k++) {
			(void)snprintf(path, sizeof(path), ".kiln/secrets/nodes/%s/%s", nodes[i],
				       of_node[k]);
			put(path, "00112233445566778899aabbccddeeff\n");
		}
	}
	ASSERT_OK(cluster_load("cluster.yaml", &c, &diags, &err), &err);
	diag_list_done(&diags);
	free(source);
	free(text);
	return c;
}

static void build(const struct cluster *c, const char *node, struct seed_inputs *in, struct seed *s)
{
	cleanup_board struct board *b = NULL;
	const struct node *n = cluster_node(c, node);

	ASSERT_OK(board_load(n->board, &b, &err), &err);
	in->board = b;
	in->base_id = in->base_id ?: BASE_ID;
	in->baked_at = in->baked_at ?: BAKED_AT;
	ASSERT_OK(seed_build(c, n, in, s, &err), &err);
	in->board = NULL;
}

TEST(a_seed_holds_seed_json_first_and_the_files_as_rendered)
{
	cleanup_cluster struct cluster *c = home();
	cleanup_seed struct seed s = { 0 };
	cleanup_fileset struct fileset fs = { 0 };
	cleanup_board struct board *b = NULL;
	cleanup_seed_json struct seed_json j = { 0 };
	cleanup_archive_read struct archive *a = archive_read_new();
	const char *const wipe[] = { "S6PTNM0T812345", NULL };
	struct seed_inputs in = { .wipe = wipe };
	struct archive_entry *e;
	char text[8192], last[512] = "";
	size_t members = 0;
	la_ssize_t n;

	build(c, "duck", &in, &s);
	ASSERT_OK(board_load("m910q", &b, &err), &err);
	struct render r = {
		.cluster = c,
		.node = cluster_node(c, "duck"),
		.board = b,
		.secrets = &secret_source_disk,
		.wipe = wipe,
		.baked_at = BAKED_AT,
	};

	ASSERT_OK(render_node(&r, &fs, &err), &err);
	ASSERT_EQ(archive_read_support_format_tar(a), ARCHIVE_OK);
	ASSERT_EQ(archive_read_open_memory(a, s.data, s.len), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e);
		const struct fileset_entry *f;

		ASSERT_EQ(archive_entry_mtime(e), BAKED_AT);
		ASSERT(!archive_entry_uname(e) || !*archive_entry_uname(e));
		n = archive_read_data(a, text, sizeof(text) - 1);
		ASSERT(n >= 0);
		text[n] = '\0';
		if (members++ == 0) {
			ASSERT_STR(name, "seed.json");
			ASSERT_OK(seed_json_parse(text, (size_t)n, &j, &err), &err);
			continue;
		}
		ASSERT(strncmp(name, "root/", 5) == 0);
		/* a folder's name ends in a slash in a tar */
		name += 4;
		if (archive_entry_filetype(e) == AE_IFDIR)
			((char *)(uintptr_t)name)[strlen(name) - 1] = '\0';
		ASSERT(strcmp(last, name) < 0);
		(void)snprintf(last, sizeof(last), "%s", name);
		f = fileset_find(&fs, name);
		ASSERT(f);
		ASSERT_EQ(archive_entry_perm(e), f->mode);
		ASSERT_EQ(archive_entry_uid(e), f->uid);
		ASSERT_EQ(archive_entry_gid(e), f->gid);
		if (f->type == FILESET_SYMLINK)
			ASSERT_STR(archive_entry_symlink(e), f->data);
		else if (f->type == FILESET_FILE)
			ASSERT_STR(text, f->data);
	}
	ASSERT_EQ(members, fs.len + 1);
	ASSERT_STR(j.node, "duck");
	ASSERT_STR(j.cluster_id, "00112233445566778899aabbccddeeff");
	ASSERT_STR(j.base, BASE_ID);
	ASSERT_STR(j.machine.mac, "6c:4b:90:00:00:03");
	ASSERT_STR(j.system_disk.transport, "nvme");
	ASSERT_EQ(j.system_disk.min_bytes, UINT64_C(200) << 30);
	ASSERT_EQ(j.wipe.len, 1);
	ASSERT(j.digest == NULL);
}

TEST(the_name_is_the_digest_of_the_bytes)
{
	cleanup_cluster struct cluster *c = home();
	cleanup_seed struct seed s = { 0 };
	struct seed_inputs in = { 0 };
	char hex[SHA256_HEX_MAX], name[SEED_NAME_MAX], want[128];

	build(c, "cow", &in, &s);
	ASSERT_STR(s.digest, sha256_mem_hex(s.data, s.len, hex));
	(void)snprintf(want, sizeof(want), "seed-%s.tar", hex);
	ASSERT_STR(seed_file_name(&s, name), want);
}

TEST(equal_inputs_give_equal_bytes_and_every_input_counts)
{
	cleanup_cluster struct cluster *c = home();
	cleanup_seed struct seed s = { 0 }, same = { 0 };
	const char *const wipe[] = { "X", NULL };
	struct seed_inputs cases[] = {
		{ .baked_at = BAKED_AT + 1 },
		{ .wipe = wipe },
		{ .base_id = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
		{ .bundle_path = "bundle.tar" },
	};
	struct seed_inputs in = { 0 };

	put("bundle.tar", "not read by this test");
	build(c, "cow", &in, &s);
	build(c, "cow", &in, &same);
	ASSERT_STR(s.digest, same.digest);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_seed struct seed other = { 0 };

		build(c, "cow", &cases[i], &other);
		ASSERT(strcmp(s.digest, other.digest) != 0);
	}
}

TEST(the_bundle_is_on_control_planes_alone)
{
	cleanup_cluster struct cluster *c = home();
	cleanup_seed struct seed cow = { 0 }, duck = { 0 };
	struct seed_inputs in = { .bundle_path = "bundle.tar" };

	put("bundle.tar", "BUNDLE-OF-THE-TEST");
	build(c, "cow", &in, &cow);
	build(c, "duck", &in, &duck);
	ASSERT(memmem(cow.data, cow.len, "BUNDLE-OF-THE-TEST", 18));
	ASSERT(memmem(cow.data, cow.len, "root/var/lib/kiln/bundle.tar", 28));
	ASSERT(!memmem(duck.data, duck.len, "BUNDLE-OF-THE-TEST", 18));
}

TEST(what_is_missing_is_named)
{
	cleanup_cluster struct cluster *c = home();
	cleanup_board struct board *b = NULL;
	struct seed s = { 0 };
	struct seed_inputs in = { .base_id = BASE_ID, .baked_at = BAKED_AT };

	ASSERT_OK(board_load("rpi5", &b, &err), &err);
	in.board = b;
	in.bundle_path = "no-such-bundle.tar";
	ASSERT_EQ(seed_build(c, cluster_node(c, "cow"), &in, &s, &err), -ENOENT);
	ASSERT(strstr(err.msg, "no-such-bundle.tar"));
	in.bundle_path = NULL;
	ASSERT_EQ(unlink(".kiln/secrets/k3s/server/tls/service.key"), 0);
	ASSERT_EQ(seed_build(c, cluster_node(c, "cow"), &in, &s, &err), -ENOENT);
	ASSERT_STR(err.msg, "node 'cow': './.kiln/secrets/k3s/server/tls/service.key' is missing: "
			    "run 'kiln init'");
	in.base_id = "short";
	ASSERT_EQ(seed_build(c, cluster_node(c, "sheep"), &in, &s, &err), -EINVAL);
	ASSERT_STR(err.msg,
		   "seed of node 'sheep': seed.json: 'base' is not a SHA-256 of 64 hex digits");
	ASSERT(s.data == NULL);
}

/* Each call to the heap and to files fails once: an error or a whole seed, nothing between. */
TEST(a_seed_under_every_fault)
{
	cleanup_cluster struct cluster *c = home();
	cleanup_board struct board *b = NULL;
	cleanup_seed struct seed good = { 0 };
	struct seed_inputs in = { .base_id = BASE_ID,
				  .baked_at = BAKED_AT,
				  .bundle_path = "bundle.tar" };
	long n;

	put("bundle.tar", "not read by this test");
	ASSERT_OK(board_load("rpi5", &b, &err), &err);
	in.board = b;
	ASSERT_OK(seed_build(c, cluster_node(c, "cow"), &in, &good, &err), &err);
	for (n = 0;; n++) {
		cleanup_seed struct seed s = { 0 };
		struct err e = { 0 };
		int r;

		fault_arm(n);
		r = seed_build(c, cluster_node(c, "cow"), &in, &s, &e);
		if (!fault_disarm()) {
			ASSERT_EQ(r, 0);
			break;
		}
		if (r < 0) {
			ASSERT(s.data == NULL);
			ASSERT(e.msg[0] != '\0');
		} else {
			ASSERT_STR(s.digest, good.digest);
		}
	}
	ASSERT(n > 500);
	printf("# %ld faults\n", n);
}
