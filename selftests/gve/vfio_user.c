// SPDX-License-Identifier: GPL-2.0-only
#include "vfio_user.h"

#include <err.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"

enum command {
	VERSION = 1,
	DMA_MAP = 2,
	DMA_UNMAP = 3,
	DEVICE_GET_INFO = 4,
	DEVICE_GET_REGION_INFO = 5,
	DEVICE_GET_IRQ_INFO = 7,
	DEVICE_SET_IRQS = 8,
	REGION_READ = 9,
	REGION_WRITE = 10,
	DEVICE_RESET = 13,
};

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

#define REPLY 1u
#define NO_REPLY (1u << 4)
#define ERROR (1u << 5)

struct dma_map {
	uint32_t argsz, flags;
	uint64_t offset, address, size;
};

struct dma_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
};

struct region_access {
	uint64_t offset;
	uint32_t region, count;
};

/* The largest message that QEMU sends here: the offer of its version. */
#define MESSAGE_SIZE 4096
#define MAX_FDS 16

struct message {
	struct header header;
	union {
		uint8_t body[MESSAGE_SIZE];
		struct dma_map map;
		struct dma_unmap unmap;
		struct vfio_device_info device;
		struct vfio_region_info region;
		struct vfio_irq_info irq;
		struct vfio_irq_set set;
		struct region_access access;
	};
	int fds[MAX_FDS];
	int fd_count;
};

static const char OFFER[] =
	"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576}}";

#define REGISTERS_SIZE 4096
#define MSIX_BAR_SIZE 4096
#define MSIX_PBA 2048
#define DOORBELLS_SIZE 4096

static const uint32_t REGION_SIZES[VFIO_PCI_NUM_REGIONS] = {
	[VFIO_PCI_BAR0_REGION_INDEX] = REGISTERS_SIZE,
	[VFIO_PCI_BAR1_REGION_INDEX] = MSIX_BAR_SIZE,
	[VFIO_PCI_BAR2_REGION_INDEX] = DOORBELLS_SIZE,
	[VFIO_PCI_CONFIG_REGION_INDEX] = 256,
};

static void config_init(uint8_t *config)
{
	const uint8_t msix = 0x40;

	memset(config, 0, 256);
	*(uint16_t *)(config + PCI_VENDOR_ID) = 0x1ae0;
	*(uint16_t *)(config + PCI_DEVICE_ID) = 0x0042;
	*(uint16_t *)(config + PCI_STATUS) = PCI_STATUS_CAP_LIST;
	config[PCI_REVISION_ID] = 1;
	*(uint16_t *)(config + PCI_CLASS_DEVICE) = 0x0200;
	*(uint16_t *)(config + PCI_SUBSYSTEM_VENDOR_ID) = 0x1ae0;
	*(uint16_t *)(config + PCI_SUBSYSTEM_ID) = 0x0058;
	config[PCI_CAPABILITY_LIST] = msix;
	config[msix] = PCI_CAP_ID_MSIX;
	*(uint16_t *)(config + msix + PCI_MSIX_FLAGS) = VECTORS - 1;
	*(uint32_t *)(config + msix + PCI_MSIX_TABLE) = 1;
	*(uint32_t *)(config + msix + PCI_MSIX_PBA) = MSIX_PBA | 1;
}

/* Firmware and kernel learn a BAR's size from the bits that stay 0. */
static void config_write(uint8_t *config, uint32_t offset, const uint8_t *data, uint32_t count)
{
	static const struct { uint8_t offset, size; } writable[] = {
		{ PCI_COMMAND, 2 }, { PCI_CACHE_LINE_SIZE, 2 }, { PCI_INTERRUPT_LINE, 1 },
		{ 0x40 + PCI_MSIX_FLAGS + 1, 1 },
	};
	uint32_t i, j;

	for (i = offset; i < offset + count; i++) {
		uint8_t byte = data[i - offset];

		for (j = 0; j < COUNT_OF(writable); j++)
			if (i >= writable[j].offset && i < writable[j].offset + writable[j].size)
				config[i] = byte;
		if (i >= PCI_BASE_ADDRESS_0 && i < PCI_BASE_ADDRESS_0 + 24) {
			uint32_t bar = (i - PCI_BASE_ADDRESS_0) / 4;
			uint32_t mask = REGION_SIZES[bar] ? ~(REGION_SIZES[bar] - 1) : 0;

			config[i] = byte & (mask >> (i % 4 * 8));
		}
	}
}

void vfio_user_open(struct vfio_user *bus, int listener)
{
	bus->listener = listener;
	bus->socket = -1;
	memset(bus->eventfds, -1, sizeof(bus->eventfds));
}

void vfio_user_accept(struct device *device)
{
	struct vfio_user *bus = &device->bus;

	bus->socket = accept4(bus->listener, NULL, NULL, SOCK_CLOEXEC);
	if (bus->socket < 0) {
		warn("cannot accept a machine");
		return;
	}
	config_init(bus->config);
	link_changed(device);
	link_changed(device->peer);
}

