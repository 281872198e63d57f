#include "buf.h"
#include "control.h"
#include "test.h"

static const char two[] = "Package: a\nDepends: x,\n y\nDescription: one\n two\n .\n "
			  "three\n\n\nPackage: b\nVersion: 1\n";

TEST(control_splits_stanzas_and_fields)
{
	const char *at = two, *stanza;
	struct control_field f;
	size_t len;
	char *value;

	ASSERT(control_next(&at, &stanza, &len));
	value = control_get(stanza, len, "depends");
	ASSERT_STR(value, "x,\n y");
	free(value);
	value = control_get(stanza, len, "Description");
	ASSERT_STR(value, "one\n two\n .\n three");
	free(value);
	ASSERT(!control_find(stanza, len, "Version", &f));
	ASSERT(control_next(&at, &stanza, &len));
	ASSERT(control_find(stanza, len, "Version", &f));
	ASSERT_EQ(f.value_len, 1);
	ASSERT(!control_next(&at, &stanza, &len));
}

TEST(control_installed_has_dpkgs_order)
{
	static const char control[] =
		"Package: p\nVersion: 2\nArchitecture: all\nX-Own: z\nEssential: yes\n"
		"Description: d\n more\nSection: s\n";
	cleanup_buf struct buf b = BUF_INIT(4096);
	struct err err = { 0 };

	ASSERT_OK(control_add_installed(&b, control, strlen(control), " /etc/p 0123\n", &err),
		  &err);
	ASSERT_STR(buf_str(&b),
		   "Package: p\nEssential: yes\nStatus: install ok installed\nSection: s\n"
		   "Architecture: all\nVersion: 2\nConffiles:\n /etc/p 0123\n"
		   "Description: d\n more\nX-Own: z\n");
}

TEST(control_survives_odd_text)
{
	static const char *const odd[] = { "",	 "\n\n\n", "no colon",	  ":",	    ": v",
					   "A:", "A:\n",   " lead\nA: b", "A: b\n " };

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const char *at = odd[i], *stanza;
		size_t len, fields = 0;

		while (control_next(&at, &stanza, &len)) {
			const char *p = stanza;
			struct control_field f;

			while (control_field_next(&p, stanza + len, &f))
				fields++;
		}
		ASSERT(fields <= 1);
	}
}
