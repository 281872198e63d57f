#include "apt-mirror.h"
#include "buf.h"
#include "spawn.h"

#include <stdio.h>
#include <string.h>

#define KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"
#define COMPONENTS "main non-free-firmware"
#define SOURCES_MAX (64U << 10)
#define OUT_MAX (16U << 20)
#define ASK_MS (600U * 1000)

static bool node_can_reach(const char *site)
{
	return strncmp(site, "http://", 7) == 0 || strncmp(site, "https://", 8) == 0;
}

int apt_mirror_parse(char *out, char **ret_main, char **ret_security)
{
	char *save = NULL, site[1024], codename[128], component[128], origin[128];

	for (char *line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool security;
		char **ret;

		if (sscanf(line, "%1023s %127s %127s %127s", site, codename, component, origin) !=
			    4 ||
		    strcmp(component, "main") != 0 || strcmp(origin, "Debian") != 0 ||
		    !node_can_reach(site))
			continue;
		security = strstr(codename, "-security");
		if (!security && strchr(codename, '-'))
			continue; /* -updates and -backports: not every mirror has both */
		ret = security ? ret_security : ret_main;
		if (!*ret && !(*ret = strdup(site)))
			return -ENOMEM;
	}
	return 0;
}

static int ask_apt(char **ret_main, char **ret_security, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "apt-get", "indextargets", "--format",
					       "$(SITE) $(CODENAME) $(COMPONENT) $(ORIGIN)",
					       "Created-By: Packages", NULL },
		.out_max = OUT_MAX,
		.timeout_ms = ASK_MS,
	};
	int r = spawn_run(&s, err);

	if (r < 0)
		return err_wrapf(err, r, "cannot ask apt for its mirror");
	return apt_mirror_parse(s.out, ret_main, ret_security) < 0 ? err_nomem(err) : 0;
}

int apt_mirror_find(const struct cluster *c, struct lock *l, struct err *err)
{
	cleanup_free char *mirror = NULL, *security = NULL;
	int r = 0;

	if (!c->system.mirror || !c->system.security_mirror)
		r = ask_apt(&mirror, &security, err);
	if (r < 0)
		return r;
	if (!c->system.mirror && !mirror)
		return err_setf(err, -ENOENT,
				"this desk's apt knows no mirror of Debian by http or https: run "
				"'apt-get update', or name one as system.mirror in cluster.yaml");
	r = lock_set_mirrors(l, c->system.mirror ? c->system.mirror : mirror,
			     c->system.security_mirror ? c->system.security_mirror : security);
	return r < 0 ? err_nomem(err) : 0;
}

static int add_source(struct buf *b, const char *uri, const char *suites)
{
	return buf_addf(b,
			"Types: deb\nURIs: %s\nSuites: %s\nComponents: " COMPONENTS
			"\nSigned-By: " KEYRING "\n\n",
			uri, suites);
}

int apt_sources(const struct cluster *c, const struct lock *l, char **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(SOURCES_MAX);
	const char *mirror = c->system.mirror ? c->system.mirror : l->mirror;
	const char *security =
		c->system.security_mirror ? c->system.security_mirror : l->security_mirror;
	char *text;

	if (!mirror)
		return err_setf(err, -ENOENT,
				"kiln.lock names no mirror of Debian: 'kiln update' writes the "
				"desk's into it, or set system.mirror in cluster.yaml");
	(void)add_source(&b, mirror, BASE_SUITE " " BASE_SUITE "-updates " BASE_SUITE "-backports");
	if (security)
		(void)add_source(&b, security, BASE_SUITE "-security");
	text = buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
	if (!text)
		return err_nomem(err);
	*ret = text;
	return 0;
}
