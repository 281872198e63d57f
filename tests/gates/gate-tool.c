/*
 * gate-tool --list
 * gate-tool --judge
 * gate-tool K3S.YAML GATE ARGS SECONDS [STATE-FOLDER]
 *
 * The first prints the closed list of gate names, one per line. The second reads a List of
 * objects and prints "KIND NAMESPACE/NAME: STATE: REASON" by the rule of each kind. The third looks
 * at one gate until it is open (exit 0) or the time is up (exit 1), and prints state and reason of
 * its last look. SECONDS 0: one look. STATE-FOLDER: where the sequence's journal lies.
 */
#include "clock.h"
#include "gate-look.h"
#include "gates.h"
#include "json.h"
#include "kube-cred.h"
#include "parse.h"
#include "sequence.h"

#include <fcntl.h>
#include <string.h>

#define POLL_MS 300

static int list(void)
{
	for (const struct gate_def *g = gate_defs; g->name; g++)
		puts(g->name);
	return EXIT_SUCCESS;
}

static int judge(struct err *err)
{
	cleanup_json json_t *list = json_loadf(stdin, 0, NULL);
	const json_t *items = json_object_get(list, "items"), *o;
	size_t i;

	if (!items)
		return err_setf(err, -EINVAL, "no List on standard input");
	json_array_foreach (items, i, o) {
		struct readiness r;

		ready_judge(o, &r);
		printf("%s %s/%s: %s: %s\n", js_text(o, "kind"), js_text(o, "metadata.namespace"),
		       js_text(o, "metadata.name"), ready_state_to_string(r.state), r.reason);
	}
	return 0;
}

static int look(char **argv, const char *state, uint64_t seconds, struct readiness *ready,
		struct err *err)
{
	cleanup_close int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_kube_cred struct kube_cred cred = { 0 };
	cleanup_kube struct kube *k = NULL;
	cleanup_journal struct journal *journal = NULL;
	cleanup_json json_t *args = NULL;
	struct bundle_gate_spec spec = { .name = argv[2], .hard = true };
	uint64_t end = clock_ms() + seconds * 1000;
	int r = js_read(argv[3], strlen(argv[3]), &args, err);

	if (r >= 0)
		r = kube_cred_from_k3s_yaml(top, argv[1], &cred, err);
	if (r >= 0)
		r = kube_new(&cred, &k, err);
	if (r >= 0)
		r = journal_open(dir, SEQUENCE_JOURNAL, &journal, err);
	spec.args = args;
	while (r >= 0) {
		const struct gate_view view = { k, journal };

		r = gate_look(&view, &spec, ready, err);
		if (r < 0 || ready->state == READY_YES || clock_ms() >= end)
			break;
		clock_sleep_ms(POLL_MS);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct readiness ready = { .state = READY_WAIT };
	struct err err = { 0 };
	uint64_t seconds;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc == 2 && strcmp(argv[1], "--judge") == 0 && judge(&err) == 0)
		return EXIT_SUCCESS;
	if (argc < 5 || argc > 6 || u64_parse(argv[4], &seconds) < 0)
		return 2;
	if (look(argv, argc == 6 ? argv[5] : ".", seconds, &ready, &err) < 0) {
		fprintf(stderr, "gate-tool: %s\n", err.msg);
		return 3;
	}
	printf("%s: %s\n", ready_state_to_string(ready.state), ready.reason);
	return ready.state == READY_YES ? EXIT_SUCCESS : EXIT_FAILURE;
}
