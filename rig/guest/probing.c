// SPDX-License-Identifier: GPL-2.0-only
/*
 * probing.c - a guest that finds out once whether IGROUPR is writable
 *
 * Where it is, one SGI is in group 0 and has to arrive as FIQ. Where it is not,
 * all interrupts are in group 1 and have to arrive as IRQ. It looks again and
 * again, for as long as it runs, and ends when what it has found at boot is no
 * longer so.
 */
#include "gic.h"
#include "guest.h"

#define SGI	1

struct finding {
	u32	iidr;
	u32	groups;		/* GICR_IGROUPR0 after SGI was put into group 0 */
	u32	irqs;		/* that have arrived for one SGI */
	u32	fiqs;
	u32	late;		/* that have arrived after that, for none */
};

static volatile u32 irqs, fiqs;

void irq(void)
{
	u32 intid = read_sysreg(ICC_IAR1);

	if (intid >= 1020)
		return;
	irqs += intid == SGI;
	write_sysreg(ICC_EOIR1, intid);
}

void fiq(void)
{
	u32 intid = read_sysreg(ICC_IAR0);

	if (intid >= 1020)
		return;
	fiqs += intid == SGI;
	write_sysreg(ICC_EOIR0, intid);
}

static bool is_writable(u32 groups)
{
	return !(groups & 1U << SGI);
}

/* @writable is what was found at boot: the guest keeps to that. */
static struct finding look(bool writable)
{
	static u32 arrived;
	struct finding found = { .iidr = readl(GICD_IIDR), .late = irqs + fiqs - arrived };
	u64 end = now() + seconds(10);

	writel(GICR_IGROUPR0, ~(1U << SGI));
	found.groups = readl(GICR_IGROUPR0);
	irqs = 0;
	fiqs = 0;
	if (writable)
		write_sysreg(ICC_SGI0R, SGI_TO_SELF(SGI));
	else
		write_sysreg(ICC_SGI1R, SGI_TO_SELF(SGI));
	while (!irqs && !fiqs && now() < end)
		;
	found.irqs = irqs;
	found.fiqs = fiqs;
	arrived = irqs + fiqs;
	return found;
}

int main(void)
{
	struct finding first, found;
	u64 start = now(), end;
	bool writable, changed;
	u32 n = 1;

	gic_init();
	/* QEMU 7.2 (TCG) wants group 1 to be enabled first, as it is. */
	write_sysreg(ICC_IGRPEN0, 1);
	writel(GICR_IGROUPR0, ~(1U << SGI));
	writable = is_writable(readl(GICR_IGROUPR0));
	gic_enable(SGI);
	asm volatile("msr daifclr, #3" ::: "memory");

	first = look(writable);
	if (first.fiqs + first.irqs == 1 && first.fiqs == writable)
		print("probing: revision %u, groups are %s, the SGI arrived as %s\n",
		      REVISION(first.iidr), writable ? "writable" : "fixed",
		      writable ? "FIQ" : "IRQ");
	else
		print("probing: revision %u, groups are %s, but FIQ %u, IRQ %u\n",
		      REVISION(first.iidr), writable ? "writable" : "fixed",
		      first.fiqs, first.irqs);

	do {
		for (end = now() + seconds(1) / 10; now() < end;)
			;
		found = look(writable);
		changed = differs("probing", "GICD_IIDR", first.iidr, found.iidr);
		changed |= differs("probing", "GICR_IGROUPR0", first.groups, found.groups);
		changed |= differs("probing", "IRQs", first.irqs, found.irqs);
		changed |= differs("probing", "FIQs", first.fiqs, found.fiqs);
		changed |= differs("probing", "one-interrupt-each", 0, found.late);
		if (now() - start > seconds(n)) {
			print("probing: still so\n");
			n++;
		}
	} while (!changed);
	print("probing: no longer so, and ends\n");
	return 0;
}
