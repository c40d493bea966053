// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `ethtool -S` prints: a few counters of each driver, by its names, and
 * none of a driver that has no counters of its own.
 */
#include <linux/ethtool.h>

#include "dmnic.h"

enum dmn_count {
	DMN_COUNT_PACKETS,
	DMN_COUNT_DROPS,	/* seen by the card only */
	DMN_COUNT_NO_MEMORY,
	DMN_COUNT_LOST,		/* both */
	DMN_COUNT_TX_DROPS,
};

struct dmn_counter {
	const char *name;	/* with a place for the queue's number */
	enum dmn_count count;
	bool of_queue;		/* one for each; else one for all together */
};

/* mellanox/mlx5/core/en_stats.c */
static const struct dmn_counter dmn_counters_mlx5[] = {
	{ "rx_out_of_buffer", DMN_COUNT_NO_MEMORY },
	{ "rx_discards_phy", DMN_COUNT_DROPS },
	{ "rx%u_packets", DMN_COUNT_PACKETS, true },
	{ "rx%u_buff_alloc_err", DMN_COUNT_NO_MEMORY, true },
	{}
};

/* broadcom/bnxt/bnxt_ethtool.c */
static const struct dmn_counter dmn_counters_bnxt[] = {
	{ "[%u]: rx_ucast_packets", DMN_COUNT_PACKETS, true },
	{ "[%u]: rx_discards", DMN_COUNT_DROPS, true },
	{ "[%u]: tx_discards", DMN_COUNT_TX_DROPS, true },
	{ "rx_total_oom_discards", DMN_COUNT_NO_MEMORY },
	{ "rx_total_ring_discards", DMN_COUNT_DROPS },
	{}
};

/* meta/fbnic/fbnic_ethtool.c */
static const struct dmn_counter dmn_counters_fbnic[] = {
	{ "rxb_fifo0_dropped_frames", DMN_COUNT_DROPS },
	{ "rde_%u_pkt_bdq_drop", DMN_COUNT_NO_MEMORY, true },
	{}
};

/* google/gve/gve_ethtool.c */
static const struct dmn_counter dmn_counters_gve[] = {
	{ "rx_packets", DMN_COUNT_PACKETS },
	{ "rx_dropped", DMN_COUNT_LOST },
	{ "tx_dropped", DMN_COUNT_TX_DROPS },
	{ "rx_buf_alloc_fail", DMN_COUNT_NO_MEMORY },
	{ "rx_queue_drop_cnt[%u]", DMN_COUNT_DROPS, true },
	{ "rx_no_buffers_posted[%u]", DMN_COUNT_NO_MEMORY, true },
	{}
};

static const struct dmn_counter *const dmn_counters[] = {
	[DMN_COUNTERS_MLX5]	= dmn_counters_mlx5,
	[DMN_COUNTERS_BNXT]	= dmn_counters_bnxt,
	[DMN_COUNTERS_FBNIC]	= dmn_counters_fbnic,
	[DMN_COUNTERS_GVE]	= dmn_counters_gve,
};

/* The card's; NULL: it has none. */
static const struct dmn_counter *dmn_own_counters(void)
{
	unsigned int kind = dmn_quirks.counters;

	return kind < ARRAY_SIZE(dmn_counters) ? dmn_counters[kind] : NULL;
}

int dmn_count_counters(const struct dmn_port *port)
{
	const struct dmn_counter *c = dmn_own_counters();
	int n = 0;

	for (; c && c->name; c++)
		n += c->of_queue ? port->queues : 1;
	return n ?: -EOPNOTSUPP;
}

/* As drivers do, queue by queue where several counters are of queues. */
static void dmn_each_counter(struct dmn_port *port,
			     void (*call)(struct dmn_port *port,
					  const struct dmn_counter *c,
					  unsigned int queue, void *data),
			     void *data)
{
	const struct dmn_counter *c = dmn_own_counters(), *first;
	unsigned int i;

	while (c && c->name) {
		if (!c->of_queue) {
			call(port, c++, 0, data);
			continue;
		}
		first = c;
		for (i = 0; i < port->queues; i++)
			for (c = first; c->name && c->of_queue; c++)
				call(port, c, i, data);
	}
}

static void dmn_put_name(struct dmn_port *port, const struct dmn_counter *c,
			 unsigned int queue, void *data)
{
	if (c->of_queue)
		ethtool_sprintf(data, c->name, queue);
	else
		ethtool_puts(data, c->name);
}

void dmn_name_counters(struct dmn_port *port, u8 *data)
{
	dmn_each_counter(port, dmn_put_name, &data);
}

static u64 dmn_counted(struct dmn_queue *q, enum dmn_count count)
{
	struct netdev_queue_stats_rx rx;
	struct netdev_queue_stats_tx tx;

	dmn_show_rx(q, &rx);
	switch (count) {
	case DMN_COUNT_PACKETS:
		return rx.packets;
	case DMN_COUNT_DROPS:
		return rx.hw_drops;
	case DMN_COUNT_NO_MEMORY:
		return rx.alloc_fail;
	case DMN_COUNT_LOST:
		return rx.hw_drops + rx.alloc_fail;
	case DMN_COUNT_TX_DROPS:
		dmn_show_tx(q, &tx);
		return tx.hw_drops;
	}
	return 0;
}

static void dmn_put_value(struct dmn_port *port, const struct dmn_counter *c,
			  unsigned int queue, void *data)
{
	u64 **value = data, sum = 0;
	unsigned int i;

	if (c->of_queue)
		sum = dmn_counted(&port->queue[queue], c->count);
	for (i = 0; !c->of_queue && i < port->max_queues; i++)
		sum += dmn_counted(&port->queue[i], c->count);
	*(*value)++ = sum;
}

void dmn_get_counters(struct net_device *dev, struct ethtool_stats *stats,
		      u64 *data)
{
	dmn_each_counter(netdev_priv(dev), dmn_put_value, &data);
}
