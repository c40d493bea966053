/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethtool, by ioctl and by netlink, with what is newer than the host's headers. */
#ifndef CLINUX_ETHTOOL_H
#define CLINUX_ETHTOOL_H

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>

/* An attribute of ETHTOOL_MSG_RINGS_{GET,SET} since 6.14. */
enum CLinux_ethtool_rings {
	CLinux_ETHTOOL_A_RINGS_HDS_THRESH = 17,
};

/* ETHTOOL_MSG_RSS_GET, of 6.2; it can be dumped since 6.12. The other two are of 6.17. */
enum CLinux_ethtool_rss {
	CLinux_ETHTOOL_MSG_RSS_GET = 38,
	CLinux_ETHTOOL_MSG_RSS_CREATE_ACT = 49,
	CLinux_ETHTOOL_MSG_RSS_DELETE_ACT = 50,
	CLinux_ETHTOOL_A_RSS_HEADER = 1,
	CLinux_ETHTOOL_A_RSS_CONTEXT = 2,
	CLinux_ETHTOOL_A_RSS_INDIR = 4,
};

/* The head of struct ethtool_rxfh, which carries input_xfrm since 6.8. */
struct CLinux_ethtool_rxfh {
	uint32_t cmd;
	uint32_t rss_context;
	uint32_t indir_size;
	uint32_t key_size;
	uint8_t hfunc;
	uint8_t input_xfrm;
	uint8_t rsvd8[2];
	uint32_t rsvd32;
};
_Static_assert(sizeof(struct CLinux_ethtool_rxfh) == offsetof(struct ethtool_rxfh, rss_config),
	       "struct ethtool_rxfh is uAPI");

static const uint32_t CLinux_ETH_RXFH_CONTEXT_ALLOC = ETH_RXFH_CONTEXT_ALLOC;
static const uint32_t CLinux_ETH_RXFH_INDIR_NO_CHANGE = ETH_RXFH_INDIR_NO_CHANGE;
static const uint8_t CLinux_RXH_XFRM_NO_CHANGE = 0xff;

/* Where the locations of ETHTOOL_GRXCLSRLALL begin. */
static const size_t CLinux_ethtool_rxnfc_rule_locs = offsetof(struct ethtool_rxnfc, rule_locs);

/* ioctl(SIOCETHTOOL) with an ethtool request, whose first word is its command. */
int CLinux_ioctl_ethtool(int fd, int index, void *_Nonnull request);

#endif
