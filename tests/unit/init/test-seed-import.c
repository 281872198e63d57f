/* The import on folders: what it brings, replaces, keeps and refuses. */
#include "seed-fixture.h"

static const struct item first_seed[] = {
	{ "root/etc/hostname", S_IFREG, 0644, "cow\n" },
	{ "root/etc/hosts", S_IFREG, 0644, "127.0.0.1 cow\n" },
	{ "root/etc/rancher/k3s/config.yaml", S_IFREG, 0600, "token: secret\n" },
	{ "root/etc/ssh/", S_IFDIR, 0711, NULL },
	{ "root/etc/ssh/ssh_host_key", S_IFREG, 0600, "key\n" },
	{ "root/etc/systemd/system/x.wants/y.timer", S_IFLNK, 0777,
	  "/usr/lib/systemd/system/y.timer" },
	{ "root/usr/local/bin/koff", S_IFREG, 04755, "#!/bin/sh\n" },
};
static const struct item second_seed[] = {
	{ "root/etc/hostname", S_IFREG, 0644, "sheep\n" },
	{ "root/etc/hosts", S_IFREG, 0600, "127.0.0.1 sheep\n" },
	{ "root/etc/new", S_IFREG, 0640, "new\n" },
};

TEST(first_seed_is_in_the_root_and_gone_from_the_boot_partition)
{
	cleanup_seed_info struct seed_info info = { 0 };
	cleanup_free char *boot = NULL;
	const char *files;
	const char *path;
	struct stat st;

	fixture_new();
	path = seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&info), &err);
	ASSERT(info.imported && info.seeded && !info.notes);
	ASSERT_STR(info.json.node, "cow");
	ASSERT_EQ(access(path, F_OK), -1);
	boot = tree_text("boot");
	ASSERT(strstr(boot, "base.json") && !strstr(boot, "seed-"));
	ASSERT_STR(slurp("root/etc/rancher/k3s/config.yaml"), "token: secret\n");
	ASSERT_STR(slurp("root/etc/hosts"), "127.0.0.1 cow\n");
	ASSERT_EQ(stat("root/etc/rancher/k3s/config.yaml", &st), 0);
	ASSERT_EQ(st.st_mode, S_IFREG | 0600);
	ASSERT_EQ(stat("root/etc/ssh", &st), 0);
	ASSERT_EQ(st.st_mode, S_IFDIR | 0711);
	ASSERT_EQ(stat("root/usr/local/bin/koff", &st), 0);
	ASSERT_EQ(st.st_mode, S_IFREG | 04755);
	files = slurp("root/var/lib/kiln/seed.files");
	ASSERT(strstr(files, " /etc/hostname\n") &&
	       strstr(files, " /etc/systemd/system/x.wants/y.timer\n"));
	ASSERT(!strstr(files, " /etc/ssh\n"));
	ASSERT_EQ(access("root/var/lib/kiln/seed.pending", F_OK), -1);
	ASSERT(strstr(slurp("root/var/lib/kiln/seed.json"), info.json.digest));
}

/* The list can be checked with sha256sum below the root. */
TEST(list_is_what_sha256sum_says)
{
	cleanup_seed_info struct seed_info info = { 0 };
	char *line, *save, *files;
	int n = 0;

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&info), &err);
	files = slurp("root/var/lib/kiln/seed.files");
	for (line = strtok_r(files, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
		char path[256], hex[SHA256_HEX_MAX];

		(void)snprintf(path, sizeof(path), "root%s", line + 65);
		if (strstr(path, "y.timer"))
			continue;
		ASSERT_OK(sha256_file_at(AT_FDCWD, path, hex, &err), &err);
		ASSERT_EQ(strncmp(line, hex, 64), 0);
	}
	ASSERT_EQ(n, 6);
}

TEST(without_a_seed_nothing_changes)
{
	cleanup_seed_info struct seed_info info = { 0 };
	cleanup_free char *before = NULL, *after = NULL;

	fixture_new();
	before = tree_text("root");
	ASSERT_OK(import(&info), &err);
	ASSERT(!info.seeded && !info.imported && !info.notes);
	after = tree_text("root");
	ASSERT_STR(after, before);
	ASSERT_OK(tree_remove_at(AT_FDCWD, "boot/kiln"), &err);
	ASSERT_OK(import(&info), &err);
	ASSERT(!info.seeded);
}

