// SPDX-License-Identifier: GPL-2.0-only
/* The rest of ethtool: channels, the private flag, the tunable. */
#include <linux/ethtool.h>
#include <net/netdev_queues.h>
#include <net/netdev_rx_queue.h>

#include "dmnic.h"

static void dmn_get_drvinfo(struct net_device *dev,
			    struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME);
	strscpy(info->bus_info, dev_name(dev->dev.parent));
}

static u32 dmn_get_link(struct net_device *dev)
{
	return netif_carrier_ok(dev);
}

static int dmn_get_link_ksettings(struct net_device *dev,
				  struct ethtool_link_ksettings *settings)
{
	settings->base.speed = SPEED_10000;
	settings->base.duplex = DUPLEX_FULL;
	settings->base.port = PORT_DA;
	return 0;
}

static void dmn_get_channels(struct net_device *dev,
			     struct ethtool_channels *channels)
{
	struct dmn_port *port = netdev_priv(dev);

	if (dmn_quirks.rxtx_channels) {
		channels->max_rx = port->max_queues;
		channels->max_tx = port->max_queues;
		channels->rx_count = port->queues;
		channels->tx_count = port->tx_queues;
		return;
	}
	channels->max_combined = port->max_queues;
	channels->combined_count = port->queues;
}

static int dmn_set_channels(struct net_device *dev,
			    struct ethtool_channels *channels)
{
	struct dmn_port *port = netdev_priv(dev);
	unsigned int rx = channels->combined_count;
	unsigned int tx = channels->combined_count;
	int err;

	if (dmn_quirks.rxtx_channels) {
		rx = channels->rx_count;
		tx = channels->tx_count;
		if (channels->combined_count || !rx || !tx)
			return -EINVAL;
	}
	err = dmn_set_queues(port, rx, tx);
	if (!err && dmn_quirks.ring_reset == DMN_RING_RESET_ALWAYS)
		err = dmn_rebuild(port);
	return err;
}

static int dmn_get_sset_count(struct net_device *dev, int set)
{
	if (set == ETH_SS_STATS)
		return dmn_count_counters(netdev_priv(dev));
	if (set == ETH_SS_PRIV_FLAGS && dmn_hds_private_flag)
		return 1;
	return -EOPNOTSUPP;
}

static void dmn_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		dmn_name_counters(netdev_priv(dev), data);
	if (set == ETH_SS_PRIV_FLAGS)
		ethtool_puts(&data, "enable-header-split");
}

static u32 dmn_get_priv_flags(struct net_device *dev)
{
	struct dmn_port *port = netdev_priv(dev);

	return port->split;
}

static int dmn_set_priv_flags(struct net_device *dev, u32 flags)
{
	struct dmn_port *port = netdev_priv(dev);
	unsigned int i;
	int err;

	/* The core guards a bound queue from a ring setting, not from this. */
	for (i = 0; !(flags & 1) && i < port->queues; i++)
		if (__netif_get_rx_queue(dev, i)->mp_params.mp_priv)
			return -EBUSY;
	err = dmn_set_split(port, flags & 1, false);
	if (!err)
		dmn_record_split(dev, flags & 1);
	return err;
}

static int dmn_get_tunable(struct net_device *dev,
			   const struct ethtool_tunable *tunable, void *data)
{
	struct dmn_port *port = netdev_priv(dev);

	if (tunable->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	*(u32 *)data = port->copybreak;
	return 0;
}

static int dmn_set_tunable(struct net_device *dev,
			   const struct ethtool_tunable *tunable,
			   const void *data)
{
	struct dmn_port *port = netdev_priv(dev);

	if (tunable->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	if (*(u32 *)data > PAGE_SIZE / 2)
		return -EINVAL;
	WRITE_ONCE(port->copybreak, *(u32 *)data);
	return 0;
}

#if DMN_HAS_RX_RING_COUNT
static u32 dmn_get_rx_ring_count(struct net_device *dev)
{
	struct dmn_port *port = netdev_priv(dev);

	return port->queues;
}
#endif

static struct ethtool_ops dmn_ethtool_ops = {
	.supported_ring_params	= ETHTOOL_RING_USE_TCP_DATA_SPLIT |
				  DMN_RING_USE_HDS_THRS,
	.supported_input_xfrm	= RXH_XFRM_SYM_XOR | RXH_XFRM_SYM_OR_XOR,
	.rxfh_per_ctx_fields	= true,
	.rxfh_per_ctx_key	= true,
	.rxfh_max_num_contexts	= DMN_MAX_CONTEXTS,
#ifdef ETHTOOL_OP_NEEDS_RTNL_SCHANNELS
	.op_needs_rtnl		= ETHTOOL_OP_NEEDS_RTNL_SCHANNELS,
#endif
	.get_drvinfo		= dmn_get_drvinfo,
	.get_link		= dmn_get_link,
	.get_link_ksettings	= dmn_get_link_ksettings,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_channels		= dmn_get_channels,
	.set_channels		= dmn_set_channels,
	.get_ringparam		= dmn_get_ringparam,
	.set_ringparam		= dmn_set_ringparam,
	.get_sset_count		= dmn_get_sset_count,
	.get_strings		= dmn_get_strings,
	.get_ethtool_stats	= dmn_get_counters,
	.get_priv_flags		= dmn_get_priv_flags,
	.set_priv_flags		= dmn_set_priv_flags,
	.get_tunable		= dmn_get_tunable,
	.set_tunable		= dmn_set_tunable,
	.get_rxnfc		= dmn_get_rxnfc,
	.set_rxnfc		= dmn_set_rxnfc,
#if DMN_HAS_RX_RING_COUNT
	.get_rx_ring_count	= dmn_get_rx_ring_count,
#endif
	.get_rxfh_indir_size	= dmn_get_rxfh_size,
	.get_rxfh_key_size	= dmn_get_rxfh_key_size,
	.get_rxfh		= dmn_get_rxfh,
	.set_rxfh		= dmn_set_rxfh,
	.get_rxfh_fields	= dmn_get_rxfh_fields,
	.set_rxfh_fields	= dmn_set_rxfh_fields,
	.create_rxfh_context	= dmn_create_context,
	.modify_rxfh_context	= dmn_modify_context,
	.remove_rxfh_context	= dmn_remove_context,
};

/* The operations of a card with the faults that were asked for. */
const struct ethtool_ops *dmn_ethtool_init(void)
{
	struct ethtool_ops *ops = &dmn_ethtool_ops;

	if (dmn_quirks.rx_buf_len)
		ops->supported_ring_params |= ETHTOOL_RING_USE_RX_BUF_LEN;
#ifdef ETHTOOL_OP_NEEDS_RTNL_SRINGPARAM
	/* These change features or the number of channels with the rings. */
	if (dmn_quirks.split_needs_gro_hw || dmn_quirks.ring_cut > 1)
		ops->op_needs_rtnl |= ETHTOOL_OP_NEEDS_RTNL_SRINGPARAM;
#endif
	if (dmn_quirks.no_hds_thresh)
		ops->supported_ring_params &= ~DMN_RING_USE_HDS_THRS;
	if (dmn_hds_private_flag) {
		ops->supported_ring_params &= ~ETHTOOL_RING_USE_TCP_DATA_SPLIT;
	} else {
		ops->get_priv_flags = NULL;
		ops->set_priv_flags = NULL;
	}
	if (dmn_refuse_ntuple)
		ops->set_rxnfc = NULL;
	if (!dmn_quirks.copybreak) {
		ops->get_tunable = NULL;
		ops->set_tunable = NULL;
	}
	dmn_rss_ops(ops);
	return ops;
}
