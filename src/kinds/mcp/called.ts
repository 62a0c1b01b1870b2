import type { NanoUsd } from '../../core/money.ts';
import { priceOf } from './prices.ts';
import type { McpSettings } from './settings.ts';
import { CALL, DESCRIBE, SEARCH } from './tools/own.ts';
import type { Showing } from './tools/showing.ts';
import { type RpcRequest, textOf } from './wire/message.ts';

/** Characters of a tool's name that are told apart where calls are counted. */
const LONGEST = 256;

/** A tool, as calls of it are counted, charged and logged. */
export interface CalledTool {
  /** By the name that clients see. */
  readonly tool: string;
  /** Of one call, where the operator has said one. */
  readonly price?: NanoUsd;
}

/** The tool that a request is for, which is the one that it means (`unwrapped`); `undefined` where it calls none. */
export function calledTool({ method, params }: RpcRequest, { prices, showing }: McpSettings): CalledTool | undefined {
  const named = method === 'tools/call' ? textOf(params, 'name') : undefined;
  if (named === undefined) return undefined;
  const tool = named.slice(0, LONGEST);
  // No server is asked for what the gateway adds.
  const price = isOwn(tool, showing) ? undefined : priceOf(prices, tool);
  return { tool, ...(price === undefined ? {} : { price }) };
}

const isOwn = (tool: string, { show }: Showing): boolean =>
  show === 'search' ? tool === SEARCH || tool === CALL : show === 'compact' && tool === DESCRIBE;
