// SPDX-License-Identifier: GPL-2.0-only
/* Registers, doorbells, interrupts, link and reset. */
#include "device.h"

#include <endian.h>
#include <string.h>
#include <time.h>

/* BAR 0, big endian (gve_register.h) */
enum {
	DEVICE_STATUS = 0x00,
	DRIVER_STATUS = 0x04,
	MAX_TX_QUEUES = 0x08,
	MAX_RX_QUEUES = 0x0c,
	ADMIN_DOORBELL = 0x14,
	ADMIN_EVENT_COUNTER = 0x18,
	ADMIN_BASE_HIGH = 0x20,
	ADMIN_BASE_LOW = 0x24,
};

enum { STATUS_RESET = 1 << 1, STATUS_LINK = 1 << 2, STATUS_IS_RESET = 1 << 4 };
enum { DRIVER_RUN = 1 << 0, DRIVER_RESET = 1 << 1 };

/* BAR 2, little endian, in words. The driver learns these from the device. */
enum { INTERRUPT_DOORBELLS = 0, TX_DOORBELLS = 64, RX_DOORBELLS = 128 };
#define INTERRUPT_ENABLE 1u	/* GVE_ITR_ENABLE_BIT_DQO */

uint64_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static bool is_present(const struct device *device)
{
	return device->bus.socket >= 0;
}

/* A cable has a link where there is a machine at both of its ends. */
static bool has_link(const struct device *device)
{
	return is_present(device) && is_present(device->peer) && !device->faults.link_down &&
		!device->peer->faults.link_down;
}

/* An interrupt is one shot; what comes before it is armed again waits. */
void interrupt(struct device *device, unsigned int vector)
{
	if (!device->vectors[vector].armed) {
		device->vectors[vector].pending = true;
		return;
	}
	device->vectors[vector] = (struct vector){ 0 };
	device->counts.interrupts++;
	vfio_user_interrupt(&device->bus, vector);
}

/* The device's own interrupt cannot be masked. */
static void tell_driver(struct device *device)
{
	if (device->running)
		vfio_user_interrupt(&device->bus, VECTORS - 1);
}

void link_changed(struct device *device)
{
	bool link = has_link(device);

	if (link == device->link)
		return;
	device->link = link;
	tell_driver(device);
}

void device_request_reset(struct device *device)
{
	device->wants_reset = true;
	tell_driver(device);
}

/* What the device steers by until the driver says otherwise: all queues in turn. */
static void reset_rss(struct device *device)
{
	unsigned int i;

	for (i = 0; i < KEY_SIZE; i++)
		device->key[i] = 37 * i + 11;
	steer_key_changed(device);
	for (i = 0; i < TABLE_SIZE; i++)
		device->table[i] = i % device->options->queues;
	device->table_size = TABLE_SIZE;
}

void device_reset(struct device *device)
{
	unsigned int i;

	device->counts.resets++;
	device->running = false;
	device->wants_reset = false;
	device->hanging = false;
	device->admin_done = 0;
	device->statistics = 0;
	reset_rss(device);
	memset(device->rules, 0, sizeof(device->rules));
	memset(device->vectors, 0, sizeof(device->vectors));
	for (i = 0; i < QUEUES; i++) {
		tx_stop(&device->tx[i]);
		device->rx[i].live = false;
	}
}

static uint32_t status(const struct device *device)
{
	return (device->running ? 0 : STATUS_IS_RESET) | (device->wants_reset ? STATUS_RESET : 0) |
		(device->link ? STATUS_LINK : 0);
}

uint32_t register_read(struct device *device, uint32_t offset)
{
	switch (offset) {
	case DEVICE_STATUS:
		return htobe32(status(device));
	case MAX_TX_QUEUES:
	case MAX_RX_QUEUES:
		return htobe32(QUEUES);
	case ADMIN_EVENT_COUNTER:
		return htobe32(device->admin_done);
	default:
		return 0;
	}
}

void register_write(struct device *device, uint32_t offset, uint32_t value)
{
	const uint64_t low = 0xffffffff;

	value = be32toh(value);
	switch (offset) {
	case DRIVER_STATUS:
		if (value & DRIVER_RESET)
			device_reset(device);
		else if (value & DRIVER_RUN)
			device->running = true;
		break;
	case ADMIN_BASE_HIGH:
		device->admin_base = (device->admin_base & low) | (uint64_t)value << 32;
		break;
	case ADMIN_BASE_LOW:
		device->admin_base = (device->admin_base & ~low) | value;
		break;
	case ADMIN_DOORBELL:
		admin_doorbell(device, value);
		break;
	}
}

static void interrupt_doorbell(struct device *device, unsigned int index, uint32_t value)
{
	struct vector *vector = &device->vectors[index];

	if (!(value & INTERRUPT_ENABLE))
		return;
	vector->armed = true;
	if (vector->pending)
		interrupt(device, index);
}

uint32_t doorbell_of(enum doorbell_kind kind, unsigned int index)
{
	return index + (kind == TX_DOORBELL ? TX_DOORBELLS :
			kind == RX_DOORBELL ? RX_DOORBELLS : INTERRUPT_DOORBELLS);
}

void doorbell(struct device *device, uint32_t index, uint32_t value)
{
	device->counts.doorbells++;
	if (index < VECTORS - 1)
		interrupt_doorbell(device, index, value);
	else if (index - TX_DOORBELLS < QUEUES)
		tx_doorbell(device, index - TX_DOORBELLS, value);
	else if (index - RX_DOORBELLS < QUEUES)
		rx_doorbell(device, index - RX_DOORBELLS, value);
}
