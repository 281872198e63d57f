#include "owned.h"

#include "tree.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

#define SLOTS 512

struct owned {
	size_t slot;
	pid_t owner; /* the process that registered it */
	pid_t pgid;  /* a group, or 0 and */
	char path[]; /* a path */
};

/* Whoever swaps a slot to NULL owns what was in it; the handler does nothing else either. */
static _Atomic(struct owned *) slots[SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

/* Async-signal-safe, as tree_remove_at() and kill() are. */
static void finish(const struct owned *o)
{
	if (o->pgid)
		(void)kill(-o->pgid, SIGKILL);
	else
		(void)tree_remove_at(AT_FDCWD, o->path);
}

static void finish_all(bool groups)
{
	pid_t self = getpid();

	for (size_t i = 0; i < SLOTS; i++) {
		struct owned *o = atomic_load(&slots[i]);

		if (!o || o->owner != self || (o->pgid != 0) != groups)
			continue;
		if (atomic_compare_exchange_strong(&slots[i], &o, NULL))
			finish(o); /* not freed: no heap in a signal handler, and the end is near */
	}
}

static void on_signal(int sig)
{
	int saved = errno;

	finish_all(true); /* children first: they may be writing to our files */
	finish_all(false);
	(void)signal(sig, SIG_DFL);
	errno = saved;
	(void)raise(sig); /* delivered when the handler returns */
}

static void on_exit_(void)
{
	finish_all(true);
	finish_all(false);
}

static void install(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction act = { .sa_handler = on_signal }, old;

		/* nohup and programs with handlers of their own keep theirs */
		if (sigaction(signals[i], NULL, &old) < 0 || old.sa_handler != SIG_DFL)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(signals); k++)
			(void)sigaddset(&act.sa_mask, signals[k]);
		(void)sigaction(signals[i], &act, NULL);
	}
	(void)atexit(on_exit_);
}

static int add(const char *path, pid_t pgid, struct owned **ret)
{
	struct owned *o = calloc(1, sizeof(*o) + strlen(path) + 1);

	if (!o)
		return -ENOMEM;
	memcpy(o->path, path, strlen(path) + 1);
	o->pgid = pgid;
	o->owner = getpid();
	(void)pthread_once(&once, install);
	for (o->slot = 0; o->slot < SLOTS; o->slot++) {
		struct owned *empty = NULL;

		if (atomic_compare_exchange_strong(&slots[o->slot], &empty, o)) {
			*ret = o;
			return 0;
		}
	}
	free(o);
	return -EMFILE;
}

int owned_add_path(const char *path, struct owned **ret)
{
	return add(path, 0, ret);
}

int owned_add_group(pid_t pgid, struct owned **ret)
{
	return add("", pgid, ret);
}

bool owned_drop(struct owned *o)
{
	struct owned *mine = o;

	if (!o || !atomic_compare_exchange_strong(&slots[o->slot], &mine, NULL))
		return false;
	free(o);
	return true;
}

void owned_finish(struct owned *o)
{
	int saved = errno;
	struct owned *mine = o;

	if (o && atomic_compare_exchange_strong(&slots[o->slot], &mine, NULL)) {
		if (o->owner == getpid())
			finish(o);
		free(o);
	}
	errno = saved;
}
