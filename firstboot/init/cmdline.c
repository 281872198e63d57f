#include "cmdline.h"

#include "parse.h"

#include <string.h>

#define WAIT_MAX_S 3600U

static void set_seconds(const char *value, uint32_t *dst, const char *word, struct options *o)
{
	if (u32_parse_between(value, 0, WAIT_MAX_S, dst) < 0)
		(void)snprintf(o->unknown, sizeof(o->unknown), "%s", word);
}

static void take(const char *word, struct options *o)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const char *value = eq ? eq + 1 : "";

#define IS(key) (len == sizeof(key) - 1 && memcmp(word, key, len) == 0)
	if (IS("kiln.boot"))
		(void)snprintf(o->boot, sizeof(o->boot), "%s", value);
	else if (IS("kiln.wait"))
		set_seconds(value, &o->wait_s, word, o);
	else if (IS("kiln.settle"))
		set_seconds(value, &o->settle_s, word, o);
	else if (IS("kiln.reboot"))
		set_seconds(value, &o->reboot_s, word, o);
	else if (IS("kiln.rescue"))
		o->rescue = true;
	else if (IS("root") && strncmp(value, "UUID=", 5) == 0)
		(void)snprintf(o->root_uuid, sizeof(o->root_uuid), "%s", value + 5);
	else if (IS("rootflags"))
		(void)snprintf(o->rootflags, sizeof(o->rootflags), "%s", value);
	else if (IS("init") && value[0] == '/')
		(void)snprintf(o->init, sizeof(o->init), "%s", value);
	else if (strncmp(word, "kiln.", 5) == 0)
		(void)snprintf(o->unknown, sizeof(o->unknown), "%s", word);
#undef IS
}

void options_parse(const char *cmdline, struct options *ret)
{
	struct options o = { .wait_s = 60,
			     .settle_s = 2,
			     .reboot_s = 30,
			     .rootflags = "subvol=@",
			     .init = "/sbin/init" };
	const char *p = cmdline;

	for (;;) {
		char word[1024];
		size_t len = 0;
		bool quoted = false;

		p += strspn(p, " \t\n");
		if (!*p)
			break;
		for (; *p && (quoted || !strchr(" \t\n", *p)); p++) {
			if (*p == '"')
				quoted = !quoted;
			else if (len < sizeof(word) - 1)
				word[len++] = *p;
		}
		word[len] = '\0';
		if (strcmp(word, "--") == 0)
			break;
		take(word, &o);
	}
	*ret = o;
}
