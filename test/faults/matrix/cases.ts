import type { Form } from '../../upstream/forms.ts';
import { forms } from '../../upstream/forms.ts';
import { answers, oddities } from './answers.ts';
import { connections } from './connections.ts';
import type { Fault } from './fault.ts';
import { anthropic } from './readers/anthropic.ts';
import { bedrock } from './readers/bedrock.ts';
import { gemini } from './readers/gemini.ts';
import { openaiChat } from './readers/openai-chat.ts';
import { openaiResponses } from './readers/openai-responses.ts';
import type { Reader } from './readers/reading.ts';
import { streams } from './streams.ts';

/** A caller of one dialect before a vendor of the same or another. */
export interface Way {
  readonly name: string;
  readonly reader: Reader;
  readonly form: Form;
  /** Whether the stream's bytes pass as they came, with nobody looking at them. */
  readonly isNative: boolean;
}

const way = (name: string, reader: Reader, dialect: string, isNative = false): Way => {
  const form = forms.find((each) => each.dialect === dialect);
  if (form === undefined) throw new Error(`no vendor speaks ${dialect}`);
  return { name, reader, form, isNative };
};

const chat = openaiChat(false);
const chatWithUsage = openaiChat(true);

/** Each dialect before a vendor of its own, and before another's; Chat Completions also where nobody looks at the stream on its way. */
export const ways: readonly Way[] = [
  way('chat', chat, 'openai-chat'),
  way('chat with usage', chatWithUsage, 'openai-chat', true),
  way('chat from anthropic', chat, 'anthropic'),
  way('responses', openaiResponses, 'openai-responses', true),
  way('responses from chat', openaiResponses, 'openai-chat'),
  way('anthropic', anthropic, 'anthropic', true),
  way('anthropic from gemini', anthropic, 'gemini'),
  way('gemini', gemini, 'gemini', true),
  way('gemini from responses', gemini, 'openai-responses'),
  way('bedrock', bedrock, 'bedrock'),
  way('bedrock from anthropic', bedrock, 'anthropic'),
];

export interface Case {
  /** Which fault, to whom, how asked, and whether there is somebody else. */
  readonly name: string;
  readonly number: number;
  readonly fault: Fault;
  readonly way: Way;
  readonly stream: boolean;
  /** Whether a healthy target follows the faulty one. */
  readonly failover: boolean;
}

export const faults: readonly Fault[] = [...connections, ...answers, ...streams, ...oddities].map((fault) => ({
  ...fault,
  // Some names are said of streams and of whole answers alike, and each has a script of its own.
  name: fault.on === 'both' ? fault.name : `${fault.name}-${fault.on}`,
}));

/** Where nothing fails there is nobody to fail over to; where content has come, the one who must not answer has to be there. */
const places = ({ right, attempts }: Fault): readonly boolean[] => {
  if (right.is === 'early') return attempts === undefined ? [false, true] : [false];
  return [right.is !== 'good'];
};

/** Whole answers have no usage to ask for. */
const modes = ({ on }: Fault, { reader }: Way): readonly boolean[] =>
  [true, false].filter((stream) => (on === 'both' || (on === 'stream') === stream) && (stream || reader !== chatWithUsage));

export const cases: readonly Case[] = faults
  .flatMap((fault) =>
    ways
      .filter(({ form }) => fault.only?.(form) !== false)
      .flatMap((each) => modes(fault, each).flatMap((stream) => places(fault).map((failover) => ({ fault, way: each, stream, failover })))),
  )
  .map((each, number) => ({
    ...each,
    number,
    name: `${each.fault.name}: ${each.way.name}, ${each.stream ? 'streamed' : 'whole'}${each.failover ? ', with another target' : ''}`,
  }));
