#include "clock.h"
#include "spawn.h"
#include "fault.h"
#include "test.h"
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define SH(script) ((const char *const[]){ "sh", "-c", script, NULL })

TEST(spawn_captures_output_and_status)
{
	cleanup_spawn struct spawn s = { .argv = SH("printf 'a\\nb'; exit 3"),
					 .out_max = 100,
					 .flags = SPAWN_ANY_STATUS };
	struct err err = { 0 };

	ASSERT_OK(spawn_run(&s, &err), &err);
	ASSERT_EQ(s.exit_status, 3);
	ASSERT_EQ(s.out_len, 3);
	ASSERT_STR(s.out, "a\nb");
}

TEST(spawn_tells_in_full_what_went_wrong)
{
	static const struct {
		const char *script;
		int r, exit_status, term_signal;
		const char *msg;
	} cases[] = {
		{ "exit 0", 0, 0, 0, "" },
		{ "exit 7", -ECHILD, 7, 0, "'sh' exited with status 7" },
		{ "echo one >&2; echo 'two\tx' >&2; exit 1", -ECHILD, 1, 0,
		  "'sh' exited with status 1: one; two x" },
		{ "for i in 1 2 3 4 5 6 7 8 9; do echo $i >&2; done; exit 1", -ECHILD, 1, 0,
		  "'sh' exited with status 1: 4; 5; 6; 7; 8; 9" },
		{ "echo gone >&2; kill -9 $$", -ECHILD, -1, 9,
		  "'sh' was killed by signal 9 (Killed): gone" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_spawn struct spawn s = { .argv = SH(cases[i].script) };
		struct err err = { 0 };

		ASSERT_EQ(spawn_run(&s, &err), cases[i].r);
		ASSERT_STR(err.msg, cases[i].msg);
		ASSERT_EQ(s.exit_status, cases[i].exit_status);
		ASSERT_EQ(s.term_signal, cases[i].term_signal);
	}
}

TEST(spawn_says_when_it_cannot_start)
{
	struct spawn s = { .argv = (const char *const[]){ "no-such-program-here", NULL } };
	struct err err = { 0 };

	ASSERT_EQ(spawn_run(&s, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot find the program 'no-such-program-here'");
	s.argv = (const char *const[]){ "/etc/passwd", NULL };
	ASSERT_EQ(spawn_run(&s, &err), -EACCES);
	ASSERT_STR(err.msg, "cannot run '/etc/passwd': Permission denied");
	s.argv = SH("true");
	s.dir = "no-such-dir";
	ASSERT_EQ(spawn_run(&s, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot run 'sh' in 'no-such-dir': No such file or directory");
}

TEST(spawn_feeds_much_and_takes_much)
{
	enum { SIZE = 3 << 20 };
	cleanup_free char *data = malloc(SIZE);
	struct err err = { 0 };

	ASSERT(data != NULL);
	memset(data, 'x', SIZE);
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "cat", NULL },
		.input = data,
		.input_len = SIZE,
		.out_max = SIZE,
	};
	ASSERT_OK(spawn_run(&s, &err), &err);
	ASSERT_EQ(s.out_len, SIZE);
	s.out_max = 1000;
	ASSERT_EQ(spawn_run(&s, &err), -EFBIG);
	ASSERT_STR(err.msg, "'cat' wrote more than 1000 bytes");
	s.argv = SH("exec <&-; exit 0"); /* reads nothing: no SIGPIPE, no failure */
	ASSERT_OK(spawn_run(&s, &err), &err);
}

TEST(spawn_kills_the_whole_group_at_the_deadline)
{
	struct spawn s = { .argv = SH("echo waiting >&2; sh -c 'sleep 60; echo alive >survivor' & "
				      "echo $! >pid; wait"),
			   .timeout_ms = 400 };
	struct err err = { 0 };
	uint64_t start = clock_ms();
	char text[32] = "";
	FILE *f;

	ASSERT_EQ(spawn_run(&s, &err), -ETIMEDOUT);
	ASSERT_STR(err.msg, "'sh' did not end within 1 s and was killed: waiting");
	ASSERT(clock_ms() - start < 5000);
	f = fopen("pid", "r");
	ASSERT(f && fgets(text, sizeof(text), f));
	(void)fclose(f);
	for (int i = 0; i < 100; i++) { /* init reaps it; a moment may pass */
		if (kill((pid_t)strtol(text, NULL, 10), 0) < 0)
			return;
		clock_sleep_ms(20);
		char path[64], stat[256] = "";
		(void)snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(text, NULL, 10));
		f = fopen(path, "r");
		if (!f)
			return;
		(void)!fgets(stat, sizeof(stat), f);
		(void)fclose(f);
		if (strstr(stat, ") Z "))
			return;
	}
	test_fail(__FILE__, __LINE__, "grandchild %s lives on", text);
}

TEST(spawn_does_not_wait_for_what_the_child_left_behind)
{
	cleanup_spawn struct spawn s = { .argv = SH("sleep 60 & echo done"),
					 .out_max = 100,
					 .timeout_ms = 30000 };
	struct err err = { 0 };
	uint64_t start = clock_ms();

	ASSERT_OK(spawn_run(&s, &err), &err);
	ASSERT_STR(s.out, "done\n");
	ASSERT(clock_ms() - start < 10000);
}

TEST(spawn_sets_environment_and_folder)
{
	cleanup_spawn struct spawn s = {
		.argv = SH("echo $A $B $C; pwd -P"),
		.dir = "/",
		.out_max = 100,
		.env = (const char *const[]){ "A=1", "B=2", "PATH=/usr/bin:/bin", NULL },
		.env_add = (const char *const[]){ "B=3", "C=4", NULL },
	};
	struct err err = { 0 };

	ASSERT_OK(spawn_run(&s, &err), &err);
	ASSERT_STR(s.out, "1 3 4\n/\n");
}

TEST(spawn_leaks_no_descriptor_and_no_signal_mask)
{
	/* signals 32 and 33 are glibc's own; descriptors that make left open to us are none of ours
	 */
	cleanup_spawn struct spawn s = {
		.argv = SH(
			"test -e /proc/$$/fd/99 && echo leaked; sed -n "
			"'s/^\\(SigBlk\\|SigIgn\\).*\\(.......\\)$/\\1 \\2/p' /proc/self/status"),
		.out_max = 1000,
	};
	struct err err = { 0 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGINT, SIG_IGN);
	cleanup_close int leak = open("/", O_RDONLY | O_CLOEXEC);
	cleanup_close int high = fcntl(leak, F_DUPFD_CLOEXEC, 99);

	ASSERT_EQ(high, 99);
	ASSERT_OK(spawn_run(&s, &err), &err);
	ASSERT_STR(s.out, "SigBlk 0000000\nSigIgn 0000000\n");
}

static int stop_early(void *arg, const char *data, size_t len)
{
	(void)data;
	*(size_t *)arg += len;
	return -ECANCELED;
}

TEST(spawn_callbacks_can_stop_the_child)
{
	size_t got = 0;
	struct spawn s = { .argv = SH("echo first; sleep 60"), .out_fn = stop_early, .arg = &got };
	struct err err = { 0 };

	ASSERT_EQ(spawn_run(&s, &err), -ECANCELED);
	ASSERT_EQ(got, 6);
}

TEST(spawn_hides_what_is_secret)
{
	cleanup_spawn struct spawn s = { .argv = SH("echo hunter2 >&2; exit 1"),
					 .flags = SPAWN_SECRET };
	struct err err = { 0 };

	ASSERT_EQ(spawn_run(&s, &err), -ECHILD);
	ASSERT_STR(err.msg, "'sh' exited with status 1");
}

TEST(child_runs_beside_us_and_is_stopped)
{
	struct spawn s = { .argv = SH("trap 'exit 5' TERM; while :; do sleep 0.05; done") };
	cleanup_child struct child c = { 0 };
	struct err err = { 0 };

	ASSERT_OK(child_start(&s, -1, &c, &err), &err);
	ASSERT_EQ(child_wait(&c, 300, &err), 0);
	child_stop(&c, 5000);
	ASSERT_EQ(c.exit_status, 5);
	ASSERT_EQ(c.pid, 0);
	child_done(&c);
	s.argv = SH("trap '' TERM; while :; do sleep 0.05; done");
	ASSERT_OK(child_start(&s, -1, &c, &err), &err);
	ASSERT_EQ(child_wait(&c, 200, &err), 0);
	child_stop(&c, 200);
	ASSERT_EQ(c.term_signal, SIGKILL);
}

static size_t open_fds(void)
{
	cleanup_name_list struct name_list l = { 0 };
	struct err err = { 0 };

	ASSERT_OK(tree_list_at(AT_FDCWD, "/proc/self/fd", &l, &err), &err);
	return l.len;
}

TEST(spawn_leaves_no_child_and_no_descriptor_under_every_fault)
{
	size_t before = open_fds();
	int faults = 0;

	for (long n = 0;; n++) {
		cleanup_spawn struct spawn s = { .argv = (const char *const[]){ "cat", NULL },
						 .input = "x",
						 .input_len = 1,
						 .out_max = 10,
						 .timeout_ms = 10000 };
		struct err err = { 0 };

		fault_arm(n);
		int r = spawn_run(&s, &err);
		bool failed = fault_disarm();

		ASSERT_EQ(open_fds(), before);
		ASSERT_EQ(waitpid(-1, NULL, WNOHANG), -1);
		ASSERT_EQ(errno, ECHILD);
		if (!failed) {
			ASSERT_EQ(r, 0);
			ASSERT_STR(s.out, "x");
			break;
		}
		faults++;
		/* a fault while the child's report is read is not one of the child: it runs on */
		if (r == 0)
			ASSERT_STR(s.out, "x");
		else
			ASSERT(err.msg[0]);
	}
	ASSERT(faults >= 14); /* how often pipes are read is up to the scheduler */
}