static void close_interrupts(struct vfio_user *bus, uint32_t start, uint32_t count)
{
	uint32_t i;

	for (i = start; i < start + count && i < MAX_VECTORS; i++) {
		if (bus->eventfds[i] >= 0)
			close(bus->eventfds[i]);
		bus->eventfds[i] = -1;
	}
}

void vfio_user_close(struct device *device)
{
	struct vfio_user *bus = &device->bus;
	int i;

	device_reset(device);
	for (i = 0; i < bus->mapped; i++)
		munmap(bus->mappings[i].memory, bus->mappings[i].size);
	bus->mapped = 0;
	close_interrupts(bus, 0, MAX_VECTORS);
	if (bus->socket >= 0)
		close(bus->socket);
	bus->socket = -1;
	link_changed(device->peer);
}

void vfio_user_interrupt(struct vfio_user *bus, unsigned int vector)
{
	const uint64_t one = 1;

	/* An eventfd that is full has an interrupt pending as it is. */
	if (bus->eventfds[vector] >= 0 &&
	    write(bus->eventfds[vector], &one, sizeof(one)) < 0 && errno != EAGAIN)
		warn("cannot interrupt the machine");
}

void *dma(struct vfio_user *bus, uint64_t address, uint64_t size)
{
	int i;

	for (i = 0; i < bus->mapped; i++) {
		struct mapping *mapping = &bus->mappings[i];

		if (address - mapping->address < mapping->size &&
		    size <= mapping->size - (address - mapping->address))
			return mapping->memory + (address - mapping->address);
	}
	return NULL;
}

/* The largest first: nearly all DMA goes to the machine's main memory. */
static int by_size(const void *one, const void *other)
{
	const struct mapping *a = one, *b = other;

	return (a->size < b->size) - (a->size > b->size);
}

static int map(struct vfio_user *bus, const struct dma_map *map, int fd)
{
	int protection = PROT_READ | (map->flags & VFIO_DMA_MAP_FLAG_WRITE ? PROT_WRITE : 0);
	void *memory;

	/* Memory without a descriptor is a ROM of QEMU's: no DMA goes there. */
	if (fd < 0)
		return 0;
	if (bus->mapped == MAPPINGS)
		return -ENOSPC;
	memory = mmap(NULL, map->size, protection, MAP_SHARED, fd, map->offset);
	if (memory == MAP_FAILED)
		return -errno;
	bus->mappings[bus->mapped++] = (struct mapping){ map->address, map->size, memory };
	qsort(bus->mappings, bus->mapped, sizeof(bus->mappings[0]), by_size);
	return 0;
}

static void unmap(struct vfio_user *bus, const struct dma_unmap *unmap)
{
	int i = 0;

	while (i < bus->mapped) {
		struct mapping *mapping = &bus->mappings[i];

		if (mapping->address < unmap->address ||
		    mapping->address - unmap->address >= unmap->size) {
			i++;
			continue;
		}
		munmap(mapping->memory, mapping->size);
		memmove(mapping, mapping + 1, (--bus->mapped - i) * sizeof(*mapping));
	}
}

static int set_interrupts(struct vfio_user *bus, const struct vfio_irq_set *set, int *fds,
			  int fd_count)
{
	uint32_t i;

	if (set->index != VFIO_PCI_MSIX_IRQ_INDEX)
		return 0;
	if (set->start > VECTORS || set->count > VECTORS - set->start)
		return -EINVAL;
	if (!set->count) {
		close_interrupts(bus, 0, VECTORS);
		return 0;
	}
	if (!(set->flags & VFIO_IRQ_SET_DATA_EVENTFD))
		return 0;
	close_interrupts(bus, set->start, set->count);
	for (i = 0; i < set->count && i < (uint32_t)fd_count; i++) {
		bus->eventfds[set->start + i] = fds[i];
		fds[i] = -1;
	}
	return 0;
}

static void region_read(struct device *device, struct region_access *access, uint8_t *data)
{
	uint32_t value;

	memset(data, 0, access->count);
	switch (access->region) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		memcpy(data, device->bus.config + access->offset, access->count);
		break;
	case VFIO_PCI_BAR0_REGION_INDEX:
		value = register_read(device, access->offset);
		memcpy(data, &value, access->count < 4 ? access->count : 4);
		break;
	}
}

static void region_write(struct device *device, const struct region_access *access,
			 const uint8_t *data)
{
	uint32_t value = 0;

	memcpy(&value, data, access->count < 4 ? access->count : 4);
	switch (access->region) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		config_write(device->bus.config, access->offset, data, access->count);
		break;
	case VFIO_PCI_BAR0_REGION_INDEX:
		register_write(device, access->offset, value);
		break;
	case VFIO_PCI_BAR2_REGION_INDEX:
		doorbell(device, access->offset / 4, value);
		break;
	}
}

