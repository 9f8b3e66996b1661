// SPDX-License-Identifier: GPL-2.0-only
/*
 * older-kvm.c - run the selftests on kernels from before v6.8
 *
 * Their library uses KVM_SET_USER_MEMORY_REGION2 for all memory of a guest, and skips
 * every test if there is none. The rig links this into each of them: its ioctl()
 * replaces that of the C library, and uses KVM_SET_USER_MEMORY_REGION there. Where
 * the kernel has both, nothing changes.
 */
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int has_region2(int fd)
{
	return syscall(SYS_ioctl, fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY2);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);

	if (request == KVM_CHECK_EXTENSION && (unsigned long)arg == KVM_CAP_USER_MEMORY2)
		return has_region2(fd) ?: 1;

	/* The newer of the two structures begins with the older one. */
	if (request == KVM_SET_USER_MEMORY_REGION2 && !has_region2(fd))
		request = KVM_SET_USER_MEMORY_REGION;

	return syscall(SYS_ioctl, fd, request, arg);
}
