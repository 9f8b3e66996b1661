/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vm.h - a VM with two vCPUs, a GIC and a guest that accesses registers
 */
#ifndef VM_H
#define VM_H

#include <linux/kvm.h>
#include <stdbool.h>

#define NR_VCPUS	2
#define NR_INTIDS	96

enum frame { GICC, GICD, GICR, GITS, ICC };

struct place {
	enum frame frame;
	int vcpu;			/* whose redistributor */
	__u32 offset;			/* or SYSREG() */
	int size;			/* 4 or 8 bytes */
};

struct vm {
	int fd, gic, its, vcpu[NR_VCPUS];
	struct kvm_run *run;
	void *ram;
};

/* Of a system register with op0 3 and op1 0, as KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS has it */
#define SYSREG(crn, crm, op2)	(3 << 14 | (crn) << 7 | (crm) << 3 | (op2))

extern const char guest[], guest_start[], guest_done[], guest_mmio[], guest_end[];

/*
 * What an access comes to: 0, an errno (userspace), the exception class of the
 * exception that the guest took, or an exit that KVM leaves to userspace.
 */
#define EXCEPTION	0x1000
#define EXITS		0x2000

bool vm_has_gic(int model);
int vm_extension(long extension);

/* These end the program if the kernel refuses something. */
void vm_create(struct vm *vm, int model, bool its);
void vm_init_gic(struct vm *vm);
void vm_run(struct vm *vm);
void vm_destroy(struct vm *vm);

int vm_access(struct vm *vm, bool from_user, struct place at, bool write, __u64 *val);

/* Returns an errno. Reads back what the GIC has then. */
int vm_select(struct vm *vm, int revision);
int vm_revision(struct vm *vm);

const char *errno_name(int err);

#endif /* VM_H */
