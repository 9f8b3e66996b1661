// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmm.c - a VMM as small as it can be, and what its guests execute
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

#define GITS_CTLR	0x00
#define GITS_CBASER	0x80
#define GITS_CWRITER	0x88
#define GITS_BASER	0x100		/* of devices, then of collections */
#define VALID		(1ULL << 63)
#define ITS_MAPD	0x08
#define ITS_MAPC	0x09
#define ITS_MAPTI	0x0a

/*
 * The guest runs at EL1 with its MMU off and interrupts masked. It does the
 * program that x0 points to and stores to EXIT_GPA, which is an exit to
 * userspace, for ever. Instructions that fault are skipped.
 */
extern const char guest_code[], guest_entry[], guest_end[];

asm(".pushsection .rodata\n"
    "	.global	guest_code, guest_entry, guest_end\n"
    "	.balign	2048\n"
    "guest_code:\n"
    "	.org	guest_code + 0x200\n"
    "	mrs	x9, elr_el1\n"
    "	add	x9, x9, #4\n"
    "	msr	elr_el1, x9\n"
    "	eret\n"
    "	.org	guest_code + 0x800\n"
    "guest_entry:\n"
    "	adr	x9, guest_code\n"
    "	msr	vbar_el1, x9\n"
    "	isb\n"
    "1:	ldr	x1, [x0]\n"
    "	add	x2, x0, #8\n"
    "2:	cbz	x1, 9f\n"
    "	ldr	x3, [x2]\n"
    "	ldr	x4, [x2, #8]\n"
    "	ldr	w5, [x2, #16]\n"
    "	ldr	w6, [x2, #20]\n"
    "	cbz	w5, 7f\n"
    "	cbnz	w6, 5f\n"
    "	cmp	w5, #4\n"
    "	b.eq	4f\n"
    "	b.hi	3f\n"
    "	ldrb	w4, [x3]\n"
    "	b	8f\n"
    "3:	ldr	x4, [x3]\n"
    "	b	8f\n"
    "4:	ldr	w4, [x3]\n"
    "	b	8f\n"
    "5:	cmp	w5, #4\n"
    "	b.eq	6f\n"
    "	b.hi	51f\n"
    "	strb	w4, [x3]\n"
    "	b	8f\n"
    "51:	str	x4, [x3]\n"
    "	b	8f\n"
    "6:	str	w4, [x3]\n"
    "	b	8f\n"
    "7:	msr	s3_0_c12_c11_5, x4\n"
    "8:	str	x4, [x2, #8]\n"
    "	add	x2, x2, #24\n"
    "	sub	x1, x1, #1\n"
    "	b	2b\n"
    "9:	mov	x3, #0x70000000\n"
    "	str	wzr, [x3]\n"
    "	b	1b\n"
    "guest_end:\n"
    ".popsection\n");

int vmm_attr(int dev, unsigned long request, u32 group, u64 attr, void *p)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (u64)p };

	return err_of(ioctl(dev, request, &a));
}

int vmm_set(int dev, u32 group, u64 attr, u64 val)
{
	return vmm_attr(dev, KVM_SET_DEVICE_ATTR, group, attr, &val);
}

int vmm_get(int dev, u32 group, u64 attr, u32 *val)
{
	return vmm_attr(dev, KVM_GET_DEVICE_ATTR, group, attr, val);
}

int vmm_create(struct vm *vm)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = RAM_GPA, .memory_size = RAM_SIZE,
	};

	*vm = (struct vm){ .kvm = vm->kvm, .fd = -1, .dev = -1, .its = -1 };
	vm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->ram == MAP_FAILED) {
		vm->ram = NULL;
		return errno;
	}
	memcpy(vm->ram, guest_code, guest_end - guest_code);
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return errno;
	slot.userspace_addr = (u64)vm->ram;
	return err_of(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot));
}

int vmm_create_vcpu(struct vm *vm, u32 id)
{
	int fd;

	if (vm->nr_vcpus == MAX_VCPUS)
		return E2BIG;
	fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (fd < 0)
		return errno;
	vm->vcpu[vm->nr_vcpus++] = fd;
	return 0;
}

