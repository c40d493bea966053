// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: their life, their interrupt, and the exchange of their receive
 * memory, which is how the core binds a dma-buf.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <net/netdev_queues.h>

#include "dmnic.h"

/* Runs on the channel's CPU with interrupts off. */
static void dmn_irq(void *data)
{
	struct dmn_queue *q = data;

	__napi_schedule_irqoff(&q->napi);
}

/*
 * Notify the channel of work; with bottom halves disabled. While its
 * NAPI is scheduled or disabled the interrupt is masked: the former looks for
 * work once more before it ends, for the latter dmn_queue_start() asks again.
 */
void dmn_interrupt(struct dmn_queue *q)
{
	if (!napi_schedule_prep(&q->napi))
		return;
	/* Fails if that CPU is offline: any will do. */
	if (smp_call_function_single_async(q->cpu, &q->irq))
		__napi_schedule(&q->napi);
}

static void dmn_interrupt_all(struct dmn_queue *q)
{
	local_bh_disable();
	dmn_interrupt(q);
	dmn_resume_senders(q);
	local_bh_enable();
}

void dmn_queue_init(struct dmn_port *port, unsigned int index)
{
	struct dmn_queue *q = &port->queue[index];

	q->port = port;
	q->index = index;
	q->cpu = cpumask_local_spread(index, NUMA_NO_NODE);
	INIT_CSD(&q->irq, dmn_irq, q);
	skb_queue_head_init(&q->tx);
	skb_queue_head_init(&q->wire);
	u64_stats_init(&q->rx_stats.sync);
	u64_stats_init(&q->tx_stats.sync);
}

static void dmn_queue_start(struct dmn_queue *q, struct dmn_rx *rx)
{
	q->rx = *rx;
	memset(rx, 0, sizeof(*rx));
	if (!dmn_rx_post(&q->rx))
		netdev_warn(q->port->dev, "queue %u starts with too few buffers\n",
			    q->index);
	page_pool_enable_direct_recycling(q->rx.payload.pool, &q->napi);
	page_pool_enable_direct_recycling(q->rx.plain.pool, &q->napi);
	napi_enable_locked(&q->napi);
	dmn_interrupt_all(q);
}

static void dmn_queue_stop(struct dmn_queue *q, struct dmn_rx *rx)
{
	napi_disable_locked(&q->napi);
	/* The pools may outlive this and must not look at the NAPI again. */
	page_pool_disable_direct_recycling(q->rx.payload.pool);
	page_pool_disable_direct_recycling(q->rx.plain.pool);
	*rx = q->rx;
	memset(&q->rx, 0, sizeof(q->rx));
}

/* Exchange receive memory: @fresh is empty when this returns. */
void dmn_queue_replace(struct dmn_queue *q, struct dmn_rx *fresh)
{
	struct dmn_rx old;

	dmn_queue_stop(q, &old);
	/* What the old had posted, the new may need. */
	dmn_rx_free(&old);
	dmn_stats_restart(q, true);
	dmn_queue_start(q, fresh);
}

/*
 * Some drivers do not go on before every queue has its buffers, or a time is
 * over; it is one time for all queues, from the start.
 */
void dmn_queues_await(struct dmn_port *port)
{
	unsigned long end = jiffies + msecs_to_jiffies(dmn_quirks.prefill_wait_ms);
	struct dmn_queue *q;
	unsigned int i;

	if (!dmn_quirks.prefill_wait_ms)
		return;
	for (i = 0; i < port->queues; i++) {
		q = &port->queue[i];
		while (q->up && !dmn_rx_posted(&q->rx)) {
			if (time_after(jiffies, end)) {
				netdev_warn(port->dev, "queue %u still has too few buffers\n",
					    i);
				break;
			}
			msleep(20);
			dmn_interrupt_all(q);
		}
	}
}

int dmn_queue_open(struct dmn_queue *q)
{
	struct net_device *dev = q->port->dev;
	struct netdev_queue_config qcfg;
	struct dmn_rx rx = {};
	int err;

	netdev_queue_config(dev, q->index, &qcfg);
	err = dmn_rx_alloc(q->port, q->index, qcfg.rx_page_size, &rx);
	if (err)
		return err;

	/* Its id is the same after each restart: the list is in their order. */
	netif_napi_add_config_locked(dev, &q->napi, dmn_poll, q->index);
	netif_queue_set_napi(dev, q->index, NETDEV_QUEUE_TYPE_RX, &q->napi);
	netif_queue_set_napi(dev, q->index, NETDEV_QUEUE_TYPE_TX, &q->napi);
	dmn_stats_restart(q, true);
	/* A reader that sees it up sees a valid NAPI. */
	smp_store_release(&q->up, true);
	dmn_queue_start(q, &rx);
	return 0;
}

/* The caller has marked it down and waited for those who did not see that. */
void dmn_queue_close(struct dmn_queue *q)
{
	struct net_device *dev = q->port->dev;
	struct dmn_rx rx;

	dmn_queue_stop(q, &rx);
	netif_queue_set_napi(dev, q->index, NETDEV_QUEUE_TYPE_RX, NULL);
	netif_queue_set_napi(dev, q->index, NETDEV_QUEUE_TYPE_TX, NULL);
	netif_napi_del_locked(&q->napi);
	dmn_rx_free(&rx);
	skb_queue_purge(&q->wire);
	skb_queue_purge(&q->tx);
	netdev_tx_reset_queue(netdev_get_tx_queue(dev, q->index));

	local_bh_disable();
	dmn_resume_senders(q);
	local_bh_enable();
}

