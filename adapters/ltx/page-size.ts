/** Where SQLite locks files: the page that holds this byte is never written. */
const LOCK_OFFSET = 0x40000000;

/** Whether SQLite has pages of so many bytes: a power of two from 512 to 65536. */
export function isPageSize(pageSize: number): boolean {
  const isPowerOfTwo = Number.isInteger(pageSize) && (pageSize & (pageSize - 1)) === 0;
  return isPowerOfTwo && pageSize >= 512 && pageSize <= 65536;
}

/** The number of the page that no LTX file contains, and that reads as zeros. */
export function lockPage(pageSize: number): number {
  return LOCK_OFFSET / pageSize + 1;
}

/** How many pages a database of `commit` pages has beside the lock page. */
export function contentPages(commit: number, pageSize: number): number {
  return commit >= lockPage(pageSize) ? commit - 1 : commit;
}
