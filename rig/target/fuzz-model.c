// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-model.c - what the emulated GIC has to answer, whatever was done before
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz-model.h"

#define BITS(high, low)		(~0ULL >> (63 - (high)) & ~0ULL << (low))

/* GICR_PROPBASER and GICR_PENDBASER after reset: Inner Shareable, RaWb */
#define INITIAL_BASER		(SHAREABLE_INNER | INNER_RAWB)
#define BASER_SHAREABILITY	(3ULL << 10)
#define SHAREABLE_INNER		(1ULL << 10)
#define SHAREABLE_OUTER		(2ULL << 10)
#define BASER_INNER		(7ULL << 7)
#define INNER_NC		(1ULL << 7)
#define INNER_RAWB		(3ULL << 7)
#define BASER_OUTER		(7ULL << 56)
#define OUTER_NC		(1ULL << 56)
#define BASER_ADDRESS(baser)	((baser) & BITS(51, 12))
#define PROPBASER_ID_BITS	0x1fULL
#define PROPBASER_RES0		(BITS(63, 59) | BITS(55, 52) | BITS(6, 5))
#define PENDBASER_RES0		(BITS(63, 63) | BITS(61, 59) | BITS(55, 52) | \
				 BITS(15, 12) | BITS(6, 0))
#define PENDBASER_PTZ		(1ULL << 62)

struct model m;

/* The registers that the model knows */
enum reg {
	UNKNOWN, IIDR_, DIST_GROUPS, REDIST_GROUPS, CTLR, TYPER, PROPBASER, PENDBASER, INVLPIR,
	INVALLR, SYNCR,
};

static const struct {
	const char	*name;
	bool		redist;
	u32		offset, size;
	bool		wide;		/* can be accessed as 64 bits */
} regs[] = {
	[IIDR_]		= { "GICD_IIDR", false, GICD_IIDR, 4, false },
	[DIST_GROUPS]	= { "GICD_IGROUPR", false, GICD_IGROUPR, 4 * 32, false },
	[REDIST_GROUPS]	= { "GICR_IGROUPR0", true, GICR_IGROUPR0, 4, false },
	[CTLR]		= { "GICR_CTLR", true, GICR_CTLR, 4, false },
	[TYPER]		= { "GICR_TYPER", true, GICR_TYPER, 8, true },
	[PROPBASER]	= { "GICR_PROPBASER", true, GICR_PROPBASER, 8, true },
	[PENDBASER]	= { "GICR_PENDBASER", true, GICR_PENDBASER, 8, true },
	[INVLPIR]	= { "GICR_INVLPIR", true, GICR_INVLPIR, 8, true },
	[INVALLR]	= { "GICR_INVALLR", true, GICR_INVALLR, 8, true },
	[SYNCR]		= { "GICR_SYNCR", true, GICR_SYNCR, 4, false },
};

static enum reg find_reg(bool redist, u32 offset)
{
	enum reg reg;

	for (reg = IIDR_; reg <= SYNCR; reg++)
		if (regs[reg].redist == redist && offset >= regs[reg].offset &&
		    offset < regs[reg].offset + regs[reg].size)
			return reg;
	return UNKNOWN;
}

/* Accesses that a register does not have read as zero and are ignored. */
static bool can_access(enum reg reg, u32 offset, u32 len)
{
	return offset % len == 0 && (len == 4 || (len == 8 && regs[reg].wide));
}

bool is_known(bool redist, u32 offset)
{
	return find_reg(redist, offset) != UNKNOWN;
}

bool is_iidr(bool redist, u32 offset)
{
	return find_reg(redist, offset) == IIDR_;
}

bool is_group(bool redist, u32 offset)
{
	enum reg reg = find_reg(redist, offset);

	return reg == DIST_GROUPS || reg == REDIST_GROUPS;
}

const char *reg_name(bool redist, u32 offset)
{
	enum reg reg = find_reg(redist, offset);
	static __thread char name[32];
	u32 rest = offset - regs[reg].offset;
	int len;

	if (reg == UNKNOWN)
		snprintf(name, sizeof(name), "%s+%#x", redist ? "GICR" : "GICD", offset);
	if (reg == UNKNOWN)
		return name;
	len = snprintf(name, sizeof(name), "%s", regs[reg].name);
	if (reg == DIST_GROUPS) {
		len += snprintf(name + len, sizeof(name) - len, "%u", rest / 4);
		rest %= 4;
	}
	if (rest)
		snprintf(name + len, sizeof(name) - len, "+%u", rest);
	return name;
}

