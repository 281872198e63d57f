/* Tars that mean harm or are damaged: refused, and never outside of the root. */
#include "seed-fixture.h"

static const struct item of_each_kind[] = {
	{ "root/etc/hosts", S_IFREG, 0600, "127.0.0.1 sheep\n" },
	{ "root/etc/ssh/", S_IFDIR, 0711, NULL },
	{ "root/etc/systemd/system/x.wants/y.timer", S_IFLNK, 0777,
	  "/usr/lib/systemd/system/y.timer" },
	{ "root/usr/local/bin/koff", S_IFREG, 04755, "#!/bin/sh\n" },
};

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

/* With its digest made right again, so that only the tar's own structure can tell. */
TEST(cut_at_every_block_is_refused)
{
	cleanup_free char *json = seed_text(1), *before = NULL;
	size_t len, refused = 0;
	cleanup_free char *bytes = seed_bytes(json, of_each_kind, ARRAY_SIZE(of_each_kind), &len);

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
	cleanup_free char *bytes = seed_bytes(json, of_each_kind, ARRAY_SIZE(of_each_kind), &len);

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
