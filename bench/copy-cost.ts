import { runModule } from "./child.ts";

/** What a child is told to copy. */
export interface CopyOrder {
  readonly way: "headwater" | "plain" | "idle";
  readonly url: string;
  readonly path: string;
  /** For an `s3:` URL: what brings the bytes. */
  readonly transport?: "http" | "sdk";
  /** Whether to watch the event loop, which costs a little itself. */
  readonly watch?: boolean;
  /** Whether to say "ready" before it begins. */
  readonly announce?: boolean;
}

/** What one copy cost, without the start of its process. */
export interface CopyCost {
  /** To the end, the flush to the disk included. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the whole process: its largest resident size. */
  readonly peakBytes: number;
  /** How much the event loop was late, in seconds. */
  readonly stallP99: number;
  readonly stallMax: number;
  /** Of Headwater. */
  readonly requests: number;
  /** For the packages that the first S3 source of a process loads; not among the others. */
  readonly sdkSeconds: number;
}

/** Copies in a process of its own, to the end. */
export async function copyInChild(order: CopyOrder): Promise<CopyCost> {
  return (await runModule("copy-child.js", order)) as CopyCost;
}
