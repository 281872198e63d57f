/* kiln-node status: what the running agent last wrote, as a table, once or again and again. */
#include "clock.h"
#include "commands.h"
#include "file.h"
#include "status-json.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define STATUS_FILE "/run/kiln/status.json"
#define STALE_S 300

static int read_status(char **ret_text, struct status_json *ret, struct err *err)
{
	const char *path = getenv("KILN_STATUS");
	size_t len;
	int r;

	path = path ? path : STATUS_FILE;
	r = file_read_at(AT_FDCWD, path, STATUS_JSON_MAX, ret_text, &len, err);
	if (r == -ENOENT)
		return err_setf(err, r, "'%s' is missing: kiln-node.service is not running here",
				path);
	if (r >= 0)
		r = status_json_parse(*ret_text, len, ret, err);
	return r;
}

static void print_age(uint64_t since, uint64_t now, char *dst, size_t size)
{
	uint64_t s = now > since ? now - since : 0;

	if (s < 120)
		(void)snprintf(dst, size, "%" PRIu64 " s", s);
	else if (s < 7200)
		(void)snprintf(dst, size, "%" PRIu64 " min", s / 60);
	else
		(void)snprintf(dst, size, "%" PRIu64 " h", s / 3600);
}

static void print_table(const struct status_json *s)
{
	uint64_t now = clock_wall_s();
	char age[32];

	printf("%s: %s%s%s\n", s->node, status_phase_to_string(s->phase),
	       s->addresses.len ? ", " : "", s->addresses.len ? s->addresses.items[0] : "");
	if (now > s->updated_at + STALE_S)
		printf("(last written %" PRIu64 " s ago: is kiln-node.service running?)\n",
		       now - s->updated_at);
	printf("%-12s %-8s %-8s %s\n", "STEP", "STATE", "SINCE", "REASON");
	for (size_t i = 0; i < s->steps.len; i++) {
		const struct status_step *p = &s->steps.items[i];

		print_age(p->since, now, age, sizeof(age));
		printf("%-12s %-8s %-8s %s\n", p->name, step_state_to_string(p->state),
		       p->state == STEP_PENDING ? "-" : age, p->reason ? p->reason : "");
	}
	for (size_t i = 0; i < s->components.len; i++) {
		const struct status_component *c = &s->components.items[i];

		printf("%-24s %-10s %u of %u objects%s%s\n", c->name,
		       component_state_to_string(c->state), c->applied, c->objects,
		       c->reason ? ": " : "", c->reason ? c->reason : "");
		for (size_t k = 0; k < c->gates.len; k++)
			printf("  %-22s %-10s %s\n", c->gates.items[k].name,
			       step_state_to_string(c->gates.items[k].state),
			       c->gates.items[k].reason ? c->gates.items[k].reason : "");
	}
}

int cmd_status(int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
		{ "watch", no_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	bool watch = false, json = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == '?')
			return err_setf(err, CMD_USAGE, "'%s' is no option of status",
					argv[optind - 1]);
		watch |= c == 'w';
		json |= c == 'j';
	}
	if (optind != argc)
		return err_setf(err, CMD_USAGE, "status takes no arguments");
	for (;;) {
		cleanup_status_json struct status_json s = { 0 };
		cleanup_free char *text = NULL;
		int r = read_status(&text, &s, err);

		if (r < 0)
			return r;
		if (watch && !json)
			fputs("\033[H\033[J", stdout);
		if (json)
			fputs(text, stdout);
		else
			print_table(&s);
		if (fflush(stdout) != 0) /* whoever watched has gone */
			return err_errnof(err, -errno, "cannot write the status");
		if (!watch)
			return 0;
		clock_sleep_ms(2000);
	}
}
