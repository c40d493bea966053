// SPDX-License-Identifier: GPL-2.0-only
/* A port as the stack sees it: up and down, its queues, its features. */
#include <linux/etherdevice.h>
#include <net/netdev_queues.h>

#include "dmnic.h"

static void dmn_close_queues(struct dmn_port *port, unsigned int from,
			     unsigned int to)
{
	unsigned int i;

	/* After this, a reader that saw one up has posted and interrupted. */
	for (i = from; i < to; i++)
		WRITE_ONCE(port->queue[i].up, false);
	synchronize_net();
	for (i = from; i < to; i++)
		dmn_queue_close(&port->queue[i]);
}

static int dmn_open_queues(struct dmn_port *port, unsigned int from,
			   unsigned int to)
{
	unsigned int i;
	int err;

	for (i = from; i < to; i++) {
		err = dmn_queue_open(&port->queue[i]);
		if (err) {
			dmn_close_queues(port, from, i);
			return err;
		}
	}
	return 0;
}

static int dmn_open(struct net_device *dev)
{
	struct dmn_port *port = netdev_priv(dev);
	int err;

	err = dmn_open_queues(port, 0, dmn_open_count(port));
	if (err)
		return err;
	WRITE_ONCE(port->running, true);
	netif_tx_start_all_queues(dev);
	dmn_queues_await(port);
	dmn_link_update(port);
	return 0;
}

static int dmn_stop(struct net_device *dev)
{
	struct dmn_port *port = netdev_priv(dev);

	WRITE_ONCE(port->running, false);
	dmn_link_stop(port);
	netif_tx_disable(dev);
	dmn_close_queues(port, 0, dmn_open_count(port));
	return 0;
}

/* Change the number of channels; those that stay are not disturbed. */
int dmn_set_queues(struct dmn_port *port, unsigned int rx, unsigned int tx)
{
	unsigned int old_rx = port->queues, old_tx = port->tx_queues;
	unsigned int i, old = dmn_open_count(port), count = max(rx, tx);
	int err;

	if (port->running && count > old) {
		err = dmn_open_queues(port, old, count);
		if (err)
			return err;
	}

	/* Steer no more to those that go; then send no more from them. */
	if (rx < old_rx) {
		WRITE_ONCE(port->queues, rx);
		dmn_rss_spread(port);
	}
	err = netif_set_real_num_queues(port->dev, tx, rx);
	if (err) {
		WRITE_ONCE(port->queues, old_rx);
		dmn_rss_spread(port);
		if (port->running && count > old)
			dmn_close_queues(port, old, count);
		return err;
	}
	port->tx_queues = tx;
	if (port->running && count < old)
		dmn_close_queues(port, count, old);
	if (rx > old_rx) {
		WRITE_ONCE(port->queues, rx);
		dmn_rss_spread(port);
	}

	for (i = old_tx; port->running && i < tx; i++)
		netif_tx_wake_queue(netdev_get_tx_queue(port->dev, i));
	return 0;
}

/* Give every queue new page pools, after a change of how they are made. */
int dmn_rebuild(struct dmn_port *port)
{
	unsigned int i, count = dmn_open_count(port);
	struct netdev_queue_config qcfg;
	struct dmn_rx *fresh;
	int err = 0;

	if (!port->running)
		return 0;

	fresh = kcalloc(count, sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	for (i = 0; i < count && !err; i++) {
		netdev_queue_config(port->dev, i, &qcfg);
		err = dmn_rx_alloc(port, i, qcfg.rx_page_size, &fresh[i]);
	}
	/* Nothing can fail from here; what is left in fresh is to be freed. */
	for (i = 0; i < count; i++) {
		if (!err)
			dmn_queue_replace(&port->queue[i], &fresh[i]);
		dmn_rx_free(&fresh[i]);
	}
	kfree(fresh);
	dmn_queues_await(port);
	if (!err) {
		atomic_inc(&dmn_ring_recreations);
		dmn_link_flap(port);
	}
	return err;
}

static netdev_features_t dmn_fix_features(struct net_device *dev,
					  netdev_features_t features)
{
	struct dmn_port *port = netdev_priv(dev);

	if (dmn_quirks.ntuple == DMN_NTUPLE_REFUSED)
		features &= ~NETIF_F_NTUPLE;
	if (dmn_quirks.gro_hw_refused || rcu_access_pointer(port->xdp))
		features &= ~NETIF_F_GRO_HW;
	else if (dmn_quirks.split_needs_gro_hw &&
		 port->split_asked == ETHTOOL_TCP_DATA_SPLIT_ENABLED)
		features |= NETIF_F_GRO_HW;
	return features;
}

static int dmn_set_features(struct net_device *dev, netdev_features_t features)
{
	netdev_features_t changed = features ^ dev->features;
	struct dmn_port *port = netdev_priv(dev);

	if (!(features & NETIF_F_NTUPLE) && dmn_quirks.ntuple != DMN_NTUPLE_ARFS)
		dmn_flush_rules(port);
	if (changed & NETIF_F_NTUPLE && dmn_quirks.ntuple == DMN_NTUPLE_PERMIT)
		return dmn_rebuild(port);
	/* Where the split is hardware GRO's, it comes and goes with that. */
	if (changed & NETIF_F_GRO_HW)
		return dmn_set_split(port, features & NETIF_F_GRO_HW, true);
	return 0;
}

/*
 * What the device cannot find its way in, it cannot cut into frames, nor what
 * would need more fragments for one than it has.
 */
static netdev_features_t dmn_features_check(struct sk_buff *skb,
					    struct net_device *dev,
					    netdev_features_t features)
{
	struct dmn_flow flow;

	if (skb_is_gso(skb)) {
		dmn_parse(skb, &flow);
		if (!flow.payload || !dmn_few_frags(skb, flow.payload))
			features &= ~NETIF_F_GSO_MASK;
	}
	return features;
}

static int dmn_change_mtu(struct net_device *dev, int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static struct net_device_ops dmn_netdev_ops = {
	.ndo_open		= dmn_open,
	.ndo_stop		= dmn_stop,
	.ndo_start_xmit		= dmn_xmit,
	.ndo_features_check	= dmn_features_check,
	.ndo_change_mtu		= dmn_change_mtu,
	.ndo_fix_features	= dmn_fix_features,
	.ndo_set_features	= dmn_set_features,
	.ndo_get_stats64	= dmn_get_stats64,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_bpf		= dmn_bpf,
};

/* Without XDP of its own, a device has the kernel's. */
const struct net_device_ops *dmn_netdev_init(void)
{
	if (!dmn_quirks.xdp)
		dmn_netdev_ops.ndo_bpf = NULL;
	return &dmn_netdev_ops;
}
