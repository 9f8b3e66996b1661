/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmm.h - a VMM as small as it can be, for rig/fuzz.c and rig/kvm-faults.c
 *
 * Nothing here ends the program when an ioctl fails: that ioctls fail is what
 * these two are for.
 */
#ifndef RIG_VMM_H
#define RIG_VMM_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SZ_64K		0x10000

#define MAX_VCPUS	4
#define MAX_IRQS	992

/* Guest memory: code, then a page for each vCPU with what it is to do */
#define PAGE		0x1000
#define RAM_GPA		0x40000000ULL
#define RAM_SIZE	((1 + MAX_VCPUS) * PAGE)
#define NOWHERE_GPA	0x60000000ULL
#define EXIT_GPA	0x70000000ULL

#define GICD_GPA	0x08000000ULL
#define GICR_GPA	0x080a0000ULL
#define GICC_GPA	0x08010000ULL
#define GICR_SIZE	(2 * SZ_64K)

#define GICD_IIDR	0x08
#define GICD_IGROUPR	0x80
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
	int		nr_vcpus;
	int		vcpu[MAX_VCPUS];	/* in order of creation */
	struct kvm_run	*run[MAX_VCPUS];
	void		*ram;
};

/*
 * The guest runs at EL1 with its MMU off and interrupts masked. It does the
 * program that x0 points to and stores to EXIT_GPA, which is an exit to
 * userspace, for ever. Instructions that fault are skipped.
 */
extern const char guest_code[], guest_entry[], guest_end[];

asm(".pushsection .rodata\n"
    "	.global	guest_code, guest_entry, guest_end\n"
    "	.balign	2048\n"
    "guest_code:\n"
    "	.org	guest_code + 0x200\n"
    "	mrs	x9, elr_el1\n"
    "	add	x9, x9, #4\n"
    "	msr	elr_el1, x9\n"
    "	eret\n"
    "	.org	guest_code + 0x800\n"
    "guest_entry:\n"
    "	adr	x9, guest_code\n"
    "	msr	vbar_el1, x9\n"
    "	isb\n"
    "1:	ldr	x1, [x0]\n"
    "	add	x2, x0, #8\n"
    "2:	cbz	x1, 9f\n"
    "	ldr	x3, [x2]\n"
    "	ldr	x4, [x2, #8]\n"
    "	ldr	w5, [x2, #16]\n"
    "	ldr	w6, [x2, #20]\n"
    "	cbz	w5, 7f\n"
    "	cbnz	w6, 5f\n"
    "	cmp	w5, #4\n"
    "	b.eq	4f\n"
    "	b.hi	3f\n"
    "	ldrb	w4, [x3]\n"
    "	b	8f\n"
    "3:	ldr	x4, [x3]\n"
    "	b	8f\n"
    "4:	ldr	w4, [x3]\n"
    "	b	8f\n"
    "5:	cmp	w5, #4\n"
    "	b.eq	6f\n"
    "	b.hi	51f\n"
    "	strb	w4, [x3]\n"
    "	b	8f\n"
    "51:	str	x4, [x3]\n"
    "	b	8f\n"
    "6:	str	w4, [x3]\n"
    "	b	8f\n"
    "7:	msr	s3_0_c12_c11_5, x4\n"
    "8:	str	x4, [x2, #8]\n"
    "	add	x2, x2, #24\n"
    "	sub	x1, x1, #1\n"
    "	b	2b\n"
    "9:	mov	x3, #0x70000000\n"
    "	str	wzr, [x3]\n"
    "	b	1b\n"
    "guest_end:\n"
    ".popsection\n");

/* Return: 0 or an errno */
static inline int err_of(int ret)
{
	return ret < 0 ? errno : 0;
}

static inline int vmm_attr(int dev, unsigned long request, u32 group, u64 attr, void *p)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (u64)p };

	return err_of(ioctl(dev, request, &a));
}

static inline int vmm_set(int dev, u32 group, u64 attr, u64 val)
{
	return vmm_attr(dev, KVM_SET_DEVICE_ATTR, group, attr, &val);
}

static inline int vmm_get(int dev, u32 group, u64 attr, u32 *val)
{
	return vmm_attr(dev, KVM_GET_DEVICE_ATTR, group, attr, val);
}

/* All vmm_*() below return 0 or an errno, and what they have made is in @vm. */
static inline int vmm_create(struct vm *vm)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = RAM_GPA, .memory_size = RAM_SIZE,
	};

	*vm = (struct vm){ .kvm = vm->kvm, .fd = -1, .dev = -1 };
	vm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->ram == MAP_FAILED) {
		vm->ram = NULL;
		return errno;
	}
	memcpy(vm->ram, guest_code, guest_end - guest_code);
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return errno;
	slot.userspace_addr = (u64)vm->ram;
	return err_of(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot));
}

