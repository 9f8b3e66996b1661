// SPDX-License-Identifier: GPL-2.0-only
/*
 * small-vmm.c - a VMM that leaves the groups of its GICv3 alone
 *
 * QEMU writes 0 to every IGROUPR at reset. This one does not, so that what the
 * guest finds is KVM's. It has one vCPU, and of QEMU's virt machine what the
 * guests of rig/guest need: GICv3, PL011, PSCI.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

#define RAM_GPA		0x40000000ULL
#define RAM_SIZE	(16 << 20)
#define GICD_GPA	0x08000000ULL
#define GICR_GPA	0x080a0000ULL
#define UART_DR		0x09000000ULL

struct image_header {
	u32	code[2];
	u64	text_offset;
};

static u64 load(const char *path, char *ram)
{
	struct image_header *header;
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		err(2, "%s", path);
	header = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (header == MAP_FAILED)
		err(2, "%s", path);
	if (header->text_offset + st.st_size > RAM_SIZE)
		errx(2, "%s does not fit into %d MiB", path, RAM_SIZE >> 20);
	memcpy(ram + header->text_offset, header, st.st_size);
	return RAM_GPA + header->text_offset;
}

static void set_attr(int dev, u32 group, u64 attr, u64 *addr)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (u64)addr };

	if (ioctl(dev, KVM_SET_DEVICE_ATTR, &a))
		err(2, "KVM_SET_DEVICE_ATTR %u %llu", group, a.attr);
}

static void create_gic(int vm)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	u64 gicd = GICD_GPA, gicr = GICR_GPA;

	if (ioctl(vm, KVM_CREATE_DEVICE, &dev))
		err(2, "GICv3");
	set_attr(dev.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &gicd);
	set_attr(dev.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &gicr);
	set_attr(dev.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static int create_vcpu(int vm, u64 pc)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
			KVM_REG_ARM_CORE_REG(regs.pc),
		.addr = (u64)&pc,
	};
	struct kvm_vcpu_init init;
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);

	if (vcpu < 0)
		err(2, "KVM_CREATE_VCPU");
	if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init))
		err(2, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init))
		err(2, "KVM_ARM_VCPU_INIT");
	if (ioctl(vcpu, KVM_SET_ONE_REG, &reg))
		err(2, "KVM_SET_ONE_REG");
	return vcpu;
}

int main(int argc, char **argv)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu;
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = RAM_GPA, .memory_size = RAM_SIZE,
	};
	struct kvm_run *run;
	char *ram;

	if (argc != 2)
		errx(2, "usage: small-vmm IMAGE");
	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(2, "/dev/kvm");
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		err(2, "mmap");
	slot.userspace_addr = (u64)ram;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
		err(2, "KVM_SET_USER_MEMORY_REGION");
	vcpu = create_vcpu(vm, load(argv[1], ram));
	create_gic(vm);
	run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		   MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(2, "mmap");

	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0))
			err(2, "KVM_RUN");
		if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT)
			return 0;
		if (run->exit_reason != KVM_EXIT_MMIO)
			errx(2, "exit reason %u", run->exit_reason);
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0, sizeof(run->mmio.data));
		else if (run->mmio.phys_addr == UART_DR)
			dprintf(STDOUT_FILENO, "%c", run->mmio.data[0]);
	}
}
