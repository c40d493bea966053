// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmnic: a NIC in software that really receives into and transmits from
 * device memory, for testing device memory TCP without such hardware.
 *
 * A platform device with a 64-bit DMA mask stands for the card, and stays when
 * the module goes, as a card would. It has two ports, the netdevs dmnic0 and
 * dmnic1, joined by a cable: what one sends, the other receives, and the link is
 * up while both are. Without an IOMMU a DMA address is a physical address, so
 * the "device" moves data by taking a DMA address, finding the page and copying
 * (dmn_dma()). It never asks what kind of memory that is, which is why a dma-buf
 * bound to a queue works like any other memory, as long as its pages are in the
 * kernel's memory map.
 *
 * A port has channels. Each is a receive queue, a transmit queue, a NAPI
 * instance and an interrupt: a function call on the CPU that the channel is
 * tied to. A frame travels like this:
 *
 *   dmn_xmit()     the stack posts an skb to a bounded ring (sk_buff_head tx)
 *   dmn_tx_poll()  the sending NIC reads it, cuts it into frames of the MTU,
 *                  fills in checksums, and puts the frames on the wire; the
 *                  receiving NIC's rules and RSS say which queue gets them.
 *                  The skb is complete when its last frame is on the wire.
 *   wire           a bounded ring per receive queue. The cable has flow
 *                  control: a full ring pauses the sender, nothing is lost.
 *   dmn_poll()     the receiving NIC writes the frame to memory of its page
 *                  pools and hands it to GRO. An empty pool loses the frame.
 *
 * Each receive queue has two page pools. With header split on, TCP payload
 * goes to a pool that accepts unreadable memory; headers, and every frame that
 * is not TCP data, go to one that does not. Binding device memory to a queue
 * replaces just that pair (queue.c); the wire keeps what arrives meanwhile.
 */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/rtnetlink.h>

#include "dmnic.h"

static unsigned int queues = 4;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "channels of each port at load (1 to 16, default 4)");

static unsigned int max_queues = DMN_MAX_QUEUES;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "channels that a port can have (1 to 16, default 16)");

/* The card; its second function is there where two_functions says so. */
static struct platform_device *card, *function;
static struct dmn_port *ports[2];

static void dmn_set_features(struct net_device *dev)
{
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO |
			   NETIF_F_TSO6 | NETIF_F_TSO_ECN | NETIF_F_GSO_UDP_L4 |
			   NETIF_F_RXHASH;
	dev->features = dev->hw_features | NETIF_F_RXCSUM | NETIF_F_HIGHDMA;
	if (dmn_quirks.split_needs_gro_hw)
		dev->hw_features |= NETIF_F_GRO_HW;
	if (dmn_refuse_ntuple)
		return;
	if (dmn_quirks.ntuple != DMN_NTUPLE_FIXED)
		dev->hw_features |= NETIF_F_NTUPLE;
	switch (dmn_quirks.ntuple) {
	case DMN_NTUPLE_OFF:
	case DMN_NTUPLE_ARFS:
	case DMN_NTUPLE_REFUSED:
		break;
	default:
		dev->features |= NETIF_F_NTUPLE;
	}
}

static struct dmn_port *dmn_port_create(void)
{
	struct net_device *dev;
	struct dmn_port *port;
	unsigned int i;

	dev = alloc_etherdev_mqs(sizeof(*port), max_queues, max_queues);
	if (!dev)
		return NULL;

	port = netdev_priv(dev);
	port->dev = dev;
	port->max_queues = max_queues;
	port->queues = queues;
	port->tx_queues = queues;
	port->rx_ring = DMN_RX_RING_DEFAULT;
	port->tx_ring = DMN_TX_RING_DEFAULT;
	port->hds_thresh = dmn_quirks.hds_thresh_default;
	dmn_record_thresh(dev, port->hds_thresh);
	port->rx_buf_len = dmn_quirks.rx_buf_len;
	INIT_LIST_HEAD(&port->rules);
	dmn_link_init(port);
	port->copybreak = dmn_quirks.copybreak;
	for (i = 0; i < max_queues; i++)
		dmn_queue_init(port, i);
	dmn_stats_init(port);
	if (dmn_rss_init(port)) {
		dmn_stats_free(port);
		free_netdev(dev);
		return NULL;
	}

