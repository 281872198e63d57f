#include "apt-mirror.h"
#include "test.h"

TEST(mirrors_of_what_apt_says)
{
	static const struct {
		const char *out, *mirror, *security;
	} cases[] = {
		{ "", NULL, NULL },
		{ "http://a/debian bookworm main Debian\n", "http://a/debian", NULL },
		{ "http://a/debian-security bookworm-security main Debian\n"
		  "https://b/debian trixie main Debian\n"
		  "http://c/debian trixie main Debian\n",
		  "https://b/debian", "http://a/debian-security" },
		{ "http://a/debian bookworm-updates main Debian\n"
		  "http://a/debian bookworm-backports main Debian Backports\n",
		  NULL, NULL },
		{ "http://a/x bookworm main Docker\nhttp://a/y bookworm contrib Debian\n"
		  "http://a/z bookworm main \n",
		  NULL, NULL },
		/* a node has neither the desk's folders nor its discs */
		{ "file:/srv/debian bookworm main Debian\ncdrom:[disc]/ bookworm main Debian\n"
		  "mirror+file:/etc/apt/mirrors/debian.list bookworm main Debian\n"
		  "http://a/debian bookworm main Debian\n",
		  "http://a/debian", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *out = strdup(cases[i].out), *mirror = NULL, *security = NULL;

		ASSERT_EQ(apt_mirror_parse(out, &mirror, &security), 0);
		ASSERT_STR(mirror ? mirror : "", cases[i].mirror ? cases[i].mirror : "");
		ASSERT_STR(security ? security : "", cases[i].security ? cases[i].security : "");
	}
}

TEST(sources_are_cluster_yaml_s_then_the_lock_s)
{
	static const struct {
		const char *own, *own_security, *locked, *locked_security, *text;
	} cases[] = {
		{ NULL, NULL, "http://l/d", "http://l/s",
		  "URIs: http://l/d\nSuites: trixie trixie-updates trixie-backports\n"
		  "URIs: http://l/s\nSuites: trixie-security\n" },
		{ "http://o/d", NULL, "http://l/d", "http://l/s",
		  "URIs: http://o/d\nSuites: trixie trixie-updates trixie-backports\n"
		  "URIs: http://l/s\nSuites: trixie-security\n" },
		{ "http://o/d", "http://o/s", NULL, NULL,
		  "URIs: http://o/d\nSuites: trixie trixie-updates trixie-backports\n"
		  "URIs: http://o/s\nSuites: trixie-security\n" },
		{ "http://o/d", NULL, NULL, NULL,
		  "URIs: http://o/d\nSuites: trixie trixie-updates trixie-backports\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cluster c = { .system = { .mirror = (char *)cases[i].own,
						 .security_mirror =
							 (char *)cases[i].own_security } };
		struct lock l = { .mirror = (char *)cases[i].locked,
				  .security_mirror = (char *)cases[i].locked_security };
		cleanup_free char *text = NULL;
		char got[1024] = "", *save = NULL;
		struct err err = { 0 };

		ASSERT_OK(apt_sources(&c, &l, &text, &err), &err);
		for (char *s = strtok_r(text, "\n", &save); s; s = strtok_r(NULL, "\n", &save))
			if (strncmp(s, "URIs:", 5) == 0 || strncmp(s, "Suites:", 7) == 0) {
				strncat(got, s, sizeof(got) - strlen(got) - 1);
				strncat(got, "\n", sizeof(got) - strlen(got) - 1);
			}
		ASSERT_STR(got, cases[i].text);
	}
}

TEST(no_mirror_is_an_error_that_names_the_key)
{
	struct cluster c = { 0 };
	struct lock l = { 0 };
	struct err err = { 0 };
	char *text = NULL;

	ASSERT_EQ(apt_sources(&c, &l, &text, &err), -ENOENT);
	ASSERT_STR(err.msg, "kiln.lock names no mirror of Debian: 'kiln update' writes the desk's "
			    "into it, or set system.mirror in cluster.yaml");
	ASSERT(!text);
}
