// SPDX-License-Identifier: GPL-2.0-only
/* Orders from outside while the devices run, a line each. */
#include "device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct setting {
	const char *name;
	size_t offset;
};

#define FAULT(name) { #name, offsetof(struct faults, name) }
#define COUNT(name) { #name, offsetof(struct counts, name) }

static const struct setting FAULTS[] = {
	FAULT(drop_every), FAULT(corrupt_every), FAULT(unsplit_every), FAULT(linear_bytes),
	FAULT(late_ms), FAULT(fail_command), FAULT(fail_status), FAULT(fail_times),
	FAULT(hang_command), FAULT(link_down), { NULL, 0 },
};

static const struct setting COUNTS[] = {
	COUNT(sent), COUNT(received), COUNT(lost), COUNT(unsplit), COUNT(no_buffers),
	COUNT(no_queue),
	COUNT(rings_created), COUNT(commands), COUNT(interrupts), COUNT(doorbells),
	COUNT(resets), { NULL, 0 },
};

static const struct setting *find(const struct setting *settings, const char *name)
{
	for (; settings->name; settings++)
		if (!strcmp(settings->name, name))
			return settings;
	return NULL;
}

static void set(struct device *device, const struct setting *setting, uint32_t value)
{
	*(uint32_t *)((char *)&device->faults + setting->offset) = value;
	link_changed(device);
	link_changed(device->peer);
}

static void stall(uint32_t milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/*
 * Carries out an order and writes its answer, a line without its end: "ok", a
 * number, or "error: " and why.
 */
void control(struct device devices[2], const char *line, char *answer, size_t size)
{
	char word[32] = "", name[32] = "";
	unsigned int number = 0;
	long long value = 0;
	int words = sscanf(line, "%31s %u %31s %lli", word, &number, name, &value);
	const struct setting *fault = find(FAULTS, name), *count = find(COUNTS, name);
	struct device *device = &devices[number & 1];

	snprintf(answer, size, "ok");
	if (!strcmp(word, "stall") && words == 2)
		stall(number);
	else if (number > 1)
		snprintf(answer, size, "error: there are devices 0 and 1");
	else if (!strcmp(word, "clear") && words == 1)
		for (device = devices; device < devices + 2; device++) {
			device->faults = (struct faults){ 0 };
			link_changed(device);
			link_changed(device->peer);
		}
	else if (!strcmp(word, "set") && words == 4 && fault)
		set(device, fault, value);
	else if (!strcmp(word, "get") && words == 3 && count)
		snprintf(answer, size, "%" PRIu64,
			 *(uint64_t *)((char *)&device->counts + count->offset));
	else if (!strcmp(word, "reset") && words == 2)
		device_request_reset(device);
	else if (!strcmp(word, "remove") && words == 2)
		vfio_user_close(device);
	else
		snprintf(answer, size, "error: no such order: %.60s", line);
}