static inline int vmm_create_vcpu(struct vm *vm, u32 id)
{
	int fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);

	if (fd < 0)
		return errno;
	if (vm->nr_vcpus == MAX_VCPUS) {
		close(fd);
		return E2BIG;
	}
	vm->vcpu[vm->nr_vcpus++] = fd;
	return 0;
}

static inline int vmm_set_core_reg(int vcpu, size_t offset, u64 val)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / 4,
		.addr = (u64)&val,
	};

	return err_of(ioctl(vcpu, KVM_SET_ONE_REG, &reg));
}

static inline struct program *vmm_program(struct vm *vm, int cpu)
{
	return (void *)((char *)vm->ram + (1 + cpu) * PAGE);
}

static inline int vmm_init_vcpu(struct vm *vm, int cpu)
{
	struct kvm_vcpu_init init = {};
	int err, size;

	if (!vm->run[cpu]) {
		size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
		vm->run[cpu] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
				    vm->vcpu[cpu], 0);
		if (vm->run[cpu] == MAP_FAILED) {
			vm->run[cpu] = NULL;
			return errno;
		}
	}
	err = err_of(ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init));
	if (!err)
		err = err_of(ioctl(vm->vcpu[cpu], KVM_ARM_VCPU_INIT, &init));
	if (!err)
		err = vmm_set_core_reg(vm->vcpu[cpu], offsetof(struct kvm_regs, regs.pc),
				       RAM_GPA + (guest_entry - guest_code));
	if (!err)
		err = vmm_set_core_reg(vm->vcpu[cpu], offsetof(struct kvm_regs, regs.regs[0]),
				       RAM_GPA + (1 + cpu) * PAGE);
	/* There is no store to EXIT_GPA left to complete. */
	if (!err)
		vm->run[cpu]->exit_reason = 0;
	return err;
}

static inline int vmm_create_device(struct vm *vm, u32 type)
{
	struct kvm_create_device dev = { .type = type };
	int err = err_of(ioctl(vm->fd, KVM_CREATE_DEVICE, &dev));

	if (!err)
		vm->dev = dev.fd;
	return err;
}

/* Have a vCPU do its program. */
static inline int vmm_run(struct vm *vm, int cpu)
{
	struct kvm_run *run = vm->run[cpu];

	for (;;) {
		int err = err_of(ioctl(vm->vcpu[cpu], KVM_RUN, 0));

		if (err)
			return err;
		if (run->exit_reason != KVM_EXIT_MMIO)
			return EPROTO;
		if (run->mmio.phys_addr == EXIT_GPA)
			return 0;
	}
}

/* splitmix64: the same numbers from the same seed, wherever it runs */
static inline u64 next(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline u32 below(u64 *state, u32 limit)
{
	return (next(state) >> 32) % limit;
}

static inline u64 number_from(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Return: 0 or an errno */
static inline int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = err_of(write(fd, text, strlen(text)));
	close(fd);
	return err;
}

/* Return: the first thing the kernel has complained about since the last time */
static inline const char *kernel_complaint(void)
{
	static const char * const splats[] = {
		"WARNING: ", "BUG: ", "Oops", "Internal error", "UBSAN: ",
		"possible recursive locking", "unreferenced object", "blocked for more than",
	};
	static char found[256];
	static int kmsg = -1;
	char record[8192], *text;
	ssize_t len;
	u32 i;

	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	found[0] = '\0';
	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = '\0';
		text = strchr(record, ';');
		for (i = 0; text && !found[0] && i < ARRAY_SIZE(splats); i++)
			if (strstr(text, splats[i]))
				snprintf(found, sizeof(found), "the kernel says: %.*s",
					 (int)strcspn(text + 1, "\n"), text + 1);
	}
	return found[0] ? found : NULL;
}

static inline void on_alarm(int sig)
{
	(void)sig;
}

/* Return: whether a child has ended in so many seconds, by itself or by a signal */
static inline bool has_ended(pid_t pid, int *status, unsigned int seconds)
{
	pid_t ended;

	if (pid <= 0)
		return false;
	/* Without SA_RESTART it interrupts waitpid(). The next child has the default again. */
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	alarm(seconds);
	ended = waitpid(pid, status, 0);
	alarm(0);
	signal(SIGALRM, SIG_DFL);
	return ended == pid;
}

#endif /* RIG_VMM_H */
