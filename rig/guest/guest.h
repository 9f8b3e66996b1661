/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.h - the machine that the bare-metal guests run on: QEMU's virt
 */
#ifndef RIG_GUEST_H
#define RIG_GUEST_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define read_sysreg(reg) ({						\
	u64 _val;							\
									\
	asm volatile("mrs %0, " reg : "=r" (_val));			\
	_val;								\
})

#define write_sysreg(reg, val)						\
	asm volatile("msr " reg ", %0\n\tisb" :: "r" ((u64)(val)) : "memory")

static inline u32 readl(u64 addr)
{
	u32 val;

	/* The forms of a load that can be emulated without decoding it */
	asm volatile("ldr %w0, [%1]" : "=r" (val) : "r" (addr) : "memory");
	return val;
}

static inline void writel(u64 addr, u32 val)
{
	asm volatile("str %w0, [%1]" :: "r" (val), "r" (addr) : "memory");
}

static inline void writeq(u64 addr, u64 val)
{
	asm volatile("str %0, [%1]" :: "r" (val), "r" (addr) : "memory");
}

/* In ticks of the virtual counter */
static inline u64 now(void)
{
	asm volatile("isb" ::: "memory");
	return read_sysreg("cntvct_el0");
}

static inline u64 seconds(u32 n)
{
	return n * read_sysreg("cntfrq_el0");
}

/* %u and %x, of a u32, and %s */
void print(const char *fmt, ...);

/* Say so if a guest finds something that is not what it was. Return: whether it does. */
bool differs(const char *guest, const char *what, u32 was, u32 is);

/* Each guest has these. */
int main(void);
void irq(void);
void fiq(void);

#endif /* RIG_GUEST_H */
