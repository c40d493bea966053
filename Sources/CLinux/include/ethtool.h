/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethtool, by ioctl and by netlink, with what is newer than the host's headers. */
#ifndef CLINUX_ETHTOOL_H
#define CLINUX_ETHTOOL_H

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/if.h>
#include <linux/sockios.h>

/* Attributes of ETHTOOL_MSG_RINGS_{GET,SET} since 6.14. */
enum CLinux_ethtool_rings {
	CLinux_ETHTOOL_A_RINGS_HDS_THRESH = 17,
	CLinux_ETHTOOL_A_RINGS_HDS_THRESH_MAX = 18,
};

#endif
