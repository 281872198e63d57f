/* bundle-show - a bundle's sequence as a table or JSON */
#pragma once

#include "bundle-index.h"
#include "cluster.h"

#include <stdio.h>

/* `kiln plan --bundle`: builds it without secrets and prints what the agent will do, in order. */
int bundle_show(const struct cluster *c, bool json, FILE *out, struct err *err) MUST_CHECK;
