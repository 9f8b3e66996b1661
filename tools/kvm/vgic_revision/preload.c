// SPDX-License-Identifier: GPL-2.0-only
/*
 * preload.c - select GICD_IIDR.Revision for a VMM that does not
 *
 * vgic-revision(1) has the dynamic linker load this into the VMM. The revision
 * is in VGIC_REVISION. It is selected as soon as the VMM has initialized the
 * GIC, and before the VMM can access it. A VMM that would run at another
 * revision is ended.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSED		125

#define GICD_IIDR	0x8
#define REV_SHIFT	12
#define REV_MASK	(0xfU << REV_SHIFT)
#define REV(iidr)	(((iidr) & REV_MASK) >> REV_SHIFT)

#define refuse(fmt, ...) do {							\
	dprintf(STDERR_FILENO, "vgic-revision: refused: " fmt "\n", ##__VA_ARGS__);	\
	_exit(REFUSED);								\
} while (0)

/* Set before the VMM has a second thread that could run a vCPU. */
static bool selected;

static unsigned int wanted(void)
{
	const char *text = getenv("VGIC_REVISION");
	unsigned long rev;
	char *end;

	if (!text || !*text)
		refuse("VGIC_REVISION is not set");
	rev = strtoul(text, &end, 10);
	if (*end || rev > REV(REV_MASK))
		refuse("VGIC_REVISION=%s is not a revision", text);
	return rev;
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return syscall(SYS_ioctl, fd, request, arg);
}

static int access_iidr(int dev, unsigned long request, __u32 *iidr)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		.attr = GICD_IIDR,
		.addr = (unsigned long)iidr,
	};

	return real_ioctl(dev, request, &attr);
}

static void select_revision(int dev)
{
	unsigned int rev = wanted();
	__u32 was, iidr, is;

	if (access_iidr(dev, KVM_GET_DEVICE_ATTR, &was)) {
		/* An ITS is initialized in the same way. */
		if (errno == ENXIO)
			return;
		refuse("cannot read GICD_IIDR: %s", strerror(errno));
	}

	iidr = (was & ~REV_MASK) | rev << REV_SHIFT;
	if (access_iidr(dev, KVM_SET_DEVICE_ATTR, &iidr)) {
		if (errno == EINVAL)
			refuse("this kernel has no revision %u to select, the GIC has %u",
			       rev, REV(was));
		if (errno == EBUSY)
			refuse("the GIC is in use, and has revision %u", REV(was));
		refuse("cannot write GICD_IIDR: %s", strerror(errno));
	}

	/* Some kernels return success for what they ignore. */
	if (access_iidr(dev, KVM_GET_DEVICE_ATTR, &is))
		refuse("cannot read GICD_IIDR: %s", strerror(errno));
	if (is != iidr)
		refuse("this kernel ignores a write of revision %u, the GIC has %u",
		       rev, REV(is));

	selected = true;
	dprintf(STDERR_FILENO,
		"vgic-revision: selected revision %u, was %u: GICD_IIDR 0x%08x\n",
		rev, REV(was), is);
}

static bool is_for(const struct kvm_device_attr *attr, __u32 group, __u32 offset)
{
	return attr->group == group && (__u32)attr->attr == offset;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct kvm_device_attr *attr;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);

	/* Not all VMMs have the request as an unsigned type. */
	switch ((__u32)request) {
	case KVM_RUN:
		if (!selected)
			refuse("the VMM runs a vCPU without KVM_DEV_ARM_VGIC_CTRL_INIT on a GIC");
		break;
	case KVM_CREATE_IRQCHIP:
		refuse("the VMM creates its GIC with KVM_CREATE_IRQCHIP");
	case KVM_SET_DEVICE_ATTR:
		attr = arg;
		if (is_for(attr, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_IIDR)) {
			__u32 iidr = *(__u32 *)(unsigned long)attr->addr;

			if (REV(iidr) != wanted())
				refuse("the VMM selects revision %u", REV(iidr));
		}
		ret = real_ioctl(fd, request, arg);
		if (!ret && is_for(attr, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT))
			select_revision(fd);
		return ret;
	}

	return real_ioctl(fd, request, arg);
}
