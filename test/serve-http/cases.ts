// RFC 9110: what is asked of a blob of 1000 bytes, and what is owed.

export const DATE = "Tue, 02 Jan 2024 03:04:05 GMT";
const LATER = "Tue, 02 Jan 2024 03:04:06 GMT";
const EARLIER = "Tue, 02 Jan 2024 03:04:04 GMT";

/** A status with what else must be so: the ranges that are answered, or headers. */
export type Owed = readonly [
  status: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
];

/** E is the ETag of the blob. */
export const CASES: Readonly<Record<string, readonly [lines: string, owed: Owed]>> = {
  // Section 14.1.2 and 14.2: one range.
  "no range is all of it": ["", [200, "0-999"]],
  "the first byte": ["Range: bytes=0-0", [206, "0-0"]],
  "a range in the middle": ["Range: bytes=100-199", [206, "100-199"]],
  "the last byte": ["Range: bytes=999-999", [206, "999-999"]],
  "a range without an end": ["Range: bytes=900-", [206, "900-999"]],
  "a range from the beginning without an end": ["Range: bytes=0-", [206, "0-999"]],
  "a range past the end is cut": ["Range: bytes=990-2000", [206, "990-999"]],
  "a range far past the end is cut": [
    "Range: bytes=990-99999999999999999999999999",
    [206, "990-999"],
  ],
  "a suffix": ["Range: bytes=-100", [206, "900-999"]],
  "a suffix of one byte": ["Range: bytes=-1", [206, "999-999"]],
  "a suffix that is longer than the blob": ["Range: bytes=-5000", [206, "0-999"]],
  "a suffix of nothing": ["Range: bytes=-0", [416]],
  "a range after the end": ["Range: bytes=1000-1001", [416]],
  "a range far after the end": ["Range: bytes=99999999999999999999999999-", [416]],
  "leading zeros": ["Range: bytes=0005-0009", [206, "5-9"]],
  "the unit is in any letters": ["Range: BYTES=1-2", [206, "1-2"]],
  "the header's name is in any letters": ["rAnGe: bytes=1-2", [206, "1-2"]],
  "a unit that nobody knows is ignored": ["Range: lines=1-2", [200, "0-999"]],
  "a space before the equals sign is another unit": ["Range: bytes =1-2", [200, "0-999"]],
  // What makes no sense.
  "the last before the first": ["Range: bytes=5-4", [416]],
  "no number at all": ["Range: bytes=-", [416]],
  "nothing after the equals sign": ["Range: bytes=", [416]],
  "letters for numbers": ["Range: bytes=a-b", [416]],
  "a negative first": ["Range: bytes=-1-5", [416]],
  "a decimal": ["Range: bytes=1.5-2", [416]],
  "one good and one that makes no sense": ["Range: bytes=0-1,x", [416]],
  // Section 14.6: several.
  "two ranges": ["Range: bytes=0-9,20-29", [206, "0-9 20-29"]],
  "two ranges, the later one first": ["Range: bytes=20-29,0-9", [206, "20-29 0-9"]],
  "three, with a suffix and an open one": [
    "Range: bytes=0-0, 500-509, -1",
    [206, "0-0 500-509 999-999"],
  ],
  "spaces and tabs between them": ["Range: bytes=0-1 ,\t 5-6", [206, "0-1 5-6"]],
  "commas with nothing between them": ["Range: bytes=,0-1,,5-6,", [206, "0-1 5-6"]],
  "two that overlap are one": ["Range: bytes=0-9,5-14", [206, "0-14"]],
  "two that touch are one": ["Range: bytes=0-9,10-19", [206, "0-19"]],
  "one in another": ["Range: bytes=0-99,40-49,200-200", [206, "0-99 200-200"]],
  "one that joins two keeps the first place": [
    "Range: bytes=800-899,20-29,0-9,5-24",
    [206, "800-899 0-29"],
  ],
  "of several one that can be had": ["Range: bytes=2000-,5-6", [206, "5-6"]],
  "of several none that can be had": ["Range: bytes=2000-,-0", [416]],
  "64 ranges": [`Range: bytes=${ranges(64)}`, [206, ranges(64).replaceAll(",", " ")]],
  "65 ranges are too many": [`Range: bytes=${ranges(65)}`, [416]],
  "two thousand commas": [`Range: bytes=0-1${",".repeat(2000)}`, [416]],
  // Section 13.1.1 and 13.1.2: ETags.
  "If-Match with the ETag": ["If-Match: E", [200, "0-999"]],
  "If-Match with any": ["If-Match: *", [200, "0-999"]],
  "If-Match with it among others": ['If-Match: "x,y", E', [200, "0-999"]],
  "If-Match with another": ['If-Match: "x"', [412]],
  "If-Match with a weak one": ["If-Match: W/E", [412]],
  "If-Match with what is none": ["If-Match: x", [412]],
  "If-Match and a range": ["If-Match: E\nRange: bytes=1-2", [206, "1-2"]],
  "If-Match with another, and a range": ['If-Match: "x"\nRange: bytes=1-2', [412]],
  "If-Match goes before a range that cannot be had": ['If-Match: "x"\nRange: bytes=2000-', [412]],
  "If-None-Match with the ETag": ["If-None-Match: E", [304]],
  "If-None-Match with it as a weak one": ["If-None-Match: W/E", [304]],
  "If-None-Match with any": ["If-None-Match: *", [304]],
  "If-None-Match with it among others": ['If-None-Match: "x", E', [304]],
  "If-None-Match with another": ['If-None-Match: "x"', [200, "0-999"]],
  "If-None-Match and a range": ["If-None-Match: E\nRange: bytes=1-2", [304]],
  // Section 13.1.3 and 13.1.4: dates.
  "If-Modified-Since with the date": [`If-Modified-Since: ${DATE}`, [304]],
  "If-Modified-Since with a later one": [`If-Modified-Since: ${LATER}`, [304]],
  "If-Modified-Since with an earlier one": [`If-Modified-Since: ${EARLIER}`, [200, "0-999"]],
  "If-Modified-Since as RFC 850 has it": [
    "If-Modified-Since: Tuesday, 02-Jan-24 03:04:05 GMT",
    [304],
  ],
  "If-Modified-Since as asctime has it": ["If-Modified-Since: Tue Jan  2 03:04:05 2024", [304]],
  "If-Modified-Since with no date": ["If-Modified-Since: yesterday", [200, "0-999"]],
  "If-Modified-Since with an ISO date is none": [
    "If-Modified-Since: 2030-01-01T00:00:00Z",
    [200, "0-999"],
  ],
  "If-None-Match goes before If-Modified-Since": [
    `If-None-Match: "x"\nIf-Modified-Since: ${LATER}`,
    [200, "0-999"],
  ],
  "If-Unmodified-Since with the date": [`If-Unmodified-Since: ${DATE}`, [200, "0-999"]],
  "If-Unmodified-Since with an earlier one": [`If-Unmodified-Since: ${EARLIER}`, [412]],
  "If-Match goes before If-Unmodified-Since": [
    `If-Match: E\nIf-Unmodified-Since: ${EARLIER}`,
    [200, "0-999"],
  ],
  // Section 13.1.5: If-Range.
  "If-Range with the ETag": ["If-Range: E\nRange: bytes=1-2", [206, "1-2"]],
  "If-Range with another": ['If-Range: "x"\nRange: bytes=1-2', [200, "0-999"]],
  "If-Range with a weak one": ["If-Range: W/E\nRange: bytes=1-2", [200, "0-999"]],
  "If-Range with the date": [`If-Range: ${DATE}\nRange: bytes=1-2`, [206, "1-2"]],
  "If-Range with a later date": [`If-Range: ${LATER}\nRange: bytes=1-2`, [200, "0-999"]],
  "If-Range with an earlier date": [`If-Range: ${EARLIER}\nRange: bytes=1-2`, [200, "0-999"]],
  "If-Range without a range": ["If-Range: E", [200, "0-999"]],
  "If-Range with another goes before a range that cannot be had": [
    'If-Range: "x"\nRange: bytes=2000-',
    [200, "0-999"],
  ],
  // Pages.
  "a page on loopback may read": [
    "Origin: http://localhost:3000",
    [200, "0-999", { "access-control-allow-origin": "http://localhost:3000", vary: "origin" }],
  ],
  "a page that was named may read": [
    "Origin: https://example.org",
    [200, "0-999", { "access-control-allow-origin": "https://example.org" }],
  ],
  "another page may not": ["Origin: https://example.com", [403]],
  "a page without an origin may not": ["Origin: null", [403]],
  "a page whose name begins like loopback may not": ["Origin: http://127.0.0.1.nip.io", [403]],
  "the name localhost": ["Host: localhost:1234", [200, "0-999"]],
  "a name that was given": ["Host: blobs.example", [200, "0-999"]],
  "another name": ["Host: evil.example", [421]],
};

/** Ranges of one byte, each apart from the next. */
function ranges(count: number): string {
  return Array.from({ length: count }, (_, index) => `${index * 2}-${index * 2}`).join(",");
}
