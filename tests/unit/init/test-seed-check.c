/* Whose a seed is: what it names must be this base image's and this machine's. */
#include "seed-fixture.h"

static const struct item some_seed[] = {
	{ "root/etc/hostname", S_IFREG, 0644, "cow\n" },
};

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
			seed_bytes(other, some_seed, ARRAY_SIZE(some_seed), &len);
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
	(void)seed_write(1000, some_seed, ARRAY_SIZE(some_seed));
	machine = (struct machine){ .macs = { "02:00:00:00:00:03" }, .macs_len = 1 };
	ASSERT_OK(import(&a), &err);
	ASSERT(!a.imported && strstr(a.notes, "this one has 02:00:00:00:00:03"));
	machine = was;
	machine.serial[0] = '\0';
	ASSERT_OK(import(&b), &err);
	ASSERT(b.imported);
	machine = was;
}
