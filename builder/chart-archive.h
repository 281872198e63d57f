/*
 * chart-archive - a chart that is a folder of a tar, as Git servers hand out repositories
 *
 * Such a tar has one folder around everything ("garage-4458.../script/helm/garage"); it need not
 * be named. Only regular files are taken, and none can leave the target.
 */
#pragma once

#include "err.h"

/*
 * @folder of @archive (any compression) into @dir, which is made. Its Chart.yaml must say
 * @version. -ENOENT: no chart in that folder; -EBADMSG: another version, or a damaged archive.
 */
int chart_archive_unpack(const char *archive, const char *folder, const char *dir,
			 const char *version, struct err *err) MUST_CHECK;
