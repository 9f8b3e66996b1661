// SPDX-License-Identifier: GPL-2.0-only
/*
 * example.c - a VMM around the lines of code in vgic-revisions.rst
 *
 * extract-example takes them out of the document. They select each revision in a VM of
 * its own.
 *
 * It fails if an outcome is not what the kernel says: a revision that
 * KVM_CAP_ARM_VGIC_REVISIONS has is selected, another one is refused, and
 * GICD_IIDR, read again, agrees. A kernel without the capability may refuse or
 * ignore, but revision 2 or 3 has to work.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>

#define LATEST	3
#define SKIP	4	/* to kselftest */

enum outcome { SELECTED, REFUSED, IGNORED, FAILED };

static const char * const said[] = { "selected", "refused", "ignored", "failed" };

/* Of the VM that is being tried */
static int last_gic;

static int access_iidr(int gic, unsigned long nr, __u32 *iidr)
{
	struct kvm_device_attr attr = {
		.group	= KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		.attr	= 8,
		.addr	= (unsigned long)iidr,
	};

	return ioctl(gic, nr, &attr);
}

static int get_iidr(int gic, __u32 *iidr)
{
	return access_iidr(gic, KVM_GET_DEVICE_ATTR, iidr);
}

static int set_iidr(int gic, __u32 iidr)
{
	return access_iidr(gic, KVM_SET_DEVICE_ATTR, &iidr);
}

static int create_gic(int vm)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	struct kvm_device_attr init = {
		.group	= KVM_DEV_ARM_VGIC_GRP_CTRL,
		.attr	= KVM_DEV_ARM_VGIC_CTRL_INIT,
	};

	if (!ioctl(vm, KVM_CREATE_DEVICE, &dev)) {
		if (ioctl(dev.fd, KVM_SET_DEVICE_ATTR, &init))
			err(1, "KVM_DEV_ARM_VGIC_CTRL_INIT");
	} else {
		dev.type = KVM_DEV_TYPE_ARM_VGIC_V2;
		if (ioctl(vm, KVM_CREATE_DEVICE, &dev))
			errx(SKIP, "neither GICv3 nor GICv2 on this host");
	}

	last_gic = dev.fd;
	return dev.fd;
}

static enum outcome select_revision(int vm, int rev)
{
	__u32 iidr, want;
	int revs, gic;

#include "vgic_example.inc"
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int revs, rev, status = 0, usable = 0;

	revs = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VGIC_REVISIONS);
	if (revs < 0)
		err(1, "KVM_CHECK_EXTENSION");

	for (rev = 0; rev <= LATEST + 1; rev++) {
		int vm = ioctl(kvm, KVM_CREATE_VM, 0);
		enum outcome outcome;
		__u32 iidr = 0;

		if (vm < 0)
			err(1, "KVM_CREATE_VM");

		last_gic = -1;
		outcome = select_revision(vm, rev);
		if (outcome == SELECTED &&
		    (get_iidr(last_gic, &iidr) || (iidr >> 12 & 0xf) != (__u32)rev))
			outcome = FAILED;

		printf("revision %d: %s\n", rev, said[outcome]);
		usable |= outcome == SELECTED && rev >= 2;
		if (outcome == FAILED ||
		    (revs && outcome != (revs & 1 << rev ? SELECTED : REFUSED)))
			status = 1;

		close(last_gic);
		close(vm);
	}

	if (!usable)
		errx(1, "no revision for a new guest");
	return status;
}
