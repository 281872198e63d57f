#include "fail.h"

#include "mounts.h"
#include "say.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void use_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	(void)ioctl(fd, TIOCSCTTY, 1);
	for (int i = 0; i < 3; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		(void)close(fd);
}

/* The root's own shell, inside of the root, with /dev, /proc, /sys and /run there. */
static _Noreturn void shell_child(void)
{
	static const char *const dirs[] = { "/dev", "/proc", "/sys", "/run" };
	static char *const argv[] = { (char *)"sh", (char *)"-i", NULL };

	(void)setsid();
	use_console();
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char to[64];

		(void)snprintf(to, sizeof(to), ROOT_DIR "%s", dirs[i]);
		(void)mount(dirs[i], to, NULL, MS_BIND, NULL);
	}
	if (chroot(ROOT_DIR) == 0 && chdir("/") == 0)
		(void)execv("/bin/sh", argv);
	_exit(127);
}

static void rescue(void)
{
	struct stat top, root;
	int status = 0;
	pid_t pid;

	if (stat("/", &top) < 0 || stat(ROOT_DIR, &root) < 0 || top.st_dev == root.st_dev) {
		sayf(SAY_ERROR, "kiln.rescue: no root is mounted, so there is no shell; start the "
				"machine from another "
				"medium to repair this one");
		return;
	}
	sayf(SAY_ERROR, "kiln.rescue: a shell of the root; leave it with 'exit' to reboot");
	pid = fork();
	if (pid == 0)
		shell_child();
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
		sayf(SAY_ERROR, "kiln.rescue: the root has no /bin/sh that runs");
}

_Noreturn void boot_fail(const struct options *o, const char *text)
{
	say_lines(SAY_ERROR, text);
	if (o->rescue)
		rescue();
	if (o->reboot_s == 0) {
		sayf(SAY_ERROR, "this boot stops here (kiln.reboot=0); switch the machine off and "
				"on to try again");
		sync();
		for (;;)
			(void)pause();
	}
	sayf(SAY_ERROR, "rebooting in %u s%s", o->reboot_s,
	     o->rescue
		     ? ""
		     : "; with kiln.rescue on the kernel's command line there is a shell instead");
	(void)sleep(o->reboot_s);
	sync();
	(void)reboot(RB_AUTOBOOT);
	for (;;)
		(void)pause();
}