	SET_NETDEV_DEV(dev, &card->dev);
	strscpy(dev->name, "dmnic%d");
	eth_hw_addr_random(dev);
	dev->netdev_ops = dmn_netdev_init();
	dev->ethtool_ops = dmn_ethtool_init();
	dev->queue_mgmt_ops = dmn_queue_init_ops();
	dev->stat_ops = &dmn_stat_ops;
	dev->max_mtu = DMN_MAX_MTU;
	dmn_set_features(dev);
	dmn_enable_netmem_tx(dev);
	netif_carrier_off(dev);
	netif_set_real_num_queues(dev, queues, queues);
	return port;
}

static void dmn_port_free(struct dmn_port *port)
{
	if (!port)
		return;
	dmn_flush_rules(port);
	dmn_stats_free(port);
	dmn_rss_free(port);
	free_netdev(port->dev);
}

/*
 * The attachment of a dma-buf takes no reference of the device that it is mapped
 * for (dma_buf_dynamic_attach()), and a binding can outlive this module: the card
 * is never taken out.
 */
static struct platform_device *dmn_card_get(const char *name)
{
	struct platform_device *found;
	struct device *dev;
	int err;

	dev = bus_find_device_by_name(&platform_bus_type, NULL, name);
	if (dev) {
		found = to_platform_device(dev);
	} else {
		found = platform_device_register_simple(name,
							PLATFORM_DEVID_NONE,
							NULL, 0);
		if (IS_ERR(found))
			return found;
		get_device(&found->dev);
	}
	err = dma_coerce_mask_and_coherent(&found->dev, DMA_BIT_MASK(64));
	if (err) {
		platform_device_put(found);
		return ERR_PTR(err);
	}
	/* A dma-buf may be one piece; the default is 64 KiB a segment. */
	dma_set_max_seg_size(&found->dev, UINT_MAX);
	return found;
}

/* The device that a queue's memory is mapped for. */
struct device *dmn_dma_dev(const struct dmn_port *port, unsigned int index)
{
	return function && index % 2 ? &function->dev : port->dev->dev.parent;
}

static int __init dmn_init(void)
{
	int err;

	err = dmn_quirks_init();
	if (err)
		return err;
	max_queues = clamp(max_queues, 1, DMN_MAX_QUEUES);
	queues = clamp(queues, 1, DMN_MAX_QUEUES);
	max_queues = max(max_queues, queues);

	card = dmn_card_get(KBUILD_MODNAME);
	if (IS_ERR(card))
		return PTR_ERR(card);
	if (dmn_quirks.two_functions) {
		function = dmn_card_get(KBUILD_MODNAME ".second");
		if (IS_ERR(function)) {
			err = PTR_ERR(function);
			function = NULL;
			goto put_card;
		}
	}

	err = -ENOMEM;
	ports[0] = dmn_port_create();
	ports[1] = dmn_port_create();
	if (!ports[0] || !ports[1])
		goto free_ports;
	ports[0]->peer = ports[1];
	ports[1]->peer = ports[0];

	err = register_netdev(ports[0]->dev);
	if (err)
		goto free_ports;
	err = register_netdev(ports[1]->dev);
	if (err)
		goto unregister;
	return 0;

unregister:
	unregister_netdev(ports[0]->dev);
free_ports:
	dmn_port_free(ports[1]);
	dmn_port_free(ports[0]);
put_card:
	platform_device_put(function);
	platform_device_put(card);
	return err;
}

static void __exit dmn_exit(void)
{
	/* Each port may look at the other until both are gone. */
	unregister_netdev(ports[1]->dev);
	unregister_netdev(ports[0]->dev);
	dmn_port_free(ports[1]);
	dmn_port_free(ports[0]);
	platform_device_put(function);
	platform_device_put(card);
}

module_init(dmn_init);
module_exit(dmn_exit);

MODULE_DESCRIPTION("Software NIC with device memory TCP");
MODULE_LICENSE("GPL");
