/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmm.h - a VMM as small as it can be, for fuzz.c and kvm-faults.c
 *
 * Nothing here ends the program when an ioctl fails: that ioctls fail is what
 * these two are for.
 */
#ifndef RIG_VMM_H
#define RIG_VMM_H

#include <linux/kvm.h>

#include "host.h"

#define SZ_64K		0x10000

#define MAX_VCPUS	9
#define MAX_IRQS	992
#define FIRST_LPI	8192

/*
 * Guest memory: code, a page for each vCPU with what it is to do, the configuration
 * of LPIs, the one interrupt translation table of the ITS, and from 64K on its commands.
 * In the last 64K are tables that nobody writes: of devices, collections, pending LPIs.
 */
#define PAGE		0x1000
#define RAM_GPA		0x40000000ULL
#define RAM_SIZE	(3 * SZ_64K)
#define CONFIG_GPA	(RAM_GPA + (1 + MAX_VCPUS) * PAGE)
#define ITT_GPA		(CONFIG_GPA + PAGE)
#define COMMANDS_GPA	(RAM_GPA + SZ_64K)
#define TABLES_GPA	(RAM_GPA + 2 * SZ_64K)
#define NOWHERE_GPA	0x60000000ULL
#define EXIT_GPA	0x70000000ULL

#define GICD_GPA	0x08000000ULL
#define GICR_GPA	0x080a0000ULL
#define GICC_GPA	0x08010000ULL
#define GITS_GPA	0x0c000000ULL
#define GICR_SIZE	(2 * SZ_64K)

#define GICD_IIDR	0x08
#define GICD_IGROUPR	0x80
#define GICR_CTLR	0x00
#define GICR_TYPER	0x08
#define GICR_PROPBASER	0x70
#define GICR_PENDBASER	0x78
#define GICR_INVLPIR	0xa0
#define GICR_INVALLR	0xb0
#define GICR_SYNCR	0xc0
#define GICR_IGROUPR0	(SZ_64K + GICD_IGROUPR)

/* GICD_IIDR but for Revision: ARM, and KVM's product ID */
#define IIDR(rev)	(0x4b00043bU | (rev) << 12)
#define IIDR_REV(iidr)	((iidr) >> 12 & 0xf)
#define IIDR_REV_MASK	(0xfU << 12)
#define LATEST_REV	3

#define DIST_REGS	KVM_DEV_ARM_VGIC_GRP_DIST_REGS
#define REDIST_REGS	KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
#define V2		KVM_DEV_TYPE_ARM_VGIC_V2
#define V3		KVM_DEV_TYPE_ARM_VGIC_V3

/* What the guest does, one after the other */
struct access {
	u64	addr;
	u64	val;		/* what to write, or what was read */
	u32	len;		/* 1, 4 or 8; 0: send an SGI with ICC_SGI1R_EL1 */
	u32	write;
};

#define MAX_ACCESSES	64

struct program {
	u64		nr;
	struct access	access[MAX_ACCESSES];
};

struct vm {
	int		kvm;
	int		fd;
	int		dev;
	int		its;
	int		nr_vcpus;
	int		vcpu[MAX_VCPUS];	/* in order of creation */
	struct kvm_run	*run[MAX_VCPUS];
	void		*ram;
};

/* All below return 0 or an errno. */

int vmm_attr(int dev, unsigned long request, u32 group, u64 attr, void *p);
int vmm_set(int dev, u32 group, u64 attr, u64 val);
int vmm_get(int dev, u32 group, u64 attr, u32 *val);

/* What they make is in @vm. */
int vmm_create(struct vm *vm);
int vmm_create_vcpu(struct vm *vm, u32 id);
int vmm_init_vcpu(struct vm *vm, int cpu);
int vmm_create_device(struct vm *vm, u32 type);
int vmm_create_its(struct vm *vm);

/*
 * Map the LPIs from FIRST_LPI on, one to each of the vCPUs with these IDs. Where their
 * configuration and the pending ones are, the redistributors have to know before.
 */
int vmm_map_lpis(struct vm *vm, const u32 *ids, int nr);

/* The memory of the guest at an address, and where the program of a vCPU is in it */
void *vmm_memory(struct vm *vm, u64 gpa);
struct program *vmm_program(struct vm *vm, int cpu);

/* Have a vCPU do its program. */
int vmm_run(struct vm *vm, int cpu);

#endif /* RIG_VMM_H */
