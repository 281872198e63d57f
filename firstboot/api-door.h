/*
 * api-door - does a TCP connection to an API server's address open?
 */
#pragma once

#include "macros.h"

#include <stddef.h>

#define API_PORT 6443
#define API_URL_MAX 96

/*
 * All addresses of the name are tried, each for so long: /etc/hosts may give those of several
 * control-planes. @url: "https://host:6443" or "https://[v6]:6443". 0: one opens. -ECONNREFUSED:
 * the machines are up and nothing listens; -ETIMEDOUT, -EHOSTUNREACH and other errnos: nobody
 * answers; -EINVAL: no such URL; -EADDRNOTAVAIL: the name cannot be resolved.
 */
int api_door_try(const char *url, unsigned int timeout_ms) MUST_CHECK;
/* "https://192.168.14.4:6443" of "192.168.14.4/26". -EINVAL: no address. */
int api_url_of(const char *address, char *ret, size_t size) MUST_CHECK;
