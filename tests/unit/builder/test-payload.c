#include "base-payload.h"
#include "test.h"

TEST(payload_needs_no_script_of_effect)
{
	static const struct {
		const char *package, *member, *file, *why;
	} cases[] = {
		{ "jq", NULL, "usr/bin/jq", NULL },
		{ "jq", "prerm", "usr/bin/jq", NULL },
		{ "jq", "postinst", "usr/bin/jq", "its postinst would have to run" },
		{ "jq", "preinst", "usr/bin/jq", "its preinst would have to run" },
		{ "linux-image-6.12", "postinst", "boot/vmlinuz", NULL },
		{ "firmware-x", "postinst", "usr/lib/firmware/x", NULL },
		{ "hw", NULL, "usr/lib/udev/hwdb.d/60-x.hwdb",
		  "udev's hardware database would miss its entries" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct deb_member m = { .name = (char *)cases[i].member };
		struct deb_file f = { .path = (char *)cases[i].file, .mode = S_IFREG | 0644 };
		struct deb d = { .package = (char *)cases[i].package,
				 .members = &m,
				 .members_len = cases[i].member ? 1 : 0,
				 .files = &f,
				 .files_len = 1 };
		const char *why = NULL;

		ASSERT_EQ(payload_ok(&d, &why), !cases[i].why);
		if (cases[i].why)
			ASSERT_STR(why, cases[i].why);
	}
}
