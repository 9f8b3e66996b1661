/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.S - the guest: one access, then an exit to userspace, for ever
 *
 * x0: what to do next, x1: an address, x2: a value, x3: where nothing is. A
 * store to x3 ends an access, a store to x3 + 8 an access that took an
 * exception. Userspace sets the registers. It writes no memory once the guest
 * has run: the guest has its MMU off, and would not see what is in a cache.
 */
	.section .rodata
	.global	guest, guest_start, guest_done, guest_mmio, guest_end

	.balign	2048
guest:
	.org	guest + 0x200			/* exceptions from EL1 */
	mrs	x2, esr_el1
	str	x2, [x3, #8]
	br	x0

	.org	guest + 0x800
guest_start:
	adr	x4, guest
	msr	vbar_el1, x4
	isb
	br	x0

guest_done:
	str	x2, [x3]
	br	x0

guest_mmio:
	ldr	w2, [x1]
	b	guest_done
	str	w2, [x1]
	b	guest_done
	ldr	x2, [x1]
	b	guest_done
	str	x2, [x1]
	b	guest_done
guest_end:

	.section .note.GNU-stack, "", %progbits
