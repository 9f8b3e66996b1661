// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock-vmm.c - a VMM and the ioctls of a kernel, for the library of vgic-revision
 *
 * The library gets to the kernel with syscall(), and that is here. The arguments are
 * what the VMM does, one after another. GICD_IIDR can be 2 or 3, until a vCPU has run.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define IIDR 0x4b00043bU
#define GIC_OF(vm) ((vm) + 100)

static unsigned int iidr = IIDR | 3 << 12;
static int open_vms[10], nr_vms;
static int has_run;

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
	else if (has_run && *val != iidr)
		return fail(EBUSY);
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
	int fd, i;

	(void)number;
	va_start(ap, number);
	fd = va_arg(ap, int);
	request = va_arg(ap, unsigned long);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_SET_DEVICE_ATTR || request == KVM_GET_DEVICE_ATTR)
		return access_attr(request, arg);
	if (request == KVM_CREATE_DEVICE) {
		struct kvm_create_device *dev = arg;

		for (i = 0; i < nr_vms && open_vms[i] != fd; i++)
			;
		if (i == nr_vms)
			return fail(EBADF);
		if (dev->type == ~0U)
			return fail(ENODEV);
		dev->fd = GIC_OF(fd);
		return 0;
	}
	if (request == KVM_CREATE_VM) {
		has_run = 0;
		open_vms[nr_vms] = 100 + nr_vms;
		return open_vms[nr_vms++];
	}
	has_run |= request == KVM_RUN;
	return 0;
}

static int set_attr(int gic, unsigned int group, unsigned int offset, unsigned int *val)
{
	struct kvm_device_attr attr = {
		.group = group, .attr = offset, .addr = (unsigned long)val,
	};

	return ioctl(gic, KVM_SET_DEVICE_ATTR, &attr);
}

static int act(const char *what)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	int gic = nr_vms ? GIC_OF(open_vms[nr_vms - 1]) : 0;
	unsigned int val = IIDR;

	if (!strcmp(what, "create"))
		return ioctl(ioctl(0, KVM_CREATE_VM, 0), KVM_CREATE_DEVICE, &dev);
	if (!strcmp(what, "close")) {
		nr_vms--;
		return 0;
	}
	/* In its place, without the library */
	if (!strcmp(what, "exec"))
		return execve("/bin/true", (char *[]){ "true", NULL }, (char *[]){ NULL });
	if (!strcmp(what, "init"))
		return set_attr(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	if (!strcmp(what, "init-first"))
		return set_attr(GIC_OF(open_vms[0]), KVM_DEV_ARM_VGIC_GRP_CTRL,
				KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	if (!strcmp(what, "run"))
		return ioctl(0, KVM_RUN, 0);
	/* Not seen by the library */
	if (!strcmp(what, "run-early"))
		return syscall(0, 0, KVM_RUN, NULL);
	if (!strcmp(what, "no-attr"))
		return ioctl(0, KVM_SET_DEVICE_ATTR, NULL);
	if (!strcmp(what, "no-value"))
		return set_attr(gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 8, NULL);
	val |= (what[0] - '0') << 12;
	return set_attr(gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 8, &val);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		printf("%s: %s\n", argv[i], act(argv[i]) ? strerror(errno) : "fine");
	return 0;
}