bool is_v3(void)
{
	return m.type == V3;
}

static bool has_its(void)
{
	return is_v3() && m.its;
}

u32 nr_irqs(void)
{
	return m.nr_irqs ?: 256;
}

u32 reset_groups(void)
{
	return is_v3() ? ~0 : 0;
}

static void reset_all_groups(void)
{
	int i;

	for (i = 0; i < MAX_VCPUS; i++)
		m.vcpu[i].groups = reset_groups();
	memset(m.shared, reset_groups(), sizeof(m.shared));
}

void model_new_vm(void)
{
	m = (struct model){ .early_iidr = m.early_iidr };
}

void model_new_device(u32 type)
{
	m.type = type;
	m.rev = LATEST_REV;
	m.door = false;
	reset_all_groups();
}

/* The first region that has room takes it, if there is one. */
static void place_redist(struct model_vcpu *vcpu)
{
	int i;

	for (i = 0; i < m.nr_regions && vcpu->region < 0; i++) {
		struct model_region *region = &m.region[i];

		if (!region->count || region->used < region->count) {
			vcpu->region = i;
			vcpu->index = region->used++;
		}
	}
}

void model_new_vcpu(u32 id)
{
	struct model_vcpu *vcpu = &m.vcpu[m.nr_vcpus++];

	*vcpu = (struct model_vcpu){
		.id = id, .region = -1, .groups = reset_groups(), .pendbaser = INITIAL_BASER,
	};
	place_redist(vcpu);
}

void model_new_region(u64 base, u32 count)
{
	int i;

	m.region[m.nr_regions++] = (struct model_region){ .base = base, .count = count };
	for (i = 0; i < m.nr_vcpus; i++)
		place_redist(&m.vcpu[i]);
}

u64 redist_base(int cpu)
{
	struct model_vcpu *vcpu = &m.vcpu[cpu];

	return vcpu->region < 0 ? 0 :
	       m.region[vcpu->region].base + vcpu->index * GICR_SIZE;
}

void model_new_its(void)
{
	m.its = true;
	m.propbaser = INITIAL_BASER;
}

/* What is in memory of the configuration of an LPI, or NULL where KVM cannot read */
static const u8 *config_in_memory(int lpi)
{
	u64 addr = BASER_ADDRESS(m.propbaser) + lpi;

	/* All other addresses of the memory are as good as impossible. */
	return addr >= CONFIG_GPA && addr < CONFIG_GPA + NR_LPIS ?
	       &m.config[addr - CONFIG_GPA] : NULL;
}

static void read_config(int lpi)
{
	const u8 *config = config_in_memory(lpi);

	if (m.lpi[lpi].known && config)
		m.lpi[lpi].config = *config;
}

/* KVM reads the tables of both, or there is no mapping. */
void model_map_lpi(int lpi, int cpu)
{
	bool pending = (m.vcpu[cpu].pendbaser & BITS(51, 16)) == TABLES_GPA;

	if (m.lpi[lpi].known || !pending || !config_in_memory(lpi) ||
	    (m.propbaser & PROPBASER_ID_BITS) < 13)
		return;
	m.lpi[lpi] = (struct model_lpi){ .known = true, .target = cpu };
	read_config(lpi);
}

void model_run(int err)
{
	if (!err) {
		m.ran = YES;
		if (m.type == V2)
			m.init = true;
	} else {
		m.maybe_dead = true;
		if (m.ran == NO)
			m.ran = MAYBE;
	}
}

/* As KVM makes it of the ID: 16 vCPUs have the same Aff1 */
static u32 affinity(u32 id)
{
	return (id & 0xf) | (id >> 4 & 0xff) << 8 | (id >> 12 & 0xff) << 16;
}

u32 cpu_name(int cpu)
{
	return is_v3() ? affinity(m.vcpu[cpu].id) : m.vcpu[cpu].id;
}

/* The MPIDR of a vCPU that is not initialized is not set either. */
static u32 mpidr_of(int cpu)
{
	return m.vcpu[cpu].init ? affinity(m.vcpu[cpu].id) : 0;
}

static int cpu_by_mpidr(u32 mpidr)
{
	int i;

	for (i = 0; i < m.nr_vcpus; i++)
		if (mpidr == mpidr_of(i))
			return i;
	return -1;
}

