/*
 * yaml-timestamp - is this plain scalar a time, as the YAML reader of Kubernetes' tools sees it?
 *
 * The forms that Go's time.Parse() is asked for: Y-M-D alone, with T or t and a zone, with a blank
 * and none.
 */
#pragma once

#include <stdbool.h>

bool yaml_is_timestamp(const char *s);
