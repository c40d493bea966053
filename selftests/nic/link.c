// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link: up while both ports are. A card that re-creates its rings may lose
 * it for a while; the request that was the cause does not wait for it.
 */
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "dmnic.h"

atomic_t dmn_ring_recreations, dmn_queue_restarts;

module_param_named(ring_recreations, dmn_ring_recreations.counter, int, 0444);
MODULE_PARM_DESC(ring_recreations, "how often all rings of a port were re-created (read only)");

module_param_named(queue_restarts, dmn_queue_restarts.counter, int, 0444);
MODULE_PARM_DESC(queue_restarts, "how often single queues were restarted (read only)");

/* Of what two ports and their work say, the last word is the right one. */
static DEFINE_SPINLOCK(dmn_link_lock);

static void dmn_link_set(struct dmn_port *port)
{
	if (READ_ONCE(port->running) && READ_ONCE(port->peer->running) &&
	    !READ_ONCE(port->link_lost))
		netif_carrier_on(port->dev);
	else
		netif_carrier_off(port->dev);
}

void dmn_link_update(struct dmn_port *port)
{
	spin_lock_bh(&dmn_link_lock);
	dmn_link_set(port);
	dmn_link_set(port->peer);
	spin_unlock_bh(&dmn_link_lock);
}

static void dmn_link_lose(struct dmn_port *port, bool lost)
{
	WRITE_ONCE(port->link_lost, lost);
	dmn_link_update(port);
}

static void dmn_link_back(struct work_struct *work)
{
	dmn_link_lose(container_of(to_delayed_work(work), struct dmn_port,
				   link_work), false);
}

void dmn_link_init(struct dmn_port *port)
{
	INIT_DELAYED_WORK(&port->link_work, dmn_link_back);
}

/* The port goes down: nothing will bring its link back. */
void dmn_link_stop(struct dmn_port *port)
{
	cancel_delayed_work_sync(&port->link_work);
	dmn_link_lose(port, false);
}

/* All rings are new: the link is lost, and comes back by itself. */
void dmn_link_flap(struct dmn_port *port)
{
	if (!dmn_quirks.carrier_ms || !port->running)
		return;
	cancel_delayed_work_sync(&port->link_work);
	dmn_link_lose(port, true);
	schedule_delayed_work(&port->link_work,
			      msecs_to_jiffies(dmn_quirks.carrier_ms));
}

/* A queue stops or starts: the link is lost, and back in the same call. */
void dmn_link_blink(struct dmn_port *port)
{
	if (!dmn_quirks.carrier_queue || !port->running)
		return;
	dmn_link_lose(port, true);
	dmn_link_lose(port, false);
}
