// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-model.c - what the emulated GIC has to answer, whatever was done before
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz-model.h"

struct model m;

bool is_v3(void)
{
	return m.type == V3;
}

u32 reset_groups(void)
{
	return is_v3() ? ~0 : 0;
}

static void reset_all_groups(void)
{
	memset(m.private, reset_groups(), sizeof(m.private));
	memset(m.shared, reset_groups(), sizeof(m.shared));
}

void model_new_vm(void)
{
	bool early_iidr = m.early_iidr;

	memset(&m, 0, sizeof(m));
	m.early_iidr = early_iidr;
}

void model_has_device(u32 type)
{
	m.type = type;
	m.rev = LATEST_REV;
	m.door = false;
	reset_all_groups();
}

u32 nr_irqs(void)
{
	return m.nr_irqs ?: 256;
}

/* The MPIDR of a vCPU that is not initialized is not set either. */
static u32 mpidr_of(int cpu)
{
	return m.vcpu_init[cpu] ? m.id[cpu] : 0;
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
	return m.ran && nr > 1;
}

static int cpu_by_id(u32 id)
{
	int i;

	for (i = 0; i < m.nr_vcpus; i++)
		if (m.id[i] == id)
			return i;
	return -1;
}

bool is_iidr(bool redist, u32 offset)
{
	return !redist && offset >= GICD_IIDR && offset < GICD_IIDR + 4;
}

bool is_group(bool redist, u32 offset)
{
	if (redist)
		return offset >= GICR_IGROUPR0 && offset < GICR_IGROUPR0 + 4;
	return offset >= GICD_IGROUPR && offset < GICD_IGROUPR + 4 * 32;
}

bool is_known(bool redist, u32 offset)
{
	return is_iidr(redist, offset) || is_group(redist, offset);
}

/* Where an access to a group register leads, or NULL where there is nothing */
static u32 *group_word(int cpu, bool redist, u32 offset, u32 len)
{
	u32 word = (offset - GICD_IGROUPR) / 4;

	if (len != 4 || offset % 4)
		return NULL;
	if (redist)
		return &m.private[cpu];
	if (!word)
		return is_v3() ? NULL : &m.private[cpu];
	return word < nr_irqs() / 32 ? &m.shared[word] : NULL;
}

u32 model_read(int cpu, bool redist, u32 offset, u32 len)
{
	u32 *word;

	if (is_iidr(redist, offset))
		return offset == GICD_IIDR && len == 4 ? IIDR(m.rev) : 0;
	word = group_word(cpu, redist, offset, len);
	if (!word)
		return 0;
	return m.rev ? *word : ~0U;
}

void model_write(int cpu, bool redist, u32 offset, u32 len, u32 val)
{
	u32 *word = is_group(redist, offset) ? group_word(cpu, redist, offset, len) : NULL;

	if (word && m.rev >= 2)
		*word = val;
}

/* Return: the errno that selecting has to end with */
static int model_select(u32 val)
{
	if ((val ^ IIDR(0)) & ~IIDR_REV_MASK || IIDR_REV(val) > LATEST_REV)
		return EINVAL;

	m.rev = IIDR_REV(val);
	m.door = m.rev >= 2;
	if (m.rev < 2)
		reset_all_groups();
	return 0;
}

const char *reg_name(bool redist, u32 offset)
{
	static __thread char name[32];

	if (is_iidr(redist, offset))
		snprintf(name, sizeof(name), "GICD_IIDR+%u", offset - GICD_IIDR);
	else if (redist && is_group(redist, offset))
		snprintf(name, sizeof(name), "GICR_IGROUPR0+%u", offset - GICR_IGROUPR0);
	else if (is_group(redist, offset))
		snprintf(name, sizeof(name), "GICD_IGROUPR%u+%u",
			 (offset - GICD_IGROUPR) / 4, offset % 4);
	else
		snprintf(name, sizeof(name), "%s+%#x", redist ? "GICR" : "GICD", offset);
	if (name[strlen(name) - 1] == '0' && name[strlen(name) - 2] == '+')
		name[strlen(name) - 2] = '\0';
	return name;
}

u64 redist_base(int cpu)
{
	if (!is_v3() || !m.other || (m.redists && (u32)cpu >= m.redists))
		return 0;
	return m.other + cpu * GICR_SIZE;
}

int model_attr(bool write, u32 group, u64 attr, u32 val, bool good_pointer, int *cpu)
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
		return model_select(val);
	if (is_v3() || m.door)
		model_write(*cpu, redist, offset, 4, val);
	return 0;
}

static bool any_differs(const u32 *words, int nr)
{
	while (nr--)
		if (*words++ != reset_groups())
			return true;
	return false;
}

u32 model_state(void)
{
	u32 s = m.type == V3 ? 2 : m.type == V2;

	s = s * 2 + m.init;
	s = s * 4 + m.rev;
	s = s * 2 + m.door;
	s = s * (MAX_VCPUS + 1) + m.nr_vcpus;
	s = s * 2 + any_differs(m.private, MAX_VCPUS);
	s = s * 2 + any_differs(m.shared + 1, 31);
	s = s * 4 + (!m.nr_irqs ? 0 : m.nr_irqs == 64 ? 1 : m.nr_irqs == 992 ? 2 : 3);
	return s * 2 + m.maybe_dead;
}
