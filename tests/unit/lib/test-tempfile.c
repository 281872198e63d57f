#include "file.h"
#include "tempfile.h"
#include "fault.h"
#include "test.h"
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static size_t entries(void)
{
	cleanup_name_list struct name_list l = { 0 };
	struct err err = { 0 };

	ASSERT_OK(tree_list_at(AT_FDCWD, ".", &l, &err), &err);
	return l.len;
}

TEST(tempfile_goes_unless_committed)
{
	struct err err = { 0 };
	struct stat st;

	{
		cleanup_tempfile struct tempfile *t = NULL;

		ASSERT_OK(tempfile_new("x.img", &t, &err), &err);
		ASSERT_EQ(entries(), 1);
		ASSERT_EQ(write_all(t->fd, "half", 4), 0);
	}
	ASSERT_EQ(entries(), 0);
	{
		cleanup_tempfile struct tempfile *t = NULL;

		ASSERT_OK(tempfile_new("x.img", &t, &err), &err);
		ASSERT_EQ(write_all(t->fd, "whole", 5), 0);
		ASSERT_OK(tempfile_commit(t, "x.img", 0640, &err), &err);
	}
	ASSERT_EQ(entries(), 1);
	ASSERT_EQ(stat("x.img", &st), 0);
	ASSERT_EQ(st.st_size, 5);
	ASSERT_EQ(st.st_mode & 07777, 0640);
	cleanup_tempfile struct tempfile *t = NULL;

	ASSERT_EQ(tempfile_new("none/x.img", &t, &err), -ENOENT);
	ASSERT_STR(err.msg,
		   "cannot create a temporary file for 'none/x.img': No such file or directory");
}

TEST(tempfile_is_removed_where_it_was_made)
{
	cleanup_tempfile struct tempfile *t = NULL;
	struct err err = { 0 };

	ASSERT_EQ(mkdir("sub", 0755), 0);
	ASSERT_OK(tempfile_new("x", &t, &err), &err);
	ASSERT_EQ(chdir("sub"), 0);
	tempfile_free(TAKE_PTR(t));
	ASSERT_EQ(chdir(".."), 0);
	ASSERT_EQ(entries(), 1);
}

/* A child makes a file and a full folder, then ends in the given way. */
static int end_child(int how)
{
	int status, ready[2];
	char c;
	pid_t pid;

	ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct tempfile *file = NULL, *dir = NULL;
		struct err err = { 0 };
		char path[4096];

		if (tempfile_new("x", &file, &err) < 0 ||
		    tempfile_new_dir(".", "work-", &dir, &err) < 0)
			_exit(99);
		(void)snprintf(path, sizeof(path), "%s/a/b", dir->path);
		if (tree_mkdirs_at(AT_FDCWD, path, 0700, &err) < 0)
			_exit(99);
		if (how == 0)
			exit(3);
		(void)!write(ready[1], "", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	if (how)
		ASSERT_EQ(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	if (how)
		ASSERT_EQ(entries(), 2);
	if (how)
		ASSERT_EQ(kill(pid, how), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

TEST(tempfiles_go_on_signals_and_at_exit)
{
	int status = end_child(0);

	ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	ASSERT_EQ(entries(), 0);
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		status = end_child(signals[i]);
		ASSERT(WIFSIGNALED(status)); /* and the signal still does what it does */
		ASSERT_EQ(WTERMSIG(status), signals[i]);
		ASSERT_EQ(entries(), 0);
	}
}

TEST(a_forked_child_removes_nothing_of_its_parent)
{
	cleanup_tempfile struct tempfile *t = NULL;
	struct err err = { 0 };
	pid_t pid;

	ASSERT_OK(tempfile_new("x", &t, &err), &err);
	pid = fork();
	if (pid == 0)
		exit(0);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	ASSERT_EQ(entries(), 1);
}

TEST(tempfiles_leave_nothing_under_every_fault)
{
	struct err err = { 0 };
	int faults = 0;

	for (long n = 0;; n++) {
		bool failed;

		fault_arm(n);
		{
			cleanup_tempfile struct tempfile *file = NULL, *dir = NULL;
			int r = tempfile_new("x.img", &file, &err);

			if (r >= 0)
				r = write_all(file->fd, "data", 4);
			if (r >= 0)
				r = tempfile_new_dir(".", "work-", &dir, &err);
			if (r >= 0)
				r = tempfile_commit(file, "x.img", 0644, &err);
			failed = fault_disarm(); /* the release itself is not to fail */
			ASSERT(failed ? r == -EIO || r == -ENOMEM : r == 0);
		}

		(void)unlink("x.img");
		ASSERT_EQ(entries(), 0);
		if (!failed)
			break;
		faults++;
	}
	/* file: asprintf, calloc, getcwd, asprintf, mkostemp, calloc; write; the same for the
	 * folder (mkdtemp); commit: fchmod, fsync, rename, openat, fsync */
	ASSERT_EQ(faults, 18);
}
