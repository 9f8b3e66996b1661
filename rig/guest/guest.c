// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest.c - console and GICv3 of the bare-metal guests
 */
#include <stdarg.h>

#include "gic.h"
#include "guest.h"

#define UART_DR		0x09000000UL
#define UART_FR		(UART_DR + 0x18)
#define UART_FR_TXFF	(1U << 5)

static void put(char c)
{
	while (readl(UART_FR) & UART_FR_TXFF)
		;
	writel(UART_DR, c);
}

static void put_number(u32 n, u32 base, int digits)
{
	if (n >= base || digits > 1)
		put_number(n / base, base, digits - 1);
	put("0123456789abcdef"[n % base]);
}

void print(const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		switch (*++fmt) {
		case 'u':
			put_number(va_arg(ap, u32), 10, 1);
			break;
		case 'x':
			put_number(va_arg(ap, u32), 16, 8);
			break;
		case 's':
			for (text = va_arg(ap, const char *); *text; text++)
				put(*text);
			break;
		}
	}
	va_end(ap);
}

bool differs(const char *guest, const char *what, u32 was, u32 is)
{
	if (was != is)
		print("%s: no longer so: %s %x, was %x\n", guest, what, is, was);
	return was != is;
}

/* start.S calls it for what no guest here expects. */
void on_exception(u64 esr, u64 elr);
void on_exception(u64 esr, u64 elr)
{
	print("exception: ESR_EL1 %x, ELR_EL1 %x\n", (u32)esr, (u32)elr);
	for (;;)
		asm volatile("wfi");
}

static void wait_for_writes(u64 ctlr, u32 rwp)
{
	while (readl(ctlr) & rwp)
		;
}

void gic_init(void)
{
	u32 lines = 32 * ((readl(GICD_TYPER) & 0x1f) + 1), i;

	writel(GICD_CTLR, 0);
	wait_for_writes(GICD_CTLR, GICD_CTLR_RWP);
	for (i = 32; i < lines; i += 32) {
		writel(GICD_ICENABLER + i / 8, ~0);
		writel(GICD_ICPENDR + i / 8, ~0);
	}
	for (i = 32; i < lines; i += 4)
		writel(GICD_IPRIORITYR + i, 0x80808080);
	writel(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP1 | GICD_CTLR_GROUP0);
	wait_for_writes(GICD_CTLR, GICD_CTLR_RWP);

	writel(GICR_WAKER, readl(GICR_WAKER) & ~GICR_WAKER_SLEEP);
	while (readl(GICR_WAKER) & GICR_WAKER_ASLEEP)
		;
	writel(GICR_ICENABLER0, ~0);
	wait_for_writes(GICR_CTLR, GICR_CTLR_RWP);
	writel(GICR_ICPENDR0, ~0);
	for (i = 0; i < 32; i += 4)
		writel(GICR_IPRIORITYR + i, 0x80808080);

	write_sysreg(ICC_SRE, read_sysreg(ICC_SRE) | 1);
	write_sysreg(ICC_PMR, 0xf0);
	write_sysreg(ICC_CTLR, 0);
	write_sysreg(ICC_IGRPEN1, 1);
}

void gic_enable(u32 intid)
{
	if (intid < 32)
		writel(GICR_ISENABLER0, 1U << intid);
	else
		writel(GICD_ISENABLER + intid / 32 * 4, 1U << intid % 32);
}

bool gic_is_pending(u32 intid)
{
	u64 reg = intid < 32 ? GICR_ISPENDR0 : GICD_ISPENDR + intid / 32 * 4;

	return readl(reg) >> intid % 32 & 1;
}