static bool access_is_in_region(const struct region_access *access)
{
	return access->region < VFIO_PCI_NUM_REGIONS && access->count <= 256 &&
		access->offset <= REGION_SIZES[access->region] &&
		access->count <= REGION_SIZES[access->region] - access->offset;
}

/* Carries a message out and makes of it its reply. Returns 0 or a negative errno. */
static int carry_out(struct device *device, struct message *message, uint32_t *size)
{
	struct vfio_user *bus = &device->bus;

	*size = message->header.size - sizeof(message->header);
	switch (message->header.command) {
	case VERSION:
		/* Two 16-bit numbers, which stay as they came, and the offer. */
		memcpy(message->body + 4, OFFER, sizeof(OFFER));
		*size = 4 + sizeof(OFFER);
		return 0;
	case DMA_MAP:
		*size = 0;
		return map(bus, &message->map, message->fd_count ? message->fds[0] : -1);
	case DMA_UNMAP:
		unmap(bus, &message->unmap);
		return 0;
	case DEVICE_GET_INFO:
		message->device = (struct vfio_device_info){
			.argsz = 16,
			.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
			.num_regions = VFIO_PCI_NUM_REGIONS,
			.num_irqs = VFIO_PCI_NUM_IRQS,
		};
		*size = 16;
		return 0;
	case DEVICE_GET_REGION_INFO:
		if (message->region.index >= VFIO_PCI_NUM_REGIONS)
			return -EINVAL;
		message->region = (struct vfio_region_info){
			.argsz = sizeof(message->region),
			.index = message->region.index,
			.size = REGION_SIZES[message->region.index],
			.flags = REGION_SIZES[message->region.index] ?
				VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0,
		};
		*size = sizeof(message->region);
		return 0;
	case DEVICE_GET_IRQ_INFO:
		message->irq = (struct vfio_irq_info){
			.argsz = sizeof(message->irq),
			.index = message->irq.index,
			.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
			.count = message->irq.index == VFIO_PCI_MSIX_IRQ_INDEX ? VECTORS : 0,
		};
		*size = sizeof(message->irq);
		return 0;
	case DEVICE_SET_IRQS:
		*size = 0;
		return set_interrupts(bus, &message->set, message->fds, message->fd_count);
	case REGION_READ:
		if (!access_is_in_region(&message->access))
			return -EINVAL;
		region_read(device, &message->access, message->body + sizeof(message->access));
		*size = sizeof(message->access) + message->access.count;
		return 0;
	case REGION_WRITE:
		if (!access_is_in_region(&message->access) ||
		    *size < sizeof(message->access) + message->access.count)
			return -EINVAL;
		region_write(device, &message->access, message->body + sizeof(message->access));
		*size = sizeof(message->access);
		return 0;
	case DEVICE_RESET:
		device_reset(device);
		return 0;
	default:
		return -ENOTSUP;
	}
}

/* Reads a message's head with the descriptors that come with it. */
static bool receive_header(struct vfio_user *bus, struct message *message)
{
	struct iovec part = { &message->header, sizeof(message->header) };
	union {
		char bytes[CMSG_SPACE(sizeof(message->fds))];
		struct cmsghdr aligned;
	} control;
	struct msghdr call = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *found;

	message->fd_count = 0;
	if (recvmsg(bus->socket, &call, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof(message->header))
		return false;
	for (found = CMSG_FIRSTHDR(&call); found; found = CMSG_NXTHDR(&call, found)) {
		if (found->cmsg_type != SCM_RIGHTS)
			continue;
		message->fd_count = (found->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(message->fds, CMSG_DATA(found), message->fd_count * sizeof(int));
	}
	return true;
}

/* Serves one message. Returns false when the machine is gone. */
bool vfio_user_serve(struct device *device)
{
	struct vfio_user *bus = &device->bus;
	struct message message;
	uint32_t size;
	int i, error;

	if (!receive_header(bus, &message))
		return false;
	size = message.header.size - sizeof(message.header);
	if (message.header.size < sizeof(message.header) || size > MESSAGE_SIZE ||
	    (size && recv(bus->socket, message.body, size, MSG_WAITALL) != (ssize_t)size))
		return false;
	error = carry_out(device, &message, &size);
	for (i = 0; i < message.fd_count; i++)
		if (message.fds[i] >= 0)
			close(message.fds[i]);
	if (message.header.flags & NO_REPLY)
		return true;
	message.header.flags = error ? REPLY | ERROR : REPLY;
	message.header.error = -error;
	message.header.size = sizeof(message.header) + (error ? 0 : size);
	return send(bus->socket, &message, message.header.size, MSG_NOSIGNAL) ==
		(ssize_t)message.header.size;
}
