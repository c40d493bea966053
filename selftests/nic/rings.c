// SPDX-License-Identifier: GPL-2.0-only
/* Rings: their sizes, and whether headers and data come apart. */
#include <linux/ethtool.h>
#include <net/netdev_queues.h>

#include "dmnic.h"

#define DMN_SPLIT_REFUSAL \
	"mlx5_core: TCP-data-split is not supported when GRO HW is disabled"

void dmn_get_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
		       struct kernel_ethtool_ringparam *kring,
		       struct netlink_ext_ack *extack)
{
	struct dmn_port *port = netdev_priv(dev);

	ring->rx_max_pending = DMN_RX_RING_MAX;
	ring->tx_max_pending = DMN_TX_RING_MAX;
	ring->rx_pending = port->rx_ring;
	ring->tx_pending = port->tx_ring;
	if (port->rx_buf_len)
		kring->rx_buf_len = port->rx_buf_len;
	if (!dmn_hds_private_flag && !dmn_quirks.split_silent)
		kring->tcp_data_split = port->split || dmn_quirks.split_reported ?
					ETHTOOL_TCP_DATA_SPLIT_ENABLED :
					ETHTOOL_TCP_DATA_SPLIT_DISABLED;
	if (!dmn_quirks.no_hds_thresh)
		dmn_report_hds_thresh(kring, port->hds_thresh,
				      dmn_quirks.hds_thresh_max);
}

/* Page pools know whether they may be unreadable: a change means new ones. */
int dmn_set_split(struct dmn_port *port, bool split, bool always)
{
	bool old = port->split;
	int err;

	if (split == old && !always)
		return 0;
	WRITE_ONCE(port->split, split);
	err = dmn_rebuild(port);
	if (err)
		WRITE_ONCE(port->split, old);
	return err;
}

/* Drivers differ in what they refuse, and in whether they say why. */
static int dmn_check_split(struct dmn_port *port, u8 split,
			   struct netlink_ext_ack *extack)
{
	if (dmn_quirks.split_reported && split != port->split_asked &&
	    split == ETHTOOL_TCP_DATA_SPLIT_DISABLED)
		return -EINVAL;
	if (dmn_quirks.split_needs_gro_hw &&
	    split == ETHTOOL_TCP_DATA_SPLIT_ENABLED &&
	    !(port->dev->features & NETIF_F_GRO_HW)) {
		NL_SET_ERR_MSG(extack, DMN_SPLIT_REFUSAL);
		return -EINVAL;
	}
	return 0;
}

static int dmn_check_buf_len(struct dmn_port *port, u32 len,
			     struct netlink_ext_ack *extack)
{
	if (!port->rx_buf_len || len == SZ_2K || len == SZ_4K)
		return 0;
	NL_SET_ERR_MSG(extack, "receive buffers have 2048 or 4096 bytes");
	return -EINVAL;
}

/* Unless configured otherwise, headers and data stay together. */
static bool dmn_wants_split(const struct dmn_port *port, u8 split)
{
	if (dmn_hds_private_flag || dmn_quirks.split_needs_gro_hw)
		return port->split;
	if (dmn_quirks.auto_keeps_split &&
	    split == ETHTOOL_TCP_DATA_SPLIT_UNKNOWN)
		return port->split;
	return split == ETHTOOL_TCP_DATA_SPLIT_ENABLED;
}

/* Are the rings to be re-created though the split stays? */
static bool dmn_resets(const struct dmn_port *port,
		       const struct ethtool_ringparam *ring)
{
	switch (dmn_quirks.ring_reset) {
	case DMN_RING_RESET_ALWAYS:
		return true;
	case DMN_RING_RESET_SIZE:
		return ring->rx_pending != port->rx_ring ||
		       ring->tx_pending != port->tx_ring;
	default:
		return false;
	}
}

int dmn_set_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
		      struct kernel_ethtool_ringparam *kring,
		      struct netlink_ext_ack *extack)
{
	struct dmn_port *port = netdev_priv(dev);
	u8 asked = kring->tcp_data_split, was = port->split_asked;
	u32 buf_len = port->rx_buf_len, rx_ring = ring->rx_pending;
	bool split = dmn_wants_split(port, asked);
	bool cut = dmn_quirks.ring_cut && split && !port->split;
	int err;

	if (ring->rx_pending < DMN_RX_RING_MIN ||
	    ring->tx_pending < DMN_TX_RING_MIN) {
		NL_SET_ERR_MSG(extack, "rings need 64 receive and 32 transmit entries");
		return -EINVAL;
	}
	err = dmn_check_split(port, asked, extack);
	if (!err)
		err = dmn_check_buf_len(port, kring->rx_buf_len, extack);
	if (err)
		return err;

	if (port->rx_buf_len)
		port->rx_buf_len = kring->rx_buf_len;
	err = dmn_set_split(port, split, dmn_resets(port, ring));
	if (err) {
		port->rx_buf_len = buf_len;
		return err;
	}
	if (cut)
		rx_ring = max(rx_ring / 2, DMN_RX_RING_MIN);
	WRITE_ONCE(port->hds_thresh, dmn_asked_hds_thresh(kring));
	WRITE_ONCE(port->rx_ring, rx_ring);
	WRITE_ONCE(port->tx_ring, ring->tx_pending);
	port->split_asked = asked;

	if (cut && dmn_quirks.ring_cut > 1)
		return dmn_set_queues(port, DIV_ROUND_UP(port->queues, 2),
				      DIV_ROUND_UP(port->tx_queues, 2));
	/* Hardware GRO that was only kept for the split goes. */
	if (dmn_quirks.split_needs_gro_hw &&
	    asked == ETHTOOL_TCP_DATA_SPLIT_DISABLED &&
	    was == ETHTOOL_TCP_DATA_SPLIT_ENABLED)
		netdev_update_features(dev);
	return 0;
}
