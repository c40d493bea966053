/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The types of libudev's functions. The library is opened at run time: nothing
 * here is linked.
 */
#include <libudev.h>

typedef __typeof__(udev_new) *CUdev_new;
typedef __typeof__(udev_unref) *CUdev_unref;
typedef __typeof__(udev_enumerate_new) *CUdev_enumerate_new;
typedef __typeof__(udev_enumerate_unref) *CUdev_enumerate_unref;
typedef __typeof__(udev_enumerate_add_match_subsystem) *CUdev_enumerate_add_match;
typedef __typeof__(udev_enumerate_scan_devices) *CUdev_enumerate_scan_devices;
typedef __typeof__(udev_enumerate_get_list_entry) *CUdev_enumerate_get_list_entry;
typedef __typeof__(udev_list_entry_get_next) *CUdev_list_entry_get_next;
typedef __typeof__(udev_list_entry_get_name) *CUdev_list_entry_get_name;
typedef __typeof__(udev_device_new_from_syspath) *CUdev_device_new_from_syspath;
typedef __typeof__(udev_device_get_devnode) *CUdev_device_get_devnode;
typedef __typeof__(udev_device_unref) *CUdev_device_unref;
typedef __typeof__(udev_device_new_from_subsystem_sysname) *CUdev_device_new_from_subsystem;
typedef __typeof__(udev_device_get_parent) *CUdev_device_get_parent;
typedef __typeof__(udev_device_get_parent_with_subsystem_devtype) *CUdev_device_get_ancestor;
typedef __typeof__(udev_device_get_subsystem) *CUdev_device_get_subsystem;
typedef __typeof__(udev_device_get_sysname) *CUdev_device_get_sysname;
typedef __typeof__(udev_device_get_sysattr_value) *CUdev_device_get_sysattr_value;
typedef __typeof__(udev_device_get_property_value) *CUdev_device_get_property_value;
