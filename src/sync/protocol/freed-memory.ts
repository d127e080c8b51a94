// The pieces of a transfer are allocated and freed at the rate of the line. glibc, Linux's allocator, gives large ones back to the system
// each time and takes fresh pages for the next: of a transfer's processor time that was the largest part. The sizes from which it does so
// are those of the largest block that was ever freed (mallopt(3), M_MMAP_THRESHOLD), so one such block, never touched, is freed first.

const mebibyte = 1024 * 1024;
/** Of a hub, whose young generation is small (scripts/runtime.mjs): pieces are freed a few at a time. */
export const hubKeptBytes = 2 * mebibyte;
/** Of a site. The allocator takes no larger block into account than 32 MiB. */
export const siteKeptBytes = 31 * mebibyte;

/** For the whole process, from now on. Up to twice as much may stay with it. Allocators of other systems do not notice. */
export function keepFreedMemory(bytes: number): void {
  new ArrayBuffer(bytes).transfer(0);
}
