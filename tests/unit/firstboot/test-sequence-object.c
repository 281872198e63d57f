#include "sequence-object.h"
#include "test.h"

#include <fcntl.h>

static struct bundle_hook hook = { .delete = BUNDLE_DELETE_BEFORE | BUNDLE_DELETE_SUCCEEDED };
static struct bundle_object job = { .group = (char *)"batch",
				    .kind = (char *)"Job",
				    .namespaced = true,
				    .namespace = (char *)"n",
				    .name = (char *)"before",
				    .gate = BUNDLE_GATE_GONE_OK,
				    .hook = &hook,
				    .sha256 = (char *)"0123456789abcdef0123456789abcdef" };
static struct bundle_object map = { .group = (char *)"",
				    .kind = (char *)"ConfigMap",
				    .namespaced = true,
				    .namespace = (char *)"n",
				    .name = (char *)"a",
				    .sha256 = (char *)"00000000000000000000000000000000" };

static struct journal *open_or_die(void)
{
	struct err err = { 0 };
	struct journal *j = NULL;

	ASSERT_OK(journal_open(AT_FDCWD, "sequence", &j, &err), &err);
	return j;
}

static void init(struct seq_object *x, const struct bundle_object *o, const struct journal *j)
{
	struct err err = { 0 };

	ASSERT_OK(object_init(x, o, j, &err), &err);
}

static void record(const struct seq_object *x, struct journal *j, const char *word)
{
	struct err err = { 0 };
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "%s %s", word, x->object->sha256);
	ASSERT_OK(journal_add(j, "object", x->key, detail, &err), &err);
}

TEST(object_goes_on_where_the_journal_says)
{
	static const struct {
		const char *word;
		enum object_state hook, map;
	} cases[] = {
		{ NULL, OBJECT_CLEAR, OBJECT_APPLY },
		{ "begun", OBJECT_APPLY, OBJECT_APPLY },
		{ "applied", OBJECT_VERIFY, OBJECT_VERIFY },
		{ "removing", OBJECT_REMOVE, OBJECT_REMOVE },
		{ "done", OBJECT_GONE, OBJECT_VERIFY },
		{ "lost", OBJECT_CLEAR, OBJECT_APPLY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct journal *j = open_or_die();
		struct seq_object x, y;
		struct err err = { 0 };

		init(&x, &job, j);
		init(&y, &map, j);
		if (cases[i].word) {
			record(&x, j, cases[i].word);
			record(&y, j, cases[i].word);
			object_restart(&x, j);
			object_restart(&y, j);
		}
		ASSERT_EQ(x.state, cases[i].hook);
		ASSERT_EQ(y.state, cases[i].map);
		ASSERT_OK(journal_clear(j, &err), &err);
		object_done(&x);
		object_done(&y);
		journal_free(j);
	}
}

/* What went with its Namespace begins anew, now and after a stop; a hook that was done, too. */
TEST(object_lost_begins_anew)
{
	struct journal *j = open_or_die();
	struct err err = { 0 };
	struct seq_object x;

	init(&x, &job, j);
	record(&x, j, "begun");
	record(&x, j, "done");
	object_restart(&x, j);
	ASSERT_EQ(x.state, OBJECT_GONE);
	ASSERT(object_was_applied(j, x.key));
	ASSERT_OK(object_lose(&x, j, &err), &err);
	ASSERT_EQ(x.state, OBJECT_CLEAR);
	ASSERT(!object_was_applied(j, x.key));
	object_done(&x);
	journal_free(j);

	j = open_or_die();
	init(&x, &job, j);
	ASSERT_EQ(x.state, OBJECT_CLEAR);
	/* another control-plane has run it since */
	ASSERT_OK(object_adopt(&x, "done 0123456789abcdef0123456789abcdef", j, &err), &err);
	ASSERT_EQ(x.state, OBJECT_GONE);
	object_done(&x);
	journal_free(j);
}

/* The answer under way may be about what is gone: it counts for nothing. */
TEST(object_lost_while_asked_waits_for_the_answer)
{
	struct journal *j = open_or_die();
	struct err err = { 0 };
	struct seq_object x;

	init(&x, &map, j);
	record(&x, j, "applied");
	object_restart(&x, j);
	x.asked = true;
	ASSERT_OK(object_lose(&x, j, &err), &err);
	ASSERT(x.lost);
	ASSERT_EQ(x.state, OBJECT_VERIFY);
	x.asked = false;
	ASSERT_OK(object_lose(&x, j, &err), &err);
	ASSERT(!x.lost);
	ASSERT_EQ(x.state, OBJECT_APPLY);
	object_done(&x);
	journal_free(j);
}

TEST(object_doubted_is_looked_at_and_taken_away_is_applied_again)
{
	struct journal *j = open_or_die();
	struct err err = { 0 };
	struct apply_item it = { .class = KUBE_ABSENT };
	struct seq_object x;
	bool moved = false;

	init(&x, &map, j);
	object_doubt(&x);
	ASSERT_EQ(x.state, OBJECT_APPLY); /* what is not ready needs no doubt */
	x.state = OBJECT_READY;
	object_doubt(&x);
	ASSERT_EQ(x.state, OBJECT_VERIFY);
	ASSERT(!object_writes(&x));
	ASSERT_OK(object_reply(&x, &it, j, &moved, &err), &err);
	ASSERT(moved && x.taken_away);
	ASSERT_EQ(x.state, OBJECT_APPLY);
	object_done(&x);
	journal_free(j);
}

/* A CRD that is applied asks nothing itself; discovery's word for it is enough. */
TEST(object_of_a_crd_is_ready_when_discovery_has_its_kind)
{
	static struct bundle_object crd = { .group = (char *)"apiextensions.k8s.io",
					    .kind = (char *)"CustomResourceDefinition",
					    .name = (char *)"things.kiln.test",
					    .crd = true,
					    .gate = BUNDLE_GATE_READY,
					    .sha256 = (char *)"11111111111111111111111111111111" };
	struct journal *j = open_or_die();
	struct err err = { 0 };
	struct apply_item it = { .verb = APPLY_PATCH, .class = KUBE_OK };
	struct seq_object x;
	bool moved = false;

	init(&x, &crd, j);
	ASSERT_EQ(x.state, OBJECT_APPLY);
	ASSERT_OK(object_reply(&x, &it, j, &moved, &err), &err);
	ASSERT(moved && x.applied);
	ASSERT_EQ(x.state, OBJECT_SERVED);
	ASSERT_OK(object_served(&x, NULL, j, &moved, &err), &err);
	ASSERT(!moved);
	ASSERT_EQ(x.state, OBJECT_SERVED);
	ASSERT_STR(x.reason, "not served yet");
	ASSERT_OK(object_served(&x, "v1", j, &moved, &err), &err);
	ASSERT(moved && object_is_over(&x));
	object_done(&x);
	journal_free(j);
}
