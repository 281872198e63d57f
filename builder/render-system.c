/* render-system - time servers, kernel settings, updates; locale, zone and account are the base's
 */
#include "render.h"

#include "buf.h"
#include "derive.h"
#include "host-facts.h"

#include <string.h>

static int clock_servers(const struct render *in, struct fileset *fs, struct err *err)
{
	const struct addr_list *servers = &in->cluster->network.ntp;
	cleanup_buf struct buf ntp = BUF_INIT(NODE_FILE_MAX);
	char addr[IP_TEXT_MAX];
	int r;

	if (servers->len == 0)
		return 0;
	for (size_t i = 0; i < servers->len; i++)
		(void)buf_addf(&ntp, "%s%s", i ? " " : "",
			       ip_addr_format(&servers->items[i], addr));
	r = buf_error(&ntp);
	if (r < 0)
		return err_errnof(err, r, "cannot render timesyncd's configuration");
	return fileset_addf(fs, "/etc/systemd/timesyncd.conf.d/10-kiln.conf", 0644, 0, err,
			    "[Time]\nNTP=%s\n", buf_str(&ntp));
}

static int kernel_settings(const struct render *in, struct fileset *fs, struct err *err)
{
	cleanup_buf struct buf sysctls = BUF_INIT(NODE_FILE_MAX), modules = BUF_INIT(NODE_FILE_MAX);
	const char *why = "";
	int r;

	for (const struct host_sysctl *s = host_sysctls; s->key; s++) {
		if (!host_fact_wanted(in->cluster, s->flags))
			continue;
		if (strcmp(why, s->why) != 0)
			(void)buf_addf(&sysctls, "# %s\n", s->why);
		(void)buf_addf(&sysctls, "%s = %s\n", s->key, s->value);
		why = s->why;
	}
	for (const struct host_module *m = host_modules; m->name; m++)
		if (host_fact_wanted(in->cluster, m->flags))
			(void)buf_addf(&modules, "# %s\n%s\n", m->why, m->name);
	r = buf_error(&sysctls) ?: buf_error(&modules);
	if (r < 0)
		return err_errnof(err, r, "cannot render the kernel settings");
	r = fileset_addf(fs, "/etc/sysctl.d/98-kiln.conf", 0644, 0, err, "%s", buf_str(&sysctls));
	if (r < 0)
		return r;
	return fileset_addf(fs, "/etc/modules-load.d/kiln.conf", 0644, 0, err, "%s",
			    buf_str(&modules));
}

/* Security updates only; kernels change with a new image, reboots are the cluster's matter. */
static int updates(const struct render *in, struct fileset *fs, struct err *err)
{
	static const char path[] = "/etc/apt/apt.conf.d/95-kiln-updates";

	if (in->cluster->system.updates == UPDATES_NONE)
		return fileset_addf(fs, path, 0644, 0, err,
				    "APT::Periodic::Update-Package-Lists \"0\";\n"
				    "APT::Periodic::Unattended-Upgrade \"0\";\n");
	return fileset_addf(
		fs, path, 0644, 0, err,
		"APT::Periodic::Update-Package-Lists \"1\";\n"
		"APT::Periodic::Unattended-Upgrade \"1\";\n"
		"#clear Unattended-Upgrade::Origins-Pattern;\n"
		"Unattended-Upgrade::Origins-Pattern {\n"
		"\t\"origin=Debian,codename=${distro_codename}-security,label=Debian-Security\";\n"
		"};\n"
		"Unattended-Upgrade::Package-Blacklist {\n"
		"\t\"^linux-(image|binary|modules|base|headers)\";\n"
		"};\n"
		"Unattended-Upgrade::Automatic-Reboot \"false\";\n");
}

int render_system(const struct render *in, struct fileset *fs, struct err *err)
{
	int r;

	r = clock_servers(in, fs, err);
	if (r < 0)
		return r;
	r = kernel_settings(in, fs, err);
	return r < 0 ? r : updates(in, fs, err);
}