/*
 * Of vCPUs with the same MPIDR, KVM takes the first until one has run, and from
 * then on the last of those that there were (kvm_init_mpidr_data()).
 */
bool is_ambiguous(u32 mpidr)
{
	int i, nr = 0;

	for (i = 0; i < m.nr_vcpus; i++)
		nr += mpidr == mpidr_of(i);
	return m.ran != NO && nr > 1;
}

static int cpu_by_id(u32 id)
{
	int i;

	for (i = 0; i < m.nr_vcpus; i++)
		if (m.vcpu[i].id == id)
			return i;
	return -1;
}

/* Where an access to a group register leads, or NULL where there is nothing */
static u32 *group_word(int cpu, bool redist, u32 offset)
{
	u32 word = (offset - GICD_IGROUPR) / 4;

	if (redist || (!word && !is_v3()))
		return &m.vcpu[cpu].groups;
	return word && word < nr_irqs() / 32 ? &m.shared[word] : NULL;
}

/* IR and CES */
u32 ctlr_features(u32 rev)
{
	return rev >= 3 ? 6 : 0;
}

/* The last redistributor of a region, unless the next region follows it directly */
static bool is_last(int cpu)
{
	struct model_vcpu *vcpu = &m.vcpu[cpu];
	struct model_region *region = &m.region[vcpu->region];
	u64 end = region->base + region->count * GICR_SIZE;
	int i;

	if (vcpu->region < 0 || vcpu->index + 1 < region->used)
		return false;
	for (i = 0; region->count && vcpu->index + 1 == region->count && i < m.nr_regions; i++)
		if (m.region[i].base == end && m.region[i].used)
			return false;
	return true;
}

static u64 typer(int cpu)
{
	return (u64)mpidr_of(cpu) << 32 | (m.vcpu[cpu].id & 0xffff) << 8 | is_last(cpu) << 4 |
	       has_its();
}

/* The part of a register of 64 bits */
static u64 part(u64 reg, u32 offset, u32 len)
{
	return len == 8 ? reg : offset % 8 ? reg >> 32 : (u32)reg;
}

u64 model_read(int cpu, bool redist, u32 offset, u32 len)
{
	enum reg reg = find_reg(redist, offset);
	u32 *word;

	if (!can_access(reg, offset, len))
		return 0;
	switch (reg) {
	case IIDR_:
		return IIDR(m.rev);
	case DIST_GROUPS:
	case REDIST_GROUPS:
		word = group_word(cpu, redist, offset);
		return !word ? 0 : m.rev ? *word : ~0U;
	case CTLR:
		return m.vcpu[cpu].lpis | ctlr_features(m.rev);
	case TYPER:
		return part(typer(cpu), offset, len);
	case PROPBASER:
		return part(m.propbaser, offset, len);
	case PENDBASER:
		return part(m.vcpu[cpu].pendbaser & ~PENDBASER_PTZ, offset, len);
	default:
		return 0;
	}
}

/* What becomes of a write to the address of a table, as KVM can or wants to have it */
static void write_baser(u64 *baser, u32 offset, u32 len, u64 val, u64 res0)
{
	u64 mask = len == 8 ? ~0ULL : offset % 8 ? ~0ULL << 32 : (u32)~0;
	u64 reg;

	if (len == 4 && offset % 8)
		val <<= 32;
	reg = (*baser & ~mask) | (val & mask);
	/* Outer Shareable becomes Inner Shareable, */
	if ((reg & BASER_SHAREABILITY) == SHAREABLE_OUTER)
		reg = (reg & ~BASER_SHAREABILITY) | SHAREABLE_INNER;
	/* device and non-cacheable become RaWb, */
	if ((reg & BASER_INNER) <= INNER_NC)
		reg = (reg & ~BASER_INNER) | INNER_RAWB;
	/* and an outer cacheability becomes that of the inner. */
	if ((reg & BASER_OUTER) > OUTER_NC)
		reg &= ~BASER_OUTER;
	*baser = reg & ~res0;
}

/* The two registers are not there below revision 3, and of no use without LPIs. */
static bool can_invalidate(int cpu, u32 offset)
{
	return m.rev >= 3 && m.vcpu[cpu].lpis && offset % 8 == 0;
}

