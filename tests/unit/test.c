#include "test.h"

#include <ftw.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <sys/stat.h>

#define SKIPPED 77

static struct test *first, **last = &first;

void test_register(struct test *t)
{
	*last = t;
	last = &t->next;
}

const char *test_srcdir(void)
{
	return getenv("KILN_SRCDIR");
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	(void)fflush(stdout);
	exit(1); /* not _exit: the leak checker has its say */
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	fputs("# skipped: ", stdout);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	(void)fflush(stdout);
	exit(SKIPPED);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* 0 passed, 1 failed, SKIPPED */
static int run_one(const struct test *t)
{
	char dir[] = "/tmp/kiln-test.XXXXXX";
	int status;
	pid_t pid;

	if (!mkdtemp(dir))
		return 1;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		umask(022);
		if (chdir(dir) < 0)
			_exit(1);
		t->fn();
		(void)fflush(stdout);
		exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (WIFSIGNALED(status))
		printf("# died of signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	unsigned int n = 0, failed = 0;

	setenv("TZ", "UTC", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	for (struct test *t = first; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		int r = run_one(t);

		n++;
		if (r == SKIPPED) {
			printf("ok %u - %s # SKIP\n", n, t->name);
		} else if (r != 0) {
			failed++;
			printf("not ok %u - %s\n", n, t->name);
		} else {
			printf("ok %u - %s\n", n, t->name);
		}
	}
	printf("1..%u\n", n);
	return failed ? 1 : 0;
}
