/* kval-json - jansson's values as ours, and back; places are 0 */
#pragma once

#include "kval.h"

#include <jansson.h>

struct kval *kval_from_json(struct kval_pool *p, const json_t *j); /* NULL: no memory */
/* NULL: no memory, or an integer beyond 64 bits with a sign. Owned by the caller. */
json_t *kval_to_json(const struct kval *v);
