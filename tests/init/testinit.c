/*
 * testinit - /sbin/init of the test root: says what kiln-init left, and switches off
 *
 * Every line on the console starts "TEST ". Linked statically.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void show_file(const char *path)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	if (!f) {
		printf("TEST file %s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		printf("TEST file %s: %s\n", path, line);
	}
	(void)fclose(f);
}

static void show_mounts(void)
{
	char line[4096];
	FILE *f = fopen("/proc/mounts", "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		printf("TEST mount %s\n", line);
	}
	if (f)
		(void)fclose(f);
}

static void show_folder(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			printf("TEST in %s: %s\n", path, e->d_name);
	if (d)
		(void)closedir(d);
}

static void show_flags(const char *path)
{
	int flags = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		printf("TEST flags %s: %s\n", path, strerror(errno));
	else
		printf("TEST flags %s: %s\n", path, flags & FS_NOCOW_FL ? "nodatacow" : "cow");
	if (fd >= 0)
		(void)close(fd);
}

static void show_mode(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		printf("TEST mode %s: %s\n", path, strerror(errno));
	else
		printf("TEST mode %s: %o %u:%u\n", path, st.st_mode & 07777, st.st_uid, st.st_gid);
}

int main(int argc, char **argv)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY);

	if (fd >= 0) {
		(void)dup2(fd, 1);
		(void)dup2(fd, 2);
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TEST init %d words%s%s\n", argc, argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	show_file("/etc/hostname");
	show_file("/etc/rancher/k3s/config.yaml");
	show_mode("/etc/rancher/k3s/config.yaml");
	show_file("/home/user/.ssh/authorized_keys");
	show_file("/run/kiln/init");
	show_mounts();
	show_folder("/boot/firmware/kiln");
	show_folder("/");
	show_folder("/var/lib/kiln");
	show_flags("/var/lib/rancher/k3s/server/db");
	show_mode("/var/lib/rancher/k3s/server/db");
	show_mode("/var/lib/rancher/k3s");
	show_flags("/var/lib/rancher");
	printf("TEST clock %lld\n", (long long)time(NULL));
	puts("TEST end");
	sync();
	(void)reboot(RB_POWER_OFF);
	pause();
	return 0;
}
