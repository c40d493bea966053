/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The numbers of the netdev generic-netlink family that this project speaks
 * (include/uapi/linux/netdev.h), under names of our own: the header is newer
 * than many hosts, and its enums cannot be guarded one by one.
 */
#ifndef CLINUX_NETDEV_H
#define CLINUX_NETDEV_H

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

enum CLinux_netdev_command {
	CLinux_NETDEV_CMD_PAGE_POOL_GET = 5,
	CLinux_NETDEV_CMD_QUEUE_GET = 10,
	CLinux_NETDEV_CMD_NAPI_GET = 11,
	CLinux_NETDEV_CMD_QSTATS_GET = 12,
	CLinux_NETDEV_CMD_BIND_RX = 13,
	CLinux_NETDEV_CMD_BIND_TX = 15,
	CLinux_NETDEV_CMD_QUEUE_CREATE = 16,
};

enum CLinux_netdev_queue_type {
	CLinux_NETDEV_QUEUE_TYPE_RX = 0,
};

enum CLinux_netdev_queue {
	CLinux_NETDEV_A_QUEUE_ID = 1,
	CLinux_NETDEV_A_QUEUE_IFINDEX = 2,
	CLinux_NETDEV_A_QUEUE_TYPE = 3,
	CLinux_NETDEV_A_QUEUE_NAPI_ID = 4,
	CLinux_NETDEV_A_QUEUE_DMABUF = 5,
	CLinux_NETDEV_A_QUEUE_IO_URING = 6,
	CLinux_NETDEV_A_QUEUE_XSK = 7,
	CLinux_NETDEV_A_QUEUE_LEASE = 8,
};

enum CLinux_netdev_napi {
	CLinux_NETDEV_A_NAPI_IFINDEX = 1,
	CLinux_NETDEV_A_NAPI_ID = 2,
	CLinux_NETDEV_A_NAPI_IRQ = 3,
};

enum CLinux_netdev_lease {
	CLinux_NETDEV_A_LEASE_IFINDEX = 1,
	CLinux_NETDEV_A_LEASE_QUEUE = 2,
	CLinux_NETDEV_A_LEASE_NETNS_ID = 3,
};

enum CLinux_netdev_qstats {
	CLinux_NETDEV_A_QSTATS_IFINDEX = 1,
	CLinux_NETDEV_A_QSTATS_QUEUE_TYPE = 2,
	CLinux_NETDEV_A_QSTATS_QUEUE_ID = 3,
	CLinux_NETDEV_A_QSTATS_SCOPE = 4,
	CLinux_NETDEV_A_QSTATS_RX_PACKETS = 8,
	CLinux_NETDEV_A_QSTATS_RX_BYTES = 9,
	CLinux_NETDEV_A_QSTATS_RX_ALLOC_FAIL = 12,
	CLinux_NETDEV_A_QSTATS_RX_HW_DROPS = 13,
};

/* NETDEV_A_QSTATS_SCOPE: a message for each queue. */
enum {
	CLinux_NETDEV_QSTATS_SCOPE_QUEUE = 1,
};

enum CLinux_netdev_page_pool {
	CLinux_NETDEV_A_PAGE_POOL_ID = 1,
	CLinux_NETDEV_A_PAGE_POOL_IFINDEX = 2,
	CLinux_NETDEV_A_PAGE_POOL_INFLIGHT = 4,
	CLinux_NETDEV_A_PAGE_POOL_DETACH_TIME = 6,
	CLinux_NETDEV_A_PAGE_POOL_DMABUF = 7,
};

enum CLinux_netdev_dmabuf {
	CLinux_NETDEV_A_DMABUF_IFINDEX = 1,
	CLinux_NETDEV_A_DMABUF_QUEUES = 2,
	CLinux_NETDEV_A_DMABUF_FD = 3,
	CLinux_NETDEV_A_DMABUF_ID = 4,
	/* u32 rx-page-size in mainline since 7.3; u8 autorelease in the series. */
	CLinux_NETDEV_A_DMABUF_FIFTH = 5,
};

#endif
