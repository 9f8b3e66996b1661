// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock-vmm.c - a VMM and the ioctls of a kernel, for the library of vgic-revision
 *
 * The library gets to the kernel with syscall(), and that is here. The arguments are
 * what the VMM does, one after another. GICD_IIDR can be 2 or 3.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define IIDR 0x4b00043bU

static unsigned int iidr = IIDR | 3 << 12;

static int fail(int error)
{
	errno = error;
	return -1;
}

static int access_attr(unsigned long request, struct kvm_device_attr *attr)
{
	unsigned int *val;

	if (!attr || (attr->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS && !attr->addr))
		return fail(EFAULT);
	if (attr->group != KVM_DEV_ARM_VGIC_GRP_DIST_REGS)
		return 0;
	val = (unsigned int *)(unsigned long)attr->addr;
	if (request == KVM_GET_DEVICE_ATTR)
		*val = iidr;
	else if (*val != (IIDR | 2 << 12) && *val != (IIDR | 3 << 12))
		return fail(EINVAL);
	else
		iidr = *val;
	return 0;
}

long syscall(long number, ...)
{
	unsigned long request;
	va_list ap;
	void *arg;

	(void)number;
	va_start(ap, number);
	va_arg(ap, int);
	request = va_arg(ap, unsigned long);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_SET_DEVICE_ATTR || request == KVM_GET_DEVICE_ATTR)
		return access_attr(request, arg);
	return 0;
}

static int set_attr(unsigned int group, unsigned int offset, unsigned int *val)
{
	struct kvm_device_attr attr = {
		.group = group, .attr = offset, .addr = (unsigned long)val,
	};

	return ioctl(0, KVM_SET_DEVICE_ATTR, &attr);
}

static int act(const char *what)
{
	unsigned int val = IIDR;

	if (!strcmp(what, "create"))
		return ioctl(0, KVM_CREATE_VM, 0);
	if (!strcmp(what, "init"))
		return set_attr(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	if (!strcmp(what, "run"))
		return ioctl(0, KVM_RUN, 0);
	if (!strcmp(what, "no-attr"))
		return ioctl(0, KVM_SET_DEVICE_ATTR, NULL);
	if (!strcmp(what, "no-value"))
		return set_attr(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 8, NULL);
	val |= (what[0] - '0') << 12;
	return set_attr(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 8, &val);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		printf("%s: %s\n", argv[i], act(argv[i]) ? strerror(errno) : "fine");
	return 0;
}