static int dmn_mem_alloc(struct net_device *dev,
			 struct netdev_queue_config *qcfg, void *mem, int index)
{
	return dmn_rx_alloc(netdev_priv(dev), index, qcfg->rx_page_size, mem);
}

static void dmn_mem_free(struct net_device *dev, void *mem)
{
	dmn_rx_free(mem);
}

/*
 * Linux 6.12 restarts the queues of an interface that is down, too, where it
 * loses its binding.
 */
static int dmn_mem_start(struct net_device *dev,
			 struct netdev_queue_config *qcfg, void *mem, int index)
{
	struct dmn_port *port = netdev_priv(dev);
	struct dmn_queue *q = &port->queue[index];

	if (!q->up) {
		dmn_rx_free(mem);
		return 0;
	}
	dmn_stats_restart(q, false);
	dmn_queue_start(q, mem);
	dmn_queues_await(port);
	atomic_inc(&dmn_queue_restarts);
	dmn_link_blink(port);
	return 0;
}

static int dmn_mem_stop(struct net_device *dev, void *mem, int index)
{
	struct dmn_port *port = netdev_priv(dev);

	if (dmn_quirks.fixed_queue0 && !index)
		return -ERANGE;
	if (!port->queue[index].up) {
		memset(mem, 0, sizeof(struct dmn_rx));
		return 0;
	}
	dmn_queue_stop(&port->queue[index], mem);
	dmn_link_blink(port);
	return 0;
}

#if DMN_HAS_QUEUE_CONFIG
static void dmn_default_config(struct net_device *dev,
			       struct netdev_queue_config *qcfg)
{
	qcfg->rx_page_size = PAGE_SIZE;
}

static int dmn_validate_config(struct net_device *dev,
			       struct netdev_queue_config *qcfg,
			       struct netlink_ext_ack *extack)
{
	unsigned int max = min(dmn_quirks.page_size_max, DMN_MAX_PAGE_SIZE);

	if (is_power_of_2(qcfg->rx_page_size) &&
	    qcfg->rx_page_size >= PAGE_SIZE &&
	    qcfg->rx_page_size <= max(max, PAGE_SIZE))
		return 0;
	if (dmn_quirks.page_size_erange)
		return -ERANGE;
	NL_SET_ERR_MSG(extack, "rx-page-size is not supported");
	return -EINVAL;
}
#else
static int dmn_mem_alloc_plain(struct net_device *dev, void *mem, int index)
{
	struct netdev_queue_config qcfg = { .rx_page_size = PAGE_SIZE };

	return dmn_mem_alloc(dev, &qcfg, mem, index);
}

static int dmn_mem_start_plain(struct net_device *dev, void *mem, int index)
{
	return dmn_mem_start(dev, NULL, mem, index);
}
#endif

#if DMN_HAS_QUEUE_DMA_DEV
static struct device *dmn_get_dma_dev(struct net_device *dev, int index)
{
	return dmn_dma_dev(netdev_priv(dev), index);
}
#endif

static struct netdev_queue_mgmt_ops dmn_queue_mgmt_ops = {
	.ndo_queue_mem_size	= sizeof(struct dmn_rx),
	.ndo_queue_mem_free	= dmn_mem_free,
	.ndo_queue_stop		= dmn_mem_stop,
#if DMN_HAS_QUEUE_CONFIG
	.ndo_queue_mem_alloc	= dmn_mem_alloc,
	.ndo_queue_start	= dmn_mem_start,
	.ndo_default_qcfg	= dmn_default_config,
	.ndo_validate_qcfg	= dmn_validate_config,
	.supported_params	= QCFG_RX_PAGE_SIZE,
#else
	.ndo_queue_mem_alloc	= dmn_mem_alloc_plain,
	.ndo_queue_start	= dmn_mem_start_plain,
#endif
};

/* A card that cannot restart a queue says so by what is missing here. */
static const struct netdev_queue_mgmt_ops dmn_no_queue_mgmt_ops = {
#if DMN_HAS_QUEUE_CONFIG
	.ndo_default_qcfg	= dmn_default_config,
#endif
};

/* The operations of a card with the quirks that were asked for. */
const struct netdev_queue_mgmt_ops *dmn_queue_init_ops(void)
{
	struct netdev_queue_mgmt_ops *ops = &dmn_queue_mgmt_ops;

	if (dmn_quirks.no_queue_ops)
		return &dmn_no_queue_mgmt_ops;
#if DMN_HAS_QUEUE_CONFIG
	if (dmn_quirks.no_rx_page_size) {
		ops->ndo_validate_qcfg = NULL;
		ops->supported_params = 0;
	}
#endif
#if DMN_HAS_QUEUE_DMA_DEV
	if (dmn_quirks.two_functions)
		ops->ndo_queue_get_dma_dev = dmn_get_dma_dev;
#endif
	return ops;
}
