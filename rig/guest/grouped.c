// SPDX-License-Identifier: GPL-2.0-only
/*
 * grouped.c - a guest on a GICv2 that puts an interrupt into group 1
 *
 * It has group 0 arrive as FIQ, and group 1 as IRQ where groups can be written. It writes
 * GICD_IGROUPR once, and says for as long as it runs whether the interrupt still arrives as
 * it did: a VMM that restores the groups before the revision loses them.
 */
#include "gic.h"
#include "guest.h"

#define GICD_ITARGETSR		(GICD + 0x800)
#define GICC			0x08010000UL
#define GICC_CTLR		(GICC + 0x0)
#define GICC_CTLR_GROUPS	(3U << 0)
#define GICC_CTLR_ACKCTL	(1U << 2)	/* QEMU has no GICC_AIAR */
#define GICC_CTLR_FIQEN		(1U << 3)
#define GICC_PMR		(GICC + 0x4)
#define GICC_IAR		(GICC + 0xc)
#define GICC_EOIR		(GICC + 0x10)

#define SPI		40
#define SPI_BIT		(1U << SPI % 32)
#define SPI_WORD(reg)	((reg) + SPI / 32 * 4)

struct finding {
	u32	iidr;
	u32	groups;		/* GICD_IGROUPR1 */
	u32	irqs;		/* that have arrived for one SPI */
	u32	fiqs;
	u32	late;		/* that have arrived after that, for none */
};

static volatile u32 irqs, fiqs;

static u32 acknowledge(void)
{
	u32 intid = readl(GICC_IAR);

	if (intid < 1020)
		writel(GICC_EOIR, intid);
	return intid;
}

void irq(void)
{
	irqs += acknowledge() == SPI;
}

void fiq(void)
{
	fiqs += acknowledge() == SPI;
}

static struct finding look(void)
{
	static u32 arrived;
	u32 late = irqs + fiqs - arrived;
	u64 end = now() + seconds(10);

	irqs = 0;
	fiqs = 0;
	writel(SPI_WORD(GICD_ISPENDR), SPI_BIT);
	while (!irqs && !fiqs && now() < end)
		;
	arrived = irqs + fiqs;
	return (struct finding){
		.iidr = readl(GICD_IIDR), .groups = readl(SPI_WORD(GICD_IGROUPR)),
		.irqs = irqs, .fiqs = fiqs, .late = late,
	};
}

int main(void)
{
	struct finding first, found;
	bool changed;
	u64 end;

	writel(GICD_CTLR, 0);
	writel(SPI_WORD(GICD_IGROUPR), SPI_BIT);
	writel(GICD_ITARGETSR + SPI, 0x01010101);
	writel(GICD_IPRIORITYR + SPI, 0x80808080);
	writel(SPI_WORD(GICD_ISENABLER), SPI_BIT);
	writel(GICD_CTLR, GICD_CTLR_GROUP1 | GICD_CTLR_GROUP0);
	writel(GICC_PMR, 0xf0);
	writel(GICC_CTLR, GICC_CTLR_GROUPS | GICC_CTLR_ACKCTL | GICC_CTLR_FIQEN);
	asm volatile("msr daifclr, #3" ::: "memory");

	first = look();
	print("grouped: revision %u, GICD_IGROUPR1 %x, the SPI arrived as %s\n",
	      REVISION(first.iidr), first.groups,
	      first.irqs + first.fiqs != 1 ? "neither" : first.irqs ? "IRQ" : "FIQ");
	do {
		for (end = now() + seconds(1); now() < end;)
			;
		found = look();
		changed = differs("grouped", "GICD_IIDR", first.iidr, found.iidr);
		changed |= differs("grouped", "GICD_IGROUPR1", first.groups, found.groups);
		changed |= differs("grouped", "IRQs", first.irqs, found.irqs);
		changed |= differs("grouped", "FIQs", first.fiqs, found.fiqs);
		changed |= differs("grouped", "one-interrupt-each", 0, found.late);
		if (!changed)
			print("grouped: still so\n");
	} while (!changed);
	print("grouped: no longer so, and ends\n");
	return 0;
}
