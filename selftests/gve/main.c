// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: gve [NAME=VALUE]... DEVICE DEVICE ORDERS...
 *
 * Two gVNICs, joined by a cable. DEVICE is the number of an open descriptor,
 * a socket that listens for QEMU's vfio-user-pci, of one machine or of two.
 * By each ORDERS, connected sockets, come orders (see control.c). It ends when
 * its input does.
 */
#include "device.h"

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct device devices[2];
static struct options options = {
	.queues = 4, .ring = 1024, .mtu = 8896, .buffer = 2048, .header = 256,
};

struct orders {
	int socket;
	char line[256];
	size_t size;
};

#define SOURCES 2

static const struct {
	const char *name;
	uint32_t *value, least, most;
} OPTIONS[] = {
	{ "queues", &options.queues, 1, QUEUES },
	{ "ring", &options.ring, 256, 4096 },
	{ "mtu", &options.mtu, 1280, 9216 },
	{ "buffer", &options.buffer, 2048, 4096 },
	{ "header", &options.header, 0, 1023 },
	{ "rss", &options.rss, 0, 1 },
	{ "rsc", &options.rsc, 0, 1 },
};

static void set_option(const char *text)
{
	const char *value = strchr(text, '=') + 1;
	unsigned long number = strtoul(value, NULL, 0);
	size_t size = value - text - 1, i;

	for (i = 0; i < COUNT_OF(OPTIONS); i++) {
		if (strlen(OPTIONS[i].name) != size || strncmp(text, OPTIONS[i].name, size))
			continue;
		if (number < OPTIONS[i].least || number > OPTIONS[i].most)
			errx(2, "%s: not from %u to %u", text, OPTIONS[i].least, OPTIONS[i].most);
		*OPTIONS[i].value = number;
		return;
	}
	errx(2, "no such option: %s", text);
}

/* Carries out the orders that have come, a line each. */
static bool serve_orders(struct orders *orders)
{
	ssize_t size = read(orders->socket, orders->line + orders->size,
			    sizeof(orders->line) - 1 - orders->size);
	char *end, answer[128];

	if (size <= 0)
		return false;
	orders->size += size;
	while ((end = memchr(orders->line, '\n', orders->size))) {
		*end = 0;
		control(devices, orders->line, answer, sizeof(answer) - 1);
		strcat(answer, "\n");
		if (send(orders->socket, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			return false;
		orders->size -= end + 1 - orders->line;
		memmove(orders->line, end + 1, orders->size);
	}
	return orders->size < sizeof(orders->line) - 1;
}

/* Milliseconds until something is due, or -1 for never. */
static int patience(void)
{
	uint64_t now = monotonic(), next = 0, due;
	int i;

	for (i = 0; i < 2; i++) {
		due = tx_complete_late(&devices[i], now);
		if (due && (!next || due < next))
			next = due;
	}
	return next ? (int)((next - now) / 1000000) + 1 : -1;
}

static void loop(struct orders *orders)
{
	struct pollfd files[1 + 2 + SOURCES] = { { .fd = STDIN_FILENO } };
	struct pollfd *buses = files + 1, *sources = buses + 2;
	int i;

	while (!files[0].revents) {
		for (i = 0; i < 2; i++) {
			struct vfio_user *bus = &devices[i].bus;

			buses[i].fd = bus->socket >= 0 ? bus->socket : bus->listener;
			buses[i].events = POLLIN;
		}
		for (i = 0; i < SOURCES; i++) {
			sources[i].fd = orders[i].socket;
			sources[i].events = POLLIN;
		}
		if (poll(files, 1 + 2 + SOURCES, patience()) < 0)
			err(1, "poll");
		for (i = 0; i < 2; i++) {
			if (!buses[i].revents)
				continue;
			if (devices[i].bus.socket < 0)
				vfio_user_accept(&devices[i]);
			else if (!vfio_user_serve(&devices[i]))
				vfio_user_close(&devices[i]);
		}
		for (i = 0; i < SOURCES; i++)
			if (sources[i].revents && !serve_orders(&orders[i]))
				orders[i].socket = -1;
	}
}

static int descriptor(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*end || end == text || number < 0 || number > 1 << 20)
		errx(2, "not the number of an open file: %s", text);
	return number;
}

int main(int argc, char **argv)
{
	static struct orders orders[SOURCES];
	int i;

	for (argv++; argc > 1 && strchr(*argv, '='); argv++, argc--)
		set_option(*argv);
	if (argc < 3 || argc > 3 + SOURCES)
		errx(2, "usage: gve [NAME=VALUE]... DEVICE DEVICE ORDERS...");
	for (i = 0; i < 2; i++) {
		devices[i].options = &options;
		devices[i].number = i;
		devices[i].peer = &devices[1 - i];
		vfio_user_open(&devices[i].bus, descriptor(argv[i]));
		device_reset(&devices[i]);
	}
	for (i = 0; i < SOURCES; i++)
		orders[i].socket = i < argc - 3 ? descriptor(argv[2 + i]) : -1;
	loop(orders);
	return 0;
}
