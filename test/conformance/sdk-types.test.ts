import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import type { Dialect } from '../../src/core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { anthropic } from '../../src/dialects/anthropic/index.ts';
import { bedrock } from '../../src/dialects/bedrock/index.ts';
import { gemini } from '../../src/dialects/gemini/index.ts';
import { bodyOf, framesOf, hasFailed, isOwn, objectsIn, understood } from './answers.ts';

// What the gateway writes in the dialects of vendors without a published schema must be what the types of their own
// SDKs say. The compiler is asked: every answer becomes a literal of that type, in which a field that is missing, is of
// another type or is known to nobody is an error.

const ROOT = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'weir-types-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** How the types of SDKs stand for what is on the wire. */
const WIRE = `
import type { Message, RawMessageStreamEvent, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import type { ConverseResponse, ConverseStreamOutput } from '@aws-sdk/client-bedrock-runtime';
import type { GenerateContentResponse } from '@google/genai';

type Flat<T> = { [K in keyof T]: T[K] };
/** What may be null may be left out, as the vendors' servers do; words are words, and bytes are their base64. */
type Wire<T> = unknown extends T ? T
  : T extends Uint8Array ? string
  : T extends string ? \`\${T}\`
  : T extends readonly (infer Item)[] ? Wire<Item>[]
  : T extends object ? (string extends keyof T ? T : Fields<Omitted<T>>)
  : T;
type Fields<T> = Flat<
  { [K in keyof T as null extends T[K] ? never : K]: Wire<T[K]> } & { [K in keyof T as null extends T[K] ? K : never]?: Wire<T[K]> }
>;
/** Anthropic's servers say who called a tool where it was not the model itself; the type has it everywhere. */
type Omitted<T> = T extends ToolUseBlock ? Omit<T, 'caller'> & Partial<Pick<T, 'caller'>> : T;
/** What the SDK adds to what came. */
type Response = Omit<
  GenerateContentResponse,
  'text' | 'data' | 'functionCalls' | 'executableCode' | 'codeExecutionResult' | 'initialPromptTokenCount'
>;
`;

/** One value of every shape: words are a part of it, texts and numbers are not. */
const ofEveryShape = (values: readonly JsonObject[]): readonly JsonObject[] => [
  ...new Map(values.map((value) => [JSON.stringify(shapeOf(value)), value])).values(),
];

function shapeOf(value: Json | undefined): Json {
  if (typeof value === 'number') return 0;
  if (typeof value === 'string') return /^[A-Za-z_]{1,40}$/.test(value) ? value : ' ';
  if (isArray(value)) return value.map(shapeOf);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)])) : (value ?? null);
}

interface Typed {
  readonly dialect: Dialect;
  readonly whole: string;
  readonly streamed: string;
}

const typed: readonly Typed[] = [
  { dialect: anthropic, whole: 'Message', streamed: 'RawMessageStreamEvent' },
  { dialect: gemini, whole: 'Response', streamed: 'Response' },
  { dialect: bedrock, whole: 'ConverseResponse', streamed: 'ConverseStreamOutput' },
];

/** Events of Bedrock bear their name outside of their data. */
const eventsOf = (chunks: (typeof understood)[number]['chunks'], dialect: Dialect): readonly JsonObject[] =>
  dialect === bedrock
    ? framesOf(chunks, dialect).flatMap((frame) => objectsIn([frame]).map((payload) => ({ [frame.event ?? '']: payload })))
    : objectsIn(framesOf(chunks, dialect));

function literals({ dialect, whole, streamed }: Typed): readonly string[] {
  const said = understood.filter((each) => !hasFailed(each) && !isOwn(each, dialect));
  const list = (name: string, type: string, values: readonly JsonObject[]) => [
    `export const ${name}: readonly Wire<${type}>[] = [`,
    ...ofEveryShape(values).map((value) => `${JSON.stringify(value)},`),
    '];',
  ];
  return [
    ...list(
      `${dialect.id}Answers`,
      whole,
      said.map(({ chunks }) => bodyOf(chunks, dialect)),
    ),
    ...list(
      `${dialect.id}Events`,
      streamed,
      said.flatMap(({ chunks }) => eventsOf(chunks, dialect)),
    ),
  ];
}

/** What the compiler says of these lines, with the line that it says it of. */
async function compile(name: string, lines: readonly string[]): Promise<readonly string[]> {
  const config = {
    compilerOptions: {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: 'ES2024',
      module: 'ESNext',
      moduleResolution: 'bundler',
      types: ['node'],
    },
    files: [`${name}.ts`],
  };
  const text = [...WIRE.split('\n'), ...lines];
  writeFileSync(path.join(folder, `${name}.ts`), text.join('\n'));
  writeFileSync(path.join(folder, `${name}.json`), JSON.stringify(config));
  const compiler = path.join(ROOT, 'node_modules/.bin/tsc');
  const { stdout } = await promisify(execFile)(compiler, ['-p', `${name}.json`, '--pretty', 'false'], {
    cwd: folder,
    maxBuffer: 1 << 26,
  }).catch((failed: { readonly stdout: string }) => failed);
  return stdout.split('\n').flatMap((line) => {
    const [, at] = /^\S+\((\d+),\d+\): error/.exec(line) ?? [];
    return at === undefined ? [] : [`${line.slice(0, 400)}: ${text[Number(at) - 1]?.slice(0, 1000)}`];
  });
}

symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));

it.each(typed)('answers of $dialect.id are of the types of its SDK', async (each) => {
  const lines = literals(each);
  expect(lines.length).toBeGreaterThan(30);
  expect((await compile(each.dialect.id, lines)).slice(0, 5)).toEqual([]);
});

it('the compiler finds what is missing, what is of another type, and what nobody knows', async () => {
  const usage = '"usage":{"input_tokens":1,"output_tokens":1}';
  const message = `"id":"m","type":"message","role":"assistant","model":"x","content":[],"stop_reason":"end_turn"`;
  const faulty = [`${message}`, `${message},"usage":{"input_tokens":"1","output_tokens":1}`, `${message},${usage},"stopReason":"x"`];
  const lines = [`${message},${usage}`, ...faulty].map((fields, at) => `export const each${at}: Wire<Message> = {${fields}};`);
  const found = await compile('faulty', lines);
  expect(faulty.map((_, at) => found.filter((line) => line.includes(`const each${at + 1}:`)).length > 0)).toEqual([true, true, true]);
  expect(found.filter((line) => line.includes('const each0:'))).toEqual([]);
});