static int set_core_reg(int vcpu, size_t offset, u64 val)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / 4,
		.addr = (u64)&val,
	};

	return err_of(ioctl(vcpu, KVM_SET_ONE_REG, &reg));
}

void *vmm_memory(struct vm *vm, u64 gpa)
{
	return (char *)vm->ram + (gpa - RAM_GPA);
}

struct program *vmm_program(struct vm *vm, int cpu)
{
	return vmm_memory(vm, RAM_GPA + (1 + cpu) * PAGE);
}

int vmm_init_vcpu(struct vm *vm, int cpu)
{
	struct kvm_vcpu_init init = {};
	int err, size;

	if (!vm->run[cpu]) {
		size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
		vm->run[cpu] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
				    vm->vcpu[cpu], 0);
		if (vm->run[cpu] == MAP_FAILED) {
			vm->run[cpu] = NULL;
			return errno;
		}
	}
	err = err_of(ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init));
	if (!err)
		err = err_of(ioctl(vm->vcpu[cpu], KVM_ARM_VCPU_INIT, &init));
	if (!err)
		err = set_core_reg(vm->vcpu[cpu], offsetof(struct kvm_regs, regs.pc),
				       RAM_GPA + (guest_entry - guest_code));
	if (!err)
		err = set_core_reg(vm->vcpu[cpu], offsetof(struct kvm_regs, regs.regs[0]),
				       RAM_GPA + (1 + cpu) * PAGE);
	/* There is no store to EXIT_GPA left to complete. */
	if (!err)
		vm->run[cpu]->exit_reason = 0;
	return err;
}

int vmm_create_device(struct vm *vm, u32 type)
{
	struct kvm_create_device dev = { .type = type };
	int err = err_of(ioctl(vm->fd, KVM_CREATE_DEVICE, &dev));

	if (!err)
		vm->dev = dev.fd;
	return err;
}

int vmm_create_its(struct vm *vm)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_ITS };
	int err = err_of(ioctl(vm->fd, KVM_CREATE_DEVICE, &dev));

	if (err)
		return err;
	vm->its = dev.fd;
	err = vmm_set(vm->its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, GITS_GPA);
	if (!err)
		err = vmm_set(vm->its, KVM_DEV_ARM_VGIC_GRP_CTRL,
			      KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
	return err;
}

/* LPI n has event n of device 0 and collection n. */
int vmm_map_lpis(struct vm *vm, const u32 *ids, int nr)
{
	u64 (*command)[4] = vmm_memory(vm, COMMANDS_GPA);
	const struct { u32 offset; u64 val; } regs[] = {
		{ GITS_BASER, VALID | TABLES_GPA },
		{ GITS_BASER + 8, VALID | TABLES_GPA },
		{ GITS_CBASER, VALID | COMMANDS_GPA },
		{ GITS_CTLR, 1 },
		{ GITS_CWRITER, (1 + 2 * nr) * sizeof(*command) },
	};
	int i, err = 0;

	/* 16 events: the size is one less than the number of bits. */
	memcpy(command++, (u64 []){ ITS_MAPD, 3, VALID | ITT_GPA, 0 }, sizeof(*command));
	for (i = 0; i < nr; i++) {
		memcpy(command++, (u64 []){ ITS_MAPC, 0, VALID | (u64)ids[i] << 16 | i, 0 },
		       sizeof(*command));
		memcpy(command++, (u64 []){ ITS_MAPTI, (FIRST_LPI + i + 0ULL) << 32 | i, i, 0 },
		       sizeof(*command));
	}
	for (i = 0; i < (int)ARRAY_SIZE(regs) && !err; i++)
		err = vmm_set(vm->its, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, regs[i].offset,
			      regs[i].val);
	return err;
}

int vmm_run(struct vm *vm, int cpu)
{
	struct kvm_run *run = vm->run[cpu];

	for (;;) {
		int err = err_of(ioctl(vm->vcpu[cpu], KVM_RUN, 0));

		if (err)
			return err;
		if (run->exit_reason != KVM_EXIT_MMIO)
			return EPROTO;
		if (run->mmio.phys_addr == EXIT_GPA)
			return 0;
	}
}