TEST(new_seed_replaces_the_old_one)
{
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 }, c = { 0 };

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&a), &err);
	spit("root/etc/hosts", "changed by hand\n");	  /* in both seeds */
	spit("root/etc/ssh/ssh_host_key", "other key\n"); /* in the old one only */
	spit("root/etc/mine", "not a seed's\n");
	(void)seed_write(2000, second_seed, ARRAY_SIZE(second_seed));
	ASSERT_OK(import(&b), &err);
	ASSERT(b.imported && !b.notes);
	ASSERT_STR(slurp("root/etc/hostname"), "sheep\n");
	ASSERT_STR(slurp("root/etc/hosts"), "127.0.0.1 sheep\n");
	ASSERT_STR(slurp("root/etc/hosts.kiln-old"), "changed by hand\n");
	ASSERT_EQ(access("root/etc/hostname.kiln-old", F_OK), -1);
	ASSERT_STR(slurp("root/etc/ssh/ssh_host_key.kiln-old"), "other key\n");
	ASSERT_EQ(access("root/etc/ssh/ssh_host_key", F_OK), -1);
	ASSERT_EQ(access("root/usr/local/bin/koff", F_OK), -1);
	ASSERT_EQ(faccessat(AT_FDCWD, "root/etc/systemd/system/x.wants/y.timer", F_OK,
			    AT_SYMLINK_NOFOLLOW),
		  -1);
	ASSERT_STR(slurp("root/etc/mine"), "not a seed's\n");
	ASSERT(!strstr(keep(tree_text("root")), ".kiln-new") &&
	       !strstr(keep(tree_text("root")), ".kiln-was"));
	ASSERT_OK(import(&c), &err);
	ASSERT(c.seeded && !c.imported);
	ASSERT_STR(c.json.digest, b.json.digest);
}

/* The power went after the record, before the boot partition was cleaned, or while it was
 * overwritten. */
TEST(imported_seed_is_only_removed)
{
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };
	cleanup_free char *before = NULL, *after = NULL;
	const char *path;

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&a), &err);
	before = tree_text("root");
	path = seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	spit(path, "half of it is zeros");
	ASSERT_OK(import(&b), &err);
	ASSERT(b.seeded && !b.imported && !b.notes);
	ASSERT_EQ(access(path, F_OK), -1);
	after = tree_text("root");
	ASSERT_STR(after, before);
}

TEST(of_several_the_newest_wins_and_the_older_go)
{
	cleanup_seed_info struct seed_info info = { 0 };
	char damaged[128];

	fixture_new();
	(void)seed_write(3000, first_seed, ARRAY_SIZE(first_seed));
	(void)seed_write(4000, second_seed, ARRAY_SIZE(second_seed));
	(void)snprintf(damaged, sizeof(damaged), "boot/kiln/seed-%064d.tar", 0);
	spit(damaged, "damaged");
	ASSERT_OK(import(&info), &err);
	ASSERT_STR(slurp("root/etc/hostname"), "sheep\n");
	ASSERT_STR(slurp(damaged), "damaged");
	ASSERT_STR(info.notes, "seed 000000000000 is refused and left alone: it is damaged: its "
			       "contents have digest "
			       "41f0c27c00e8, its name says 000000000000\n");
	ASSERT_EQ(unlink(damaged), 0);
	ASSERT(!strstr(keep(tree_text("boot")), "seed-"));
}

/* Every way in which a seed can be for somebody else. */
static const struct {
	const char *from, *to; /* in seed.json */
	const char *note;
} strangers[] = {
	{ "\"schema\":1", "\"schema\":2", NULL },
	{ CLUSTER_ID, "c0000000000000000000000000000002",
	  "it is for cluster 'home' (c0000000000000000000000000000002); this base image is of "
	  "cluster " CLUSTER_ID },
	{ "\"rpi5\"", "\"m910q\"", "it is for board 'm910q'; this base image is for 'rpi5'" },
	{ BASE_ID, "a000000000000000000000000000000000000000000000000000000000000001",
	  "it was made for base image a00000000000; this is b00000000000" },
	{ "SER1", "SER2", "it is for the machine with serial 'SER2'; this one has 'SER1'" },
	{ "02:00:00:00:00:01", "02:00:00:00:00:02",
	  "it is for the machine with MAC address 02:00:00:00:00:02; this one has "
	  "02:00:00:00:00:01" },
};

__attribute__((noinline)) static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out;

	if (!at) { /* written with a blank after the colon */
		ASSERT(strncmp(from, "\"schema\":", 9) == 0);
		from = "\"schema\": 1", to = "\"schema\": 2";
		at = strstr(text, from);
	}
	ASSERT(at != NULL);
	ASSERT(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
	return out;
}

