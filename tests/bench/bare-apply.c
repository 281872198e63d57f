/*
 * bare-apply K3S.YAML BUNDLE.tar IN-FLIGHT - the bench's floor: a client that only sends the PATCHes
 *
 * No order but CRDs first, no waiting, no readiness, no journal; what the server refuses for now is
 * sent again after 100 ms. Prints "seconds requests".
 */
#include "apply.h"
#include "clock.h"
#include "kube-cred.h"
#include "parse.h"

#include <fcntl.h>
#include <inttypes.h>

#define AGAIN_MS 100

struct todo {
	const struct bundle_object *object;
	uint64_t next_ms;
	bool busy, done;
};
struct client {
	struct kube *kube;
	const struct bundle_reader *reader;
	struct todo *todo;
	size_t len, done, busy, in_flight;
};

/* CRDs, then all else as the index has it. */
static void collect(struct client *c)
{
	const struct bundle_index *index = bundle_reader_index(c->reader);

	for (int crds = 1; crds >= 0; crds--)
		for (size_t i = 0; i < index->components.len; i++)
			for (size_t k = 0; k < index->components.items[i].objects.len; k++)
				if (index->components.items[i].objects.items[k].crd == (crds == 1))
					c->todo[c->len++].object = &index->components.items[i].objects.items[k];
}

static int fill(struct client *c, struct apply_item *items, struct err *err)
{
	for (size_t i = 0, slot = 0; i < c->len && c->busy < c->in_flight; i++) {
		struct todo *t = &c->todo[i];
		int r;

		if (t->done || t->busy || t->next_ms > clock_ms())
			continue;
		while (items[slot].user)
			slot++;
		items[slot] = (struct apply_item){ .verb = APPLY_PATCH, .object = t->object, .user = t };
		r = apply_start(c->kube, c->reader, &items[slot], err);
		if (r < 0)
			return r;
		t->busy = true;
		c->busy++;
	}
	return 0;
}

static int run(struct client *c, struct err *err)
{
	cleanup_free struct apply_item *items = calloc(c->in_flight, sizeof(*items));
	struct apply_stats stats = { 0 };

	while (c->done < c->len) {
		struct apply_item *it;
		struct todo *t;
		int r = fill(c, items, err);

		if (r < 0)
			return r;
		it = apply_next(c->kube, AGAIN_MS, &stats);
		if (!it) {
			if (!c->busy)
				clock_sleep_ms(10);
			continue;
		}
		t = it->user;
		t->busy = false;
		t->done = it->class == KUBE_OK;
		t->next_ms = clock_ms() + AGAIN_MS;
		c->done += t->done;
		c->busy--;
		apply_item_done(it);
		it->user = NULL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	cleanup_close int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_bundle_reader struct bundle_reader *reader = NULL;
	cleanup_kube_cred struct kube_cred cred = { 0 };
	cleanup_kube struct kube *k = NULL;
	struct client c = { 0 };
	struct err err = { 0 };
	uint64_t in_flight = 0, start = clock_ms();

	if (argc != 4 || u64_parse(argv[3], &in_flight) < 0 || in_flight < 1)
		return 2;
	if (kube_cred_from_k3s_yaml(top, argv[1], &cred, &err) >= 0 && kube_new(&cred, &k, &err) >= 0 &&
	    bundle_reader_open(AT_FDCWD, argv[2], NULL, &reader, &err) >= 0) {
		c = (struct client){ .kube = k, .reader = reader, .in_flight = in_flight };
		c.todo = calloc(10000, sizeof(*c.todo));
		collect(&c);
		if (run(&c, &err) >= 0)
			printf("%.2f %" PRIu64 "\n", (double)(clock_ms() - start) / 1000, kube_stats(k)->requests);
		free(c.todo);
	}
	if (err.msg[0])
		fprintf(stderr, "bare-apply: %s\n", err.msg);
	return err.msg[0] ? EXIT_FAILURE : EXIT_SUCCESS;
}
