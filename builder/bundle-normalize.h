/* bundle-normalize - an object in the form that server-side apply takes; marks those with secrets
 */
#pragma once

#include "bundle-model.h"

int bundle_normalize(struct bundle_model *m, struct bundle_item *it) MUST_CHECK; /* 0 or -ENOMEM */
