/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz-model.h - what the emulated GIC has to answer, whatever was done before
 *
 * The model knows what GICD_IIDR and every IGROUPR have to read as, and which errors
 * accesses to them have to end with. It has no KVM: fuzz-ops.c tells it what was done.
 */
#ifndef RIG_FUZZ_MODEL_H
#define RIG_FUZZ_MODEL_H

#include "vmm.h"

/* vCPUs by order of creation */
struct model {
	u32	type;			/* of the device, 0: none */
	bool	early_iidr;		/* GICv3 has it before init, as since 6.17 */
	bool	init;
	bool	ran;
	bool	maybe_dead;		/* as after a KVM_RUN that has failed */
	u32	rev;
	bool	door;			/* GICv2: userspace can write groups */
	u32	nr_irqs;		/* 0: nobody has said */
	u32	private[MAX_VCPUS];
	u32	shared[32];		/* [0] is not used */
	int	nr_vcpus;
	u32	id[MAX_VCPUS];
	bool	vcpu_init[MAX_VCPUS];
	u64	dist, other;		/* guest addresses, 0: not set */
	u32	redists;		/* in the first region, 0: any number */
};

extern struct model m;

/* What changes the model besides accesses */
void model_new_vm(void);
void model_has_device(u32 type);

bool is_v3(void);
u32 nr_irqs(void);
u32 reset_groups(void);

/* Whether KVM may find another vCPU of this MPIDR than the model does */
bool is_ambiguous(u32 mpidr);

/* Whether the model knows the register */
bool is_known(bool redist, u32 offset);
bool is_iidr(bool redist, u32 offset);
bool is_group(bool redist, u32 offset);
const char *reg_name(bool redist, u32 offset);

/* The guest address of the redistributor of a vCPU, 0: it has none */
u64 redist_base(int cpu);

/* An access of the guest to a register that is_known() */
u32 model_read(int cpu, bool redist, u32 offset, u32 len);
void model_write(int cpu, bool redist, u32 offset, u32 len, u32 val);

/*
 * An access of userspace to any register, and which vCPU it leads to.
 *
 * Return: the errno that it has to end with, or a negative number: who knows
 */
int model_attr(bool write, u32 group, u64 attr, u32 val, bool good_pointer, int *cpu);

/* Return: a number for the state that the model is in, with groups either reset or not */
u32 model_state(void);

#endif /* RIG_FUZZ_MODEL_H */
