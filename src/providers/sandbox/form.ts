import type { JsonObject } from '../../core/json.ts';
import type { Ask, SandboxFault } from './ask.ts';
import { isToken, type Parameters, type Step } from './models.ts';

/** A wire form: how an ask is read and how steps are written. */
export interface Form {
  read(body: JsonObject): Ask;
  /** One stream; stateful. */
  writer(reply: Reply): Writer;
  /** The same steps as one JSON answer. */
  whole(reply: Reply): JsonObject;
  error(fault: SandboxFault): JsonObject;
  /** The typed error as an event of a stream that had begun. */
  errorFrame(fault: SandboxFault): string;
  /** The header that carries the vendor's request id. */
  readonly requestIdHeader: string;
}

export interface Writer {
  open(): string;
  /** Frames for one step; `finish` writes everything to the end of the stream. */
  step(step: Step): string;
}

export interface Reply {
  /** Without the vendor's prefix. */
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
  readonly wantsUsage: boolean;
  readonly steps: readonly Step[];
  readonly usage: Usage;
}

/** Words counted as tokens. Input includes cached, output includes reasoning. */
export interface Usage {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

export function usageOf(ask: Ask, steps: readonly Step[], { cached = 0 }: Parameters): Usage {
  const input = Math.max(ask.words, 1);
  return {
    input,
    cached: Math.min(cached, input),
    output: steps.filter(isToken).length,
    reasoning: steps.filter((step) => step.do === 'thought').length,
  };
}
