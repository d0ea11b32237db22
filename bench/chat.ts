/**
 * Chat beside Socket.IO, ws and Bun's own publish, in one run, each server on one core and the load
 * on the other. Prints ratios and merges the figures into bench/measured-chat.json.
 *
 *   bun bench/chat.ts              everything, about ten minutes
 *   bun bench/chat.ts fanout       one part: fanout, sends, latency, memory, herd
 *   bun bench/chat.ts hold         15,000 connections with churn, for ten minutes
 */
import { benchFanout } from "./chat-fanout.ts";
import { benchHerd } from "./chat-herd.ts";
import { benchLatency } from "./chat-latency.ts";
import { benchHold, benchMemory } from "./chat-memory.ts";
import { benchSends } from "./chat-sends.ts";
import { runParts } from "./run.ts";

await runParts("measured-chat.json", {
  fanout: benchFanout,
  sends: benchSends,
  latency: benchLatency,
  memory: benchMemory,
  herd: benchHerd,
  hold: benchHold,
});
