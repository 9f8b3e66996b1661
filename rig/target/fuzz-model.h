/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz-model.h - what the emulated GIC has to answer, whatever was done before
 *
 * The model knows GICD_IIDR, every IGROUPR, and on GICv3 the registers of a
 * redistributor that control LPIs, GICR_TYPER, and what KVM remembers of the
 * configuration of each LPI. It uses no KVM: fuzz-ops.c tells it what was done.
 */
#ifndef RIG_FUZZ_MODEL_H
#define RIG_FUZZ_MODEL_H

#include "vmm.h"

#define MAX_REGIONS	16
#define NR_LPIS		4

struct model_vcpu {
	u32	id;
	bool	init;
	u32	groups;			/* of SGIs and PPIs */
	bool	lpis;			/* GICR_CTLR.EnableLPIs */
	u64	pendbaser;
	int	region;			/* of its redistributor, -1: none */
	u32	index;			/* in that region */
};

/* Redistributors, in the order in which KVM fills them */
struct model_region {
	u64	base;
	u32	count;			/* 0: any number */
	u32	used;
};

struct model_lpi {
	bool	known;
	int	target;
	u8	config;			/* as KVM has read it last */
};

enum maybe { NO, MAYBE, YES };

struct model {
	u32	type;			/* of the device, 0: none */
	bool	early_iidr;		/* GICv3 has it before init, as since 6.17 */
	bool	init;
	enum maybe ran;			/* MAYBE: KVM_RUN has failed */
	bool	maybe_dead;		/* as after a KVM_RUN that has failed */
	u32	rev;
	bool	door;			/* GICv2: userspace can write groups */
	u32	nr_irqs;		/* 0: nobody has said */
	u32	shared[32];		/* groups of SPIs, [0] is not used */
	u64	dist, gicc;		/* guest addresses, 0: not set */

	int	nr_vcpus;		/* by order of creation */
	struct model_vcpu vcpu[MAX_VCPUS];
	int	nr_regions;
	struct model_region region[MAX_REGIONS];

	bool	its;
	u64	propbaser;
	u8	config[NR_LPIS];	/* the table in memory that it should point to */
	struct model_lpi lpi[NR_LPIS];
	bool	invalidated;		/* somebody has tried to, since it was looked at */
};

extern struct model m;

/* What was done that is no access to a register */
void model_new_vm(void);
void model_new_device(u32 type);
void model_new_vcpu(u32 id);
void model_new_region(u64 base, u32 count);
void model_new_its(void);
void model_map_lpi(int lpi, int cpu);
void model_run(int err);

bool is_v3(void);
u32 nr_irqs(void);
u32 reset_groups(void);

/* How userspace names a vCPU in the attribute of a register */
u32 cpu_name(int cpu);

/* Whether KVM may find another vCPU of this MPIDR than the model does */
bool is_ambiguous(u32 mpidr);

/* Whether the model knows the register */
bool is_known(bool redist, u32 offset);
bool is_iidr(bool redist, u32 offset);
bool is_group(bool redist, u32 offset);
const char *reg_name(bool redist, u32 offset);

/* The guest address of the redistributor of a vCPU, 0: it has none */
u64 redist_base(int cpu);

/* What GICR_CTLR has besides EnableLPIs and RWP in a revision */
u32 ctlr_features(u32 rev);

/* An access of the guest to a register that is_known() */
u64 model_read(int cpu, bool redist, u32 offset, u32 len);
void model_write(int cpu, bool redist, u32 offset, u32 len, u64 val);

/*
 * An access of userspace to any register, which vCPU it leads to, and what it has ended
 * with: where the model cannot know, it learns.
 *
 * Return: the errno that it has to end with, or a negative number: who knows
 */
int model_attr(bool write, u32 group, u64 attr, u32 val, bool good_pointer, int err, int *cpu);

/* Return: a number for the state that the model is in, much simplified */
u32 model_state(void);

#endif /* RIG_FUZZ_MODEL_H */
