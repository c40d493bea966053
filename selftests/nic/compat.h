/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module is written for Linux 7.3. What older kernels (6.12 and later)
 * lack is made up for here, so that no other file looks at the version.
 */
#ifndef DMNIC_COMPAT_H
#define DMNIC_COMPAT_H

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/netdevice.h>
#include <linux/version.h>
#include <net/netdev_queues.h>
#include <net/page_pool/helpers.h>

#define KERNEL_SINCE(major, minor) \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

/* ETHTOOL_GRXRINGS is answered by an operation of its own. */
#define DMN_HAS_RX_RING_COUNT	KERNEL_SINCE(6, 19)

/* The queues of a device may do DMA as different devices. */
#define DMN_HAS_QUEUE_DMA_DEV	KERNEL_SINCE(6, 18)

/* The queue operations are handed the queue's configuration. */
#define DMN_HAS_QUEUE_CONFIG	KERNEL_SINCE(7, 0)

#if !DMN_HAS_QUEUE_CONFIG
struct netdev_queue_config {
	u32 rx_page_size;
};

static inline void netdev_queue_config(struct net_device *dev, int rxq,
				       struct netdev_queue_config *qcfg)
{
	qcfg->rx_page_size = PAGE_SIZE;
}
#endif

/* Operations run under the device's own lock; before, under the RTNL. */
#if !KERNEL_SINCE(6, 15)
#define netif_napi_del_locked	netif_napi_del
#define napi_enable_locked	napi_enable
#define napi_disable_locked	napi_disable

static inline void
netif_napi_add_config_locked(struct net_device *dev, struct napi_struct *napi,
			     int (*poll)(struct napi_struct *, int), int index)
{
	netif_napi_add(dev, napi, poll);
}

static inline void page_pool_enable_direct_recycling(struct page_pool *pool,
						     struct napi_struct *napi)
{
}
#endif

/* Transmitting from device memory. */
static inline void dmn_enable_netmem_tx(struct net_device *dev)
{
#if KERNEL_SINCE(7, 2)
	dev->netmem_tx = NETMEM_TX_DMA;
#elif KERNEL_SINCE(6, 16)
	dev->netmem_tx = true;
#endif
}

/* The threshold of the header split, and the core's record of the split. */
#if KERNEL_SINCE(6, 14)
#define DMN_RING_USE_HDS_THRS	ETHTOOL_RING_USE_HDS_THRS

static inline void
dmn_report_hds_thresh(struct kernel_ethtool_ringparam *kring, u32 thresh,
		      u32 max)
{
	kring->hds_thresh = thresh;
	kring->hds_thresh_max = max;
}

static inline u32
dmn_asked_hds_thresh(const struct kernel_ethtool_ringparam *kring)
{
	return kring->hds_thresh;
}

static inline void dmn_record_thresh(struct net_device *dev, u32 thresh)
{
	dev->cfg->hds_thresh = thresh;
}

static inline void dmn_record_split(struct net_device *dev, bool on)
{
	/* Off is as it was before: nobody has said anything. */
	u8 split = on ? ETHTOOL_TCP_DATA_SPLIT_ENABLED :
			ETHTOOL_TCP_DATA_SPLIT_UNKNOWN;

	/* A netlink request replaces the first by the second when it ends. */
	dev->cfg->hds_config = split;
	dev->cfg_pending->hds_config = split;
}
#else
#define DMN_RING_USE_HDS_THRS	0

static inline void
dmn_report_hds_thresh(struct kernel_ethtool_ringparam *kring, u32 thresh,
		      u32 max)
{
}

static inline u32
dmn_asked_hds_thresh(const struct kernel_ethtool_ringparam *kring)
{
	return 0;
}

static inline void dmn_record_thresh(struct net_device *dev, u32 thresh)
{
}

static inline void dmn_record_split(struct net_device *dev, bool on)
{
}
#endif

#endif