TEST(seeds_for_others_are_left_alone)
{
	fixture_new();
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		cleanup_seed_info struct seed_info info = { 0 };
		cleanup_free char *json = seed_text(1),
				  *other = replaced(json, strangers[i].from, strangers[i].to);
		cleanup_free char *before = tree_text("root"), *after = NULL, *note = NULL;
		size_t len;
		cleanup_free char *bytes =
			seed_bytes(other, first_seed, ARRAY_SIZE(first_seed), &len);
		const char *path = seed_put(bytes, len);

		ASSERT_OK(import(&info), &err);
		ASSERT(!info.imported && !info.seeded);
		after = tree_text("root");
		ASSERT_STR(after, before);
		ASSERT_EQ(access(path, F_OK), 0);
		if (strangers[i].note) {
			ASSERT(asprintf(&note, "seed %.12s is refused and left alone: %s\n",
					path + 15, strangers[i].note) > 0);
			ASSERT_STR(info.notes, note);
		} else {
			ASSERT(info.notes && strstr(info.notes, "schema"));
		}
		ASSERT_EQ(unlink(path), 0);
	}
}

/* QEMU's virt has no serial number: then the address must be right, and is asked for. */
TEST(machine_without_a_serial_is_known_by_its_address)
{
	struct machine was = machine;
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	machine = (struct machine){ .macs = { "02:00:00:00:00:03" }, .macs_len = 1 };
	ASSERT_OK(import(&a), &err);
	ASSERT(!a.imported && strstr(a.notes, "this one has 02:00:00:00:00:03"));
	machine = was;
	machine.serial[0] = '\0';
	ASSERT_OK(import(&b), &err);
	ASSERT(b.imported);
	machine = was;
}

TEST(seeded_node_boots_on_beside_a_damaged_seed)
{
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };
	const char *path;

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&a), &err);
	path = seed_write(2000, second_seed, ARRAY_SIZE(second_seed));
	spit(path, "damaged");
	ASSERT_OK(import(&b), &err);
	ASSERT(b.seeded && !b.imported && strstr(b.notes, "it is damaged"));
	ASSERT_STR(b.json.digest, a.json.digest);
	ASSERT_STR(slurp("root/etc/hostname"), "cow\n");
	ASSERT_STR(slurp(path), "damaged");
}

#define HUNDRED                                                                                    \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaa"
static const struct {
	struct item items[2];
	const char *note;
} attacks[] = {
	{ { { "root/../../outside/x", S_IFREG, 0644, "evil" } },
	  "member 'root/../../outside/x' has no clean path" },
	{ { { "/etc/x", S_IFREG, 0644, "evil" } }, "member '/etc/x' is not below 'root/'" },
	{ { { "../outside/x", S_IFREG, 0644, "evil" } },
	  "member '../outside/x' is not below 'root/'" },
	{ { { "rootx", S_IFREG, 0644, "evil" } }, "member 'rootx' is not below 'root/'" },
	{ { { "root/", S_IFDIR, 0755, NULL } }, "member 'root' is not below 'root/'" },
	{ { { "root//etc/x", S_IFREG, 0644, "evil" } }, "member 'root//etc/x' has no clean path" },
	{ { { "root/etc/./x", S_IFREG, 0644, "evil" } },
	  "member 'root/etc/./x' has no clean path" },
	{ { { "root/etc/..", S_IFDIR, 0755, NULL } }, "member 'root/etc/..' has no clean path" },
	{ { { "root/a\nb", S_IFREG, 0644, "evil" } }, "member 'root/a\nb' has no clean path" },
	{ { { "root/etc/x", S_IFMT, 0644, "/etc/shadow" } }, "member 'root/etc/x' is a hard link" },
	{ { { "root/dev/x", S_IFCHR, 0644, NULL } },
	  "member 'root/dev/x' is neither file, folder nor symlink" },
	{ { { "root/dev/x", S_IFIFO, 0644, NULL } },
	  "member 'root/dev/x' is neither file, folder nor symlink" },
	{ { { "root/etc/x", S_IFREG, 01, "evil" } },
	  "member 'root/etc/x' is sparse or has attributes" },
	{ { { "root/l", S_IFLNK, 0777, "../outside" }, { "root/l/x", S_IFREG, 0644, "evil" } },
	  "member 'root/l/x' lies below '/l', which is no folder" },
	{ { { "root/etc/x", S_IFREG, 0644, "a" }, { "root/etc/x", S_IFREG, 0644, "b" } },
	  "member 'root/etc/x' is there twice" },
	{ { { "root/etc/passwd", S_IFREG, 0644, "root::0:0::/:/bin/sh\n" } },
	  "it holds '/etc/passwd', which no seed may bring" },
	{ { { "root/var/lib/kiln/seed.json", S_IFREG, 0644, "{}" } },
	  "it holds '/var/lib/kiln/seed.json', which no seed may bring" },
	{ { { "root/" HUNDRED HUNDRED "b", S_IFREG, 0644, "" } },
	  "member "
	  "'root/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' "
	  "has too long a name" },
	{ { { "root/etc", S_IFREG, 0644, "evil" } }, NULL },
	{ { { "root/etc/hosts/", S_IFDIR, 0755, NULL } }, NULL },
	{ { { "root/out/x", S_IFREG, 0644, "evil" } },
	  NULL }, /* a link of the root's own leads out */
};