void model_write(int cpu, bool redist, u32 offset, u32 len, u64 val)
{
	enum reg reg = find_reg(redist, offset);
	struct model_vcpu *vcpu = &m.vcpu[cpu];
	u32 *word;
	int i;

	if (!can_access(reg, offset, len))
		return;
	m.invalidated |= reg == INVLPIR || reg == INVALLR;
	switch (reg) {
	case DIST_GROUPS:
	case REDIST_GROUPS:
		word = group_word(cpu, redist, offset);
		if (word && m.rev >= 2)
			*word = val;
		break;
	case CTLR:
		if (has_its())
			vcpu->lpis = val & 1;
		break;
	case PROPBASER:
		if (!vcpu->lpis)
			write_baser(&m.propbaser, offset, len, val, PROPBASER_RES0);
		break;
	case PENDBASER:
		if (!vcpu->lpis)
			write_baser(&vcpu->pendbaser, offset, len, val, PENDBASER_RES0);
		break;
	case INVLPIR:
		if (can_invalidate(cpu, offset) && (u32)val - FIRST_LPI < NR_LPIS)
			read_config((u32)val - FIRST_LPI);
		break;
	case INVALLR:
		for (i = 0; can_invalidate(cpu, offset) && i < NR_LPIS; i++)
			if (m.lpi[i].target == cpu)
				read_config(i);
		break;
	default:
		break;
	}
}

/* Return: the errno that selecting has to end with */
static int model_select(u32 val, int err)
{
	u32 rev = IIDR_REV(val);

	if ((val ^ IIDR(0)) & ~IIDR_REV_MASK || rev > LATEST_REV)
		return EINVAL;
	/* Groups that are fixed are for guests that have not run. */
	if (rev < 2 && rev != m.rev) {
		if (m.ran == MAYBE)
			m.ran = err == EBUSY ? YES : NO;
		if (m.ran == YES)
			return EBUSY;
	}

	m.rev = rev;
	m.door = rev >= 2;
	if (rev < 2)
		reset_all_groups();
	return 0;
}

int model_attr(bool write, u32 group, u64 attr, u32 val, bool good_pointer, int err, int *cpu)
{
	bool redist = group == REDIST_REGS;
	u32 offset = attr;

	if (is_v3() && group == DIST_REGS)
		*cpu = m.nr_vcpus ? 0 : -1;
	else if (is_v3())
		*cpu = cpu_by_mpidr(attr >> 32);
	else
		*cpu = cpu_by_id(attr >> 32 & 0xff);
	if (*cpu < 0)
		return EINVAL;
	if (write && !good_pointer)
		return EFAULT;
	/* GICv2 is initialized by whoever needs it. */
	if (m.type == V2)
		m.init = true;
	if (!m.init && !(m.early_iidr && group == DIST_REGS &&
			 (offset == GICD_IIDR || offset == 0xc)))
		return EBUSY;
	if (!is_known(redist, offset))
		return -1;
	if (!write)
		return good_pointer ? 0 : EFAULT;
	if (offset == GICD_IIDR && !redist)
		return model_select(val, err);
	if (is_v3() || m.door)
		model_write(*cpu, redist, offset, 4, val);
	return 0;
}

u32 model_state(void)
{
	bool private = false, shared = false, lpis = false, stale = false;
	u32 s = m.type == V3 ? 2 : m.type == V2;
	int i;

	for (i = 0; i < m.nr_vcpus; i++) {
		private |= m.vcpu[i].groups != reset_groups();
		lpis |= m.vcpu[i].lpis;
	}
	for (i = 1; i < 32; i++)
		shared |= m.shared[i] != reset_groups();
	for (i = 0; i < NR_LPIS; i++)
		stale |= m.lpi[i].known && m.lpi[i].config != m.config[i];

	s = s * 2 + m.init;
	s = s * 4 + m.rev;
	s = s * 2 + m.door;
	s = s * 3 + m.ran;
	s = s * 4 + (m.nr_vcpus < 2 ? m.nr_vcpus : m.nr_vcpus < 5 ? 2 : 3);
	s = s * 2 + private;
	s = s * 2 + shared;
	s = s * 2 + m.its;
	s = s * 2 + lpis;
	s = s * 2 + stale;
	s = s * 4 + (!m.nr_irqs ? 0 : m.nr_irqs == 64 ? 1 : m.nr_irqs == 992 ? 2 : 3);
	return s * 2 + m.maybe_dead;
}
