/*
 * sequence-tool K3S.YAML BUNDLE.tar STATE-FOLDER SECONDS
 *
 * SEQUENCE_LEADER=name: as one of several control-planes. SEQUENCE_TRACE: a line a turn.
 * SEQUENCE_HAND_OVER: until every component is handed over, too.
 * The sequencer alone, as the agent's step calls it, until all is done (exit 0) or the time
 * is up (exit 1). Last line: what it did as JSON, its last reason and its components; with
 * SEQUENCE_EACH_TURN in the environment such a line after each turn.
 */
#include "clock.h"
#include "kube-cred.h"
#include "parse.h"
#include "sequence.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

static int print(struct sequence *s, const struct kube *k, const struct step_turn *turn, int result)
{
	const struct apply_stats *st = sequence_stats(s);
	size_t len;
	const struct status_component *c = sequence_status(s, &len);
	json_t *j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:{}}", "created",
			      (json_int_t)st->created, "changed", (json_int_t)st->changed, "unchanged",
			      (json_int_t)st->unchanged, "deleted", (json_int_t)st->deleted, "reads",
			      (json_int_t)st->reads, "requests", (json_int_t)kube_stats(k)->requests,
			      "done", result == TURN_DONE, "reason", turn->reason, "components");
	char *text;

	for (size_t i = 0; i < len; i++) {
		json_t *gates = json_object();

		for (size_t g = 0; g < c[i].gates.len; g++)
			json_object_set_new(gates, c[i].gates.items[g].name,
					    json_string(c[i].gates.items[g].reason
								? c[i].gates.items[g].reason
								: step_state_to_string(c[i].gates.items[g].state)));
		json_object_set_new(json_object_get(j, "components"), c[i].name,
				    json_pack("{s:s, s:I, s:s?, s:o}", "state",
					      component_state_to_string(c[i].state), "applied",
					      (json_int_t)c[i].applied, "reason", c[i].reason,
					      "gates", gates));
	}
	text = json_dumps(j, JSON_COMPACT);
	puts(text ? text : "no memory");
	(void)fflush(stdout);
	free(text);
	json_decref(j);
	return result == TURN_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(char **argv, uint64_t seconds, struct err *err)
{
	cleanup_kube_cred struct kube_cred cred = { 0 };
	cleanup_kube struct kube *k = NULL;
	cleanup_bundle_reader struct bundle_reader *reader = NULL;
	cleanup_journal struct journal *journal = NULL;
	cleanup_sequence struct sequence *s = NULL;
	cleanup_close int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int dir = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t end = clock_ms() + seconds * 1000;
	struct step_turn turn = { 0 };
	int r;

	r = kube_cred_from_k3s_yaml(top, argv[1], &cred, err);
	if (r >= 0)
		r = kube_new(&cred, &k, err);
	if (r >= 0)
		r = bundle_reader_open(AT_FDCWD, argv[2], NULL, &reader, err);
	if (r >= 0)
		r = journal_open(dir, SEQUENCE_JOURNAL, &journal, err);
	if (r >= 0)
		r = sequence_new(k, reader, journal, &s, err);
	if (r >= 0 && getenv("SEQUENCE_LEADER"))
		r = sequence_lead(s, getenv("SEQUENCE_LEADER"), err);
	if (r < 0)
		return r;
	do {
		turn.reason[0] = '\0';
		r = sequence_turn(s, 500, &turn, err);
		if (getenv("SEQUENCE_TRACE"))
			fprintf(stderr, "%llu ms, %llu requests: %s\n", (unsigned long long)(clock_ms() - end + seconds * 1000),
				(unsigned long long)kube_stats(k)->requests, turn.reason);
		if (r > 0 && getenv("SEQUENCE_EACH_TURN"))
			(void)print(s, k, &turn, r);
	} while ((r > 0 || (r == 0 && getenv("SEQUENCE_HAND_OVER") && sequence_not_handed_over(s))) &&
		 clock_ms() < end && (r > 0 || (clock_sleep_ms(500), true)));
	return r < 0 ? r : print(s, k, &turn, r);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	uint64_t seconds;
	int r;

	if (argc != 5 || u64_parse(argv[4], &seconds) < 0)
		return 2;
	r = run(argv, seconds, &err);
	if (r < 0) {
		fprintf(stderr, "sequence-tool: %s\n", err.msg);
		return 3;
	}
	return r;
}
