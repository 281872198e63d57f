/*
 * net-services - do the DNS and NTP servers of cluster.yaml answer?
 *
 * Told, never waited for: a cluster comes up without the internet. All are asked at once, one
 * datagram each, and heard for NET_SERVICES_MS.
 */
#pragma once

#include "node-json.h"

#define NET_SERVICES_MS 700
#define DNS_PORT 53
#define NTP_PORT 123

/*
 * The servers that do not answer, in words ("" when all do): "DNS server 192.168.14.1 does not
 * answer". A server given by name is not asked. Ports are parameters for tests.
 */
void net_services_tell(const struct node_json *n, uint16_t dns_port, uint16_t ntp_port, char *dst,
		       size_t size);
