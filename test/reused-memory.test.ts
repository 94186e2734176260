import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ReusedMemory } from "../lib/index.ts";

const test = suite("memory that is used again");

const SIZE = 100;

test("a block is used again when all that was handed out was given back, in whatever parts", () => {
  const memory = new ReusedMemory(SIZE, 4);
  const block = memory.take();
  memory.handOut(block, 30, false);
  memory.takeBack([block.subarray(0, 30)]);
  assert.is.not(memory.take().buffer, block.buffer, "more of it will be handed out");
  memory.handOut(block.subarray(30), 20, true);
  memory.takeBack([block.subarray(35, 50)]);
  assert.is.not(memory.take().buffer, block.buffer, "a part of it is kept");
  memory.takeBack([block.subarray(30, 35)]);
  assert.is(memory.take().buffer, block.buffer);
});

test("no more is kept for later than was said", () => {
  const memory = new ReusedMemory(SIZE, 1);
  const blocks = [memory.take(), memory.take()];
  for (const block of blocks) memory.handOut(block, SIZE, true);
  memory.takeBack(blocks);
  assert.is(memory.take(), blocks[0]);
  assert.is.not(memory.take(), blocks[1]);
});

test("what others own is ignored, and what is given back twice is our mistake", () => {
  const memory = new ReusedMemory(SIZE, 4);
  memory.takeBack([new Uint8Array(5), new Uint8Array(0)]);
  const block = memory.take();
  memory.handOut(block, SIZE, true);
  memory.takeBack([block.subarray(0, 0), block]);
  assert.throws(() => memory.takeBack([block]), "given back twice");
  assert.throws(() => memory.handOut(new Uint8Array(5), 5, true), "foreign memory");
});

test.run();
