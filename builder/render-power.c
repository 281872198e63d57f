/* render-power - the timer that powers the cluster down */
#include "render.h"

#include "buf.h"

#define UNIT_DIR "/etc/systemd/system/"
#define TIMER "k3s-graceful-shutdown.timer" /* the name that users know */
#define ALL_DAYS 0x7f

/* On control-planes: the one that conducts decides, and powers the others down in order. */
int render_power(const struct render *in, struct fileset *fs, struct err *err)
{
	static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	const struct cluster *c = in->cluster;
	cleanup_buf struct buf when = BUF_INIT(256);
	int r;

	if (!c->power.has_shutdown || in->node->role != ROLE_CONTROL_PLANE)
		return 0;
	for (size_t i = 0; (c->power.days & ALL_DAYS) != ALL_DAYS && i < ARRAY_SIZE(days); i++)
		if (c->power.days & (1U << i))
			(void)buf_addf(&when, "%s%s", when.len ? "," : "", days[i]);
	r = buf_error(&when);
	if (r < 0)
		return err_errnof(err, r, "cannot render " TIMER);
	r = fileset_addf(fs, UNIT_DIR TIMER, 0644, 0, err,
			 "# power.shutdown of cluster.yaml; local time of system.timezone.\n"
			 "[Unit]\n"
			 "Description=Power the cluster down (Kiln)\n"
			 "\n"
			 "[Timer]\n"
			 "OnCalendar=%s%s*-*-* %02u:%02u:00\n"
			 "AccuracySec=1s\n"
			 "Persistent=false\n"
			 "\n"
			 "[Install]\n"
			 "WantedBy=timers.target\n",
			 buf_str(&when), when.len ? " " : "", c->power.at_minute / 60,
			 c->power.at_minute % 60);
	if (r < 0)
		return r;
	return render_link(fs, UNIT_DIR "timers.target.wants/" TIMER, "../" TIMER, err);
}
