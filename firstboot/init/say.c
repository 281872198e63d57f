#include "say.h"

#include "buf.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#define LOG_MAX (64U << 10)
#define RATE_FILE "/proc/sys/kernel/printk_devkmsg"

static int kmsg = -EBADF;
static struct buf kept = BUF_INIT(LOG_MAX);

static void set_rate(const char *how)
{
	int fd = open(RATE_FILE, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, how, strlen(how));
	(void)close(fd);
}

void say_open(void)
{
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	set_rate("on\n"); /* ten lines in five seconds are too few for a list of disks */
}

void say_close(void)
{
	set_rate("ratelimit\n");
	close_fdp(&kmsg);
	kmsg = -EBADF;
}

static void say_line(enum say_level level, const char *text, size_t len)
{
	char line[960]; /* the kernel's own limit is about 1000 */
	int n = snprintf(line, sizeof(line), "<%d>kiln-init: %.*s\n", level, (int)len, text);
	size_t used = n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1;

	(void)buf_addf(&kept, "%.*s\n", (int)len, text);
	if (kmsg < 0 || write(kmsg, line, used) < 0)
		(void)!write(STDERR_FILENO, line + 3, used - 3);
}

void say_lines(enum say_level level, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			say_line(level, text, len);
		text += len + (text[len] == '\n');
	}
}

void sayf(enum say_level level, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_lines(level, text);
}

const char *say_log(void)
{
	return buf_str(&kept);
}
