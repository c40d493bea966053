// SPDX-License-Identifier: GPL-2.0-only
/* A port as the stack sees it: up and down, its queues, its features. */
#include <linux/bpf.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <net/netdev_queues.h>

#include "dmnic.h"

static unsigned int ring_recreations;
module_param(ring_recreations, uint, 0444);
MODULE_PARM_DESC(ring_recreations, "how often a port has made its rings anew (read only)");

static void dmn_carrier_return(struct work_struct *work)
{
	struct dmn_port *port =
		container_of(work, struct dmn_port, carrier.work);

	if (READ_ONCE(port->running) && READ_ONCE(port->peer->running))
		netif_carrier_on(port->dev);
}

void dmn_carrier_init(struct dmn_port *port)
{
	INIT_DELAYED_WORK(&port->carrier, dmn_carrier_return);
}

/* The link of a card that made its rings anew is back only after a time. */
void dmn_carrier_blink(struct dmn_port *port)
{
	if (!dmn_quirks.carrier_ms || !port->running)
		return;
	netif_carrier_off(port->dev);
	mod_delayed_work(system_wq, &port->carrier,
			 msecs_to_jiffies(dmn_quirks.carrier_ms));
}

static void dmn_link_update(struct dmn_port *port)
{
	if (port->running && port->peer->running) {
		netif_carrier_on(port->dev);
		netif_carrier_on(port->peer->dev);
	} else {
		netif_carrier_off(port->dev);
		netif_carrier_off(port->peer->dev);
	}
}

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

	err = dmn_open_queues(port, 0, port->queues);
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
	cancel_delayed_work_sync(&port->carrier);
	dmn_link_update(port);
	netif_tx_disable(dev);
	dmn_close_queues(port, 0, port->queues);
	return 0;
}

/* Change the number of channels; those that stay are not disturbed. */
int dmn_set_queues(struct dmn_port *port, unsigned int count)
{
	unsigned int i, old = port->queues;
	int err;

	if (port->running && count > old) {
		err = dmn_open_queues(port, old, count);
		if (err)
			return err;
	}

	/* Steer no more to those that go; then send no more from them. */
	if (count < old) {
		WRITE_ONCE(port->queues, count);
		dmn_rss_spread(port);
	}
	err = netif_set_real_num_queues(port->dev, count, count);
	if (err) {
		WRITE_ONCE(port->queues, old);
		dmn_rss_spread(port);
		if (port->running && count > old)
			dmn_close_queues(port, old, count);
		return err;
	}
	if (port->running && count < old)
		dmn_close_queues(port, count, old);
	if (count > old) {
		WRITE_ONCE(port->queues, count);
		dmn_rss_spread(port);
	}

	for (i = old; port->running && i < count; i++)
		netif_tx_wake_queue(netdev_get_tx_queue(port->dev, i));
	return 0;
}

/* Give every queue new page pools, after a change of how they are made. */
int dmn_rebuild(struct dmn_port *port)
{
	struct netdev_queue_config qcfg;
	struct dmn_rx *fresh;
	unsigned int i;
	int err = 0;

	if (!port->running)
		return 0;

	fresh = kcalloc(port->queues, sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	for (i = 0; i < port->queues && !err; i++) {
		netdev_queue_config(port->dev, i, &qcfg);
		err = dmn_rx_alloc(port, i, qcfg.rx_page_size, &fresh[i]);
	}
	/* Nothing can fail from here; what is left in fresh is to be freed. */
	for (i = 0; i < port->queues; i++) {
		if (!err)
			dmn_queue_replace(&port->queue[i], &fresh[i]);
		dmn_rx_free(&fresh[i]);
	}
	kfree(fresh);
	dmn_queues_await(port);
	return err;
}

/* The same, where it is what a driver does that was asked to change its rings. */
int dmn_recreate_rings(struct dmn_port *port)
{
	int err;

	if (!port->running)
		return 0;
	err = dmn_rebuild(port);
	if (err)
		return err;
	ring_recreations++;
	dmn_carrier_blink(port);
	return 0;
}

static netdev_features_t dmn_fix_features(struct net_device *dev,
					  netdev_features_t features)
{
	struct dmn_port *port = netdev_priv(dev);

	if (dmn_quirks.gro_hw_refused)
		features &= ~NETIF_F_GRO_HW;
	else if (dmn_quirks.split_needs_gro_hw && port->split)
		features |= NETIF_F_GRO_HW;
	return features;
}

static int dmn_set_features(struct net_device *dev, netdev_features_t features)
{
	struct dmn_port *port = netdev_priv(dev);
	int err;

	if ((features ^ dev->features) & NETIF_F_GRO_HW) {
		err = dmn_recreate_rings(port);
		if (err)
			return err;
	}
	if (!(features & NETIF_F_NTUPLE) && dmn_quirks.ntuple != DMN_NTUPLE_ARFS)
		dmn_flush_rules(port);
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

/*
 * A program is kept, and the frames do not go through it: whether one may be
 * attached is what the configured split decides in the core, and what shows it.
 */
static int dmn_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	struct dmn_port *port = netdev_priv(dev);
	struct bpf_prog *old;

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	old = port->xdp;
	port->xdp = bpf->prog;
	if (old)
		bpf_prog_put(old);
	return 0;
}

const struct net_device_ops dmn_netdev_ops = {
	.ndo_bpf		= dmn_bpf,
	.ndo_fix_features	= dmn_fix_features,
	.ndo_open		= dmn_open,
	.ndo_stop		= dmn_stop,
	.ndo_start_xmit		= dmn_xmit,
	.ndo_features_check	= dmn_features_check,
	.ndo_change_mtu		= dmn_change_mtu,
	.ndo_set_features	= dmn_set_features,
	.ndo_get_stats64	= dmn_get_stats64,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
};