TEST(nothing_escapes_the_root)
{
	in_memory();
	fixture_new();
	ASSERT_EQ(mkdir("outside", 0755), 0);
	ASSERT_EQ(mkdir("root/outside", 0755), 0);
	ASSERT_EQ(symlink("../outside", "root/out"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		cleanup_seed_info struct seed_info info = { 0 };
		cleanup_free char *before = tree_text("root"), *outside = NULL, *after = NULL,
				  *note = NULL;
		size_t n = attacks[i].items[1].path ? 2 : 1;
		const char *path = seed_write(1, attacks[i].items, n);

		ASSERT_OK(import(&info), &err);
		outside = tree_text("outside");
		ASSERT_STR(outside, "");
		if (attacks[i].note) {
			after = tree_text("root");
			ASSERT_STR(after, before);
			ASSERT(asprintf(&note, "seed %.12s is refused and left alone: %s\n",
					path + 15, attacks[i].note) > 0);
			ASSERT_STR(info.notes, note);
		}
		(void)unlink(path);
	}
	ASSERT_STR(slurp("root/outside/x"),
		   "evil"); /* the last one: the link resolved inside of the root */
	ASSERT_STR(slurp("root/etc/hosts"), "of the base\n");
}

TEST(folder_and_file_do_not_replace_each_other)
{
	static const struct item over_folder = { "root/etc", S_IFREG, 0644, "x" };
	static const struct item over_file = { "root/etc/hosts/", S_IFDIR, 0755, NULL };
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };

	fixture_new();
	(void)seed_write(1, &over_folder, 1);
	ASSERT_OK(import(&a), &err);
	ASSERT(!a.imported && strstr(a.notes, "cannot be imported and is left alone: the seed's "
					      "file '/etc' is a folder here"));
	ASSERT_OK(tree_remove_at(AT_FDCWD, "boot/kiln"), &err);
	ASSERT_EQ(mkdir("boot/kiln", 0755), 0);
	(void)seed_write(1, &over_file, 1);
	ASSERT_OK(import(&b), &err);
	ASSERT(!b.imported && strstr(b.notes, "the seed's folder '/etc/hosts' is a file here"));
	ASSERT(!strstr(keep(tree_text("root")), "kiln-new"));
}

/* With its digest made right again, so that only the tar's own structure can tell. */
TEST(cut_at_every_block_is_refused)
{
	cleanup_free char *json = seed_text(1), *before = NULL;
	size_t len, refused = 0;
	cleanup_free char *bytes = seed_bytes(json, first_seed, ARRAY_SIZE(first_seed), &len);

	in_memory();
	fixture_new();
	before = tree_text("root");
	for (size_t cut = 0; cut < len; cut += 256) {
		cleanup_seed_info struct seed_info info = { 0 };
		cleanup_free char *after = NULL;
		const char *path = seed_put(bytes, cut);

		ASSERT_OK(import(&info), &err);
		ASSERT(!info.imported && info.notes);
		after = tree_text("root");
		ASSERT_STR(after, before);
		ASSERT_EQ(unlink(path), 0);
		refused++;
	}
	ASSERT(refused >= 2 * len / 512);
}

/* A flipped byte anywhere, digest made right: refused, or imported whole; never a mixture, never
 * outside. */
TEST(flipped_bytes_do_no_harm)
{
	cleanup_free char *json = seed_text(1);
	size_t len, refused = 0, taken = 0;
	cleanup_free char *bytes = seed_bytes(json, second_seed, ARRAY_SIZE(second_seed), &len);

	in_memory();
	for (size_t at = 0; at < len; at += 3) {
		cleanup_seed_info struct seed_info info = { 0 };
		cleanup_free char *before = NULL, *after = NULL, *top = NULL;

		fixture_new();
		before = tree_text("root");
		bytes[at] ^= (char)(1 << at % 8);
		(void)seed_put(bytes, len);
		bytes[at] ^= (char)(1 << at % 8);
		ASSERT_OK(import(&info), &err);
		after = tree_text("root");
		if (!info.imported)
			ASSERT_STR(after, before);
		ASSERT(!strstr(after, ".kiln-new"));
		(void)(info.imported ? taken++ : refused++);
		ASSERT_OK(tree_remove_at(AT_FDCWD, "root"), &err);
		ASSERT_OK(tree_remove_at(AT_FDCWD, "boot"), &err);
		top = tree_text(".");
		ASSERT_STR(top, "");
	}
	ASSERT(refused > 300);
	ASSERT(taken > 50); /* contents and paddings: the digest alone guards those */
}
