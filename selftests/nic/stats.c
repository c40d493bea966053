// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters: those of the queues as they count, and as the stack is shown them,
 * which can be late (counters_late_ms): as the card writes them now and then.
 */
#include <linux/if_link.h>
#include <net/netdev_queues.h>

#include "dmnic.h"

static void dmn_count_rx(struct dmn_queue *q, struct netdev_queue_stats_rx *s)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&q->rx_stats.sync);
		s->packets = u64_stats_read(&q->rx_stats.packets);
		s->bytes = u64_stats_read(&q->rx_stats.bytes);
		s->hw_drops = u64_stats_read(&q->rx_stats.drops);
		s->alloc_fail = u64_stats_read(&q->rx_stats.alloc_fail);
	} while (u64_stats_fetch_retry(&q->rx_stats.sync, start));
}

static void dmn_count_tx(struct dmn_queue *q, struct netdev_queue_stats_tx *s)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&q->tx_stats.sync);
		s->packets = u64_stats_read(&q->tx_stats.packets);
		s->bytes = u64_stats_read(&q->tx_stats.bytes);
		s->hw_drops = u64_stats_read(&q->tx_stats.drops);
	} while (u64_stats_fetch_retry(&q->tx_stats.sync, start));
}

/* The card writes its counters to the host's memory. */
static void dmn_write_stats(struct work_struct *work)
{
	struct dmn_port *port = container_of(work, struct dmn_port,
					     stats_work.work);
	struct netdev_queue_stats_rx rx;
	struct netdev_queue_stats_tx tx;
	unsigned int i;

	for (i = 0; i < port->max_queues; i++) {
		dmn_count_rx(&port->queue[i], &rx);
		dmn_count_tx(&port->queue[i], &tx);
		spin_lock_bh(&port->stats_lock);
		port->queue[i].shown_rx = rx;
		port->queue[i].shown_tx = tx;
		spin_unlock_bh(&port->stats_lock);
	}
	schedule_delayed_work(&port->stats_work,
			      msecs_to_jiffies(dmn_quirks.counters_late_ms));
}

void dmn_stats_init(struct dmn_port *port)
{
	spin_lock_init(&port->stats_lock);
	INIT_DELAYED_WORK(&port->stats_work, dmn_write_stats);
	if (dmn_quirks.counters_late_ms)
		schedule_delayed_work(&port->stats_work, 0);
}

void dmn_stats_free(struct dmn_port *port)
{
	cancel_delayed_work_sync(&port->stats_work);
}

/* The counters belong to the rings, and those are new; NAPI is disabled. */
void dmn_stats_restart(struct dmn_queue *q, bool with_tx)
{
	if (!dmn_quirks.counters_restart)
		return;
	u64_stats_update_begin(&q->rx_stats.sync);
	u64_stats_set(&q->rx_stats.packets, 0);
	u64_stats_set(&q->rx_stats.bytes, 0);
	u64_stats_set(&q->rx_stats.drops, 0);
	u64_stats_set(&q->rx_stats.alloc_fail, 0);
	u64_stats_update_end(&q->rx_stats.sync);
	if (!with_tx)
		return;
	u64_stats_update_begin(&q->tx_stats.sync);
	u64_stats_set(&q->tx_stats.packets, 0);
	u64_stats_set(&q->tx_stats.bytes, 0);
	u64_stats_set(&q->tx_stats.drops, 0);
	u64_stats_update_end(&q->tx_stats.sync);
}

void dmn_show_rx(struct dmn_queue *q, struct netdev_queue_stats_rx *s)
{
	if (!dmn_quirks.counters_late_ms) {
		dmn_count_rx(q, s);
		return;
	}
	spin_lock_bh(&q->port->stats_lock);
	*s = q->shown_rx;
	spin_unlock_bh(&q->port->stats_lock);
}

void dmn_show_tx(struct dmn_queue *q, struct netdev_queue_stats_tx *s)
{
	if (!dmn_quirks.counters_late_ms) {
		dmn_count_tx(q, s);
		return;
	}
	spin_lock_bh(&q->port->stats_lock);
	*s = q->shown_tx;
	spin_unlock_bh(&q->port->stats_lock);
}

static void dmn_get_queue_stats_rx(struct net_device *dev, int index,
				   struct netdev_queue_stats_rx *stats)
{
	struct dmn_port *port = netdev_priv(dev);
	struct netdev_queue_stats_rx shown;

	/* The core takes a field that is left alone for one not counted. */
	dmn_show_rx(&port->queue[index], &shown);
	stats->packets = shown.packets;
	stats->bytes = shown.bytes;
	stats->alloc_fail = shown.alloc_fail;
	if (!dmn_quirks.no_hw_drops)
		stats->hw_drops = shown.hw_drops;
}

static void dmn_get_queue_stats_tx(struct net_device *dev, int index,
				   struct netdev_queue_stats_tx *stats)
{
	struct dmn_port *port = netdev_priv(dev);
	struct netdev_queue_stats_tx shown;

	dmn_show_tx(&port->queue[index], &shown);
	stats->packets = shown.packets;
	stats->bytes = shown.bytes;
	if (!dmn_quirks.no_hw_drops)
		stats->hw_drops = shown.hw_drops;
}

/* What the channels that are not in use now counted when they were. */
static void dmn_get_base_stats(struct net_device *dev,
			       struct netdev_queue_stats_rx *rx,
			       struct netdev_queue_stats_tx *tx)
{
	struct dmn_port *port = netdev_priv(dev);
	struct netdev_queue_stats_rx rxq;
	struct netdev_queue_stats_tx txq;
	unsigned int i;

	rx->packets = 0;
	rx->bytes = 0;
	rx->alloc_fail = 0;
	tx->packets = 0;
	tx->bytes = 0;
	if (!dmn_quirks.no_hw_drops) {
		rx->hw_drops = 0;
		tx->hw_drops = 0;
	}
	for (i = port->queues; i < port->max_queues; i++) {
		dmn_show_rx(&port->queue[i], &rxq);
		dmn_show_tx(&port->queue[i], &txq);
		rx->packets += rxq.packets;
		rx->bytes += rxq.bytes;
		rx->alloc_fail += rxq.alloc_fail;
		tx->packets += txq.packets;
		tx->bytes += txq.bytes;
		if (!dmn_quirks.no_hw_drops) {
			rx->hw_drops += rxq.hw_drops;
			tx->hw_drops += txq.hw_drops;
		}
	}
}

const struct netdev_stat_ops dmn_stat_ops = {
	.get_queue_stats_rx	= dmn_get_queue_stats_rx,
	.get_queue_stats_tx	= dmn_get_queue_stats_tx,
	.get_base_stats		= dmn_get_base_stats,
};

/* The interface's totals. */
void dmn_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	struct dmn_port *port = netdev_priv(dev);
	struct netdev_queue_stats_rx rx;
	struct netdev_queue_stats_tx tx;
	unsigned int i;

	for (i = 0; i < port->max_queues; i++) {
		dmn_show_rx(&port->queue[i], &rx);
		dmn_show_tx(&port->queue[i], &tx);
		stats->rx_packets += rx.packets;
		stats->rx_bytes += rx.bytes;
		stats->rx_dropped += rx.hw_drops;
		stats->tx_packets += tx.packets;
		stats->tx_bytes += tx.bytes;
		stats->tx_dropped += tx.hw_drops;
	}
}
